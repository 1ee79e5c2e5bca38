import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hostKey, type Machine, problemsOf, smallStack, type StackConfig } from "../stack.ts";

/** A configuration that has to be refused, and every sentence that has to be said about it, in this order. */
export interface Refusal {
  readonly name: string;
  readonly config: StackConfig;
  readonly machine?: Machine;
  readonly problems: readonly string[];
}

/** Tests that each of them is refused with exactly these messages. */
export function refuses(what: string, refusals: readonly Refusal[]): void {
  describe(`a configuration of ${what} is refused for`, () => {
    for (const { name, config, machine, problems } of refusals) {
      it(name, () => {
        assert.deepEqual(problemsOf(config, machine), problems);
      });
    }
  });
}

type Settings = Readonly<Record<string, unknown>>;

function changed(key: string, settings: Settings): StackConfig {
  return { ...smallStack, [key]: { ...(smallStack[key] as Settings | undefined), ...settings } };
}

/** A host with its key. */
export function host(address: string, settings: Settings = {}): Settings {
  return { address, hostKey, ...settings };
}

/** The small stack with more servers, or other ones. */
export const servers = (settings: Settings) => changed("servers", settings);

/** The small stack with an agent pool of these settings. */
export const pool = (settings: Settings, name = "workers") =>
  changed("agentPools", { [name]: { hosts: { "agent-1": host("198.51.100.41") }, ...settings } });

/** The small stack with these settings of the load balancer. */
export const loadBalancer = (settings: Settings) => changed("loadBalancer", settings);

/** The small stack with these settings of the managed datastore. */
export const managed = (settings: Settings) =>
  changed("datastore", { managed: { ...(smallStack["datastore"] as { managed: Settings }).managed, ...settings } });

/** The small stack with these settings of the backup. */
export const backup = (settings: Settings) => changed("backup", settings);

/** The small stack with these settings of K3s. */
export const k3s = (settings: Settings) => changed("k3s", settings);

/** The small stack with one key left out. */
export function without(key: string): StackConfig {
  return Object.fromEntries(Object.entries(smallStack).filter(([name]) => name !== key));
}
