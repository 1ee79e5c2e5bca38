/**
 * What a plugin has to say about itself: the types it serves and what to do for each step of a resource's life. The
 * server does the rest (wire format, secrets, logs, cancellation).
 */
import type { Difference } from "./diff.ts";
import type { Logger } from "./engine.ts";
import type { PropertyMap } from "./value.ts";

/** What every step of a resource gets. */
export interface Step {
  urn: string;
  /** The last part of the URN: the name that the program gave. */
  name: string;
  /** Lines for the user, shown under this resource. */
  log: Logger;
  /** Aborted when the engine cancels the deployment. */
  signal: AbortSignal;
}

/** An input that cannot be accepted. */
export interface CheckFailure {
  property: string;
  /** One sentence for the user. */
  reason: string;
}

/** The inputs to store, and what is wrong with them. */
export interface Checked {
  inputs: PropertyMap;
  failures: CheckFailure[];
}

/** What a resource type does. All properties come decoded and may hold secrets and, in previews, unknowns. */
export interface ResourceType {
  /** True where the official plugin stores the id among the outputs, too. The server adds it. Default false. */
  storesId?: boolean;
  /** Validates and completes the inputs. `olds` are the inputs stored before (empty for a new resource). */
  check(step: Step, olds: PropertyMap, news: PropertyMap): Checked | Promise<Checked>;
  /** Compares; `oldInputs` are the stored inputs, `state` the stored outputs, `news` checked inputs. */
  diff(step: Step, id: string, oldInputs: PropertyMap, state: PropertyMap, news: PropertyMap): Difference;
  /** Makes the resource, or, in a preview, says what it would look like (the id may then be empty). */
  create(step: Step, inputs: PropertyMap, preview: boolean): Promise<{ id: string; state: PropertyMap }>;
  /** The resource as it is now; undefined when it is gone. Without this, what is stored is taken for true. */
  read?(
    step: Step,
    id: string,
    inputs: PropertyMap,
    state: PropertyMap,
  ): Promise<{ id: string; inputs: PropertyMap; state: PropertyMap } | undefined>;
  /** Changes the resource in place; returns its new outputs. */
  update(step: Step, id: string, state: PropertyMap, news: PropertyMap, preview: boolean): Promise<PropertyMap>;
  /** Removes the resource. Without this, forgetting it is all there is to do. */
  delete?(step: Step, id: string, state: PropertyMap): Promise<void>;
}

/** A plugin. */
export interface Provider {
  /** The package name, e.g. `command`. */
  name: string;
  /** The version of the official plugin that this one stands in for. */
  version: string;
  /** By type token, e.g. `command:remote:Command`. */
  resources: Record<string, ResourceType>;
  /** By token; a failure is thrown. */
  functions?: Record<string, (step: Step, args: PropertyMap) => Promise<PropertyMap>>;
  /** Validates the provider's own arguments. Default: accepts them as they are. */
  checkConfig?(news: PropertyMap): Checked;
  /** Receives the provider's own arguments, once, before any resource. */
  configure?(args: PropertyMap): void;
}
