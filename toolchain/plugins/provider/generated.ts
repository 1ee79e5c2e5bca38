/**
 * Resources that are made once, here, out of their inputs: random values, keys, certificates. There is nothing to
 * change in place and nothing to remove, so nearly every change of an input means replacement.
 */
import { difference } from "./diff.ts";
import type { CheckFailure, ResourceType, Step } from "./resource.ts";
import { hasUnknown, revealAll, Secret, unknown, type PropertyMap, type Value } from "./value.ts";

/** A kind of generated resource. */
export interface Generated {
  /** What inputs have when they are not given; only in outputs, the stored inputs stay as given. */
  defaults: PropertyMap | ((inputs: PropertyMap) => PropertyMap);
  /** The outputs that `generate` makes. */
  computed: string[];
  /** Outputs that are always secret. */
  secret?: string[];
  /** Inputs whose change alone updates the stored value and nothing else. */
  updatable?: string[];
  /** Inputs that are used and never stored among the outputs, nor compared. */
  writeOnly?: string[];
  /** What is wrong with the inputs. Not asked while an input is unknown. */
  validate?(inputs: PropertyMap): CheckFailure[];
  /** Makes the resource from plain inputs with defaults. */
  generate(
    inputs: PropertyMap,
    step: Step,
  ): { id: string; outputs: PropertyMap } | Promise<{ id: string; outputs: PropertyMap }>;
  /** True when the stored resource must be made again although no input changed. `inputs` have defaults. */
  expired?(inputs: PropertyMap, state: PropertyMap): boolean;
  /** The output that `expired` shows as changed. */
  expiredOutput?: string;
  /** False for a resource whose id the official plugin makes of another output. Default true. */
  storesId?: boolean;
}

/** The life of a generated resource. */
export function generatedResource(kind: Generated): ResourceType {
  const complete = (inputs: PropertyMap): PropertyMap => ({
    ...(typeof kind.defaults === "function" ? kind.defaults(revealAll(inputs)) : kind.defaults),
    ...inputs,
  });
  const stored = (inputs: PropertyMap): PropertyMap => without(complete(inputs), kind.writeOnly ?? []);
  const protect = (state: PropertyMap): PropertyMap =>
    Object.fromEntries(
      Object.entries(state).map(([name, value]) => [name, kind.secret?.includes(name) ? secret(value) : value]),
    );

  return {
    storesId: kind.storesId ?? true,

    check(_step, _olds, news) {
      const failures = hasUnknown(news) ? [] : (kind.validate?.(revealAll(complete(news))) ?? []);
      return { inputs: news, failures };
    },

    diff(_step, _id, oldInputs, state, news) {
      const [olds, wanted] = [revealAll(stored(oldInputs)), revealAll(stored(news))];
      const found = difference(olds, wanted, (name) => !kind.updatable?.includes(name));
      if (kind.expiredOutput && kind.expired?.(wanted, revealAll(state))) {
        found.changes[kind.expiredOutput] = { change: "update", replace: true };
      }
      return found;
    },

    async create(step, inputs, preview) {
      if (preview) {
        const computed = Object.fromEntries(kind.computed.map((name) => [name, unknown]));
        return { id: "", state: protect({ ...stored(inputs), ...computed }) };
      }
      const { id, outputs } = await kind.generate(revealAll(complete(inputs)), step);
      return { id, state: protect({ ...stored(inputs), ...outputs }) };
    },

    read(_step, id, inputs, state) {
      const due = kind.expiredOutput && kind.expired?.(revealAll(complete(inputs)), revealAll(state));
      const now = due && kind.expiredOutput ? { ...state, [kind.expiredOutput]: true } : state;
      return Promise.resolve({ id, inputs, state: protect(now) });
    },

    update(_step, _id, state, news) {
      const computed = Object.fromEntries(kind.computed.map((name) => [name, state[name] ?? null]));
      return Promise.resolve(protect({ ...stored(news), ...computed }));
    },
  };
}

function secret(value: Value): Secret {
  return value instanceof Secret ? value : new Secret(value);
}

function without(properties: PropertyMap, names: string[]): PropertyMap {
  return Object.fromEntries(Object.entries(properties).filter(([name]) => !names.includes(name)));
}
