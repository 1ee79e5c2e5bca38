/** `mysql:index/grant:Grant`. */
import type { CheckFailure, ResourceType, Step } from "../provider/resource.ts";
import { hasUnknown, revealAll, type PropertyMap, type Value } from "../provider/value.ts";
import { changes, explained, properties, reported, withDefaults } from "./bridged.ts";
import { connected, type Run } from "./connection.ts";
import type { Configuration } from "./configuration.ts";
import { serverVersion } from "./serverVersion.ts";
import { grantee, grantId, grantSql, inSetOrder, revokeSql, type Grant } from "./statements.ts";

/** The resource type, on the server that `server` gives. */
export function grantResource(server: () => Configuration): ResourceType {
  const on = <T>(step: Step, work: (run: Run) => Promise<T>): Promise<T> => connected(server(), step.signal, work);

  /** True when the server can show grants of that account or role; which ones they are is not checked. */
  const exists = (step: Step, grant: Grant): Promise<boolean> =>
    on(step, async (run) => {
      const { text } = grantee(grant, await serverVersion(run));
      return run(`SHOW GRANTS FOR ${text}`).then(
        () => true,
        () => false,
      );
    });

  return {
    storesId: true,

    check(step, olds, news) {
      const defaults: PropertyMap = { table: "*", tlsOption: "NONE" };
      if (news["role"] === undefined) defaults["host"] = "localhost";
      return { inputs: withDefaults(step, olds, news, defaults).inputs, failures: conflicts(news) };
    },

    diff(_step, _id, _oldInputs, state, news) {
      return changes(stored(state), stored(news), []);
    },

    create(step, inputs, preview) {
      return reported(async () => {
        const state = stored(inputs);
        if (preview) return { id: "", state };
        const grant = asGrant(state);
        await on(step, async (run) => {
          const sql = grantSql(grant, await serverVersion(run));
          await explained(`Error running SQL (${sql})`, () => run(sql));
        });
        if (!(await exists(step, grant))) {
          throw new Error(`expected non-empty ID for new state during Create of ${step.urn}`);
        }
        return { id: grantId(grant), state };
      });
    },

    read(step, id, inputs, state) {
      return reported(async () => ((await exists(step, asGrant(state))) ? { id, inputs, state } : undefined));
    },

    update(step) {
      // Every property replaces, so the engine never asks for this.
      return Promise.reject(new Error(`${step.name}: a grant cannot be changed in place`));
    },

    delete(step, _id, state) {
      return reported(() =>
        on(step, async (run) => {
          for (const { what, sql } of revokeSql(asGrant(state), await serverVersion(run))) {
            await explained(`error revoking ${what} (${sql})`, () => run(sql));
          }
        }),
      );
    },
  };
}

/** The outputs: sets in their own order, `grant` always there. */
function stored(inputs: PropertyMap): PropertyMap {
  const state: PropertyMap = { grant: false, ...properties(inputs) };
  for (const name of ["privileges", "roles"]) {
    const value: Value | undefined = state[name];
    if (Array.isArray(value) && !hasUnknown(value)) state[name] = inSetOrder(revealAll({ value })["value"] as string[]);
  }
  return state;
}

function asGrant(state: PropertyMap): Grant {
  return revealAll(properties(state)) as unknown as Grant;
}

function conflicts(news: PropertyMap): CheckFailure[] {
  const pairs = [
    ["user", "role"],
    ["role", "host"],
    ["roles", "privileges"],
  ] as const;
  return pairs
    .filter(([one, other]) => news[one] !== undefined && news[other] !== undefined)
    .map(([property, other]) => ({
      property,
      reason: `Conflicting configuration arguments. "${property}": conflicts with ${other}`,
    }));
}
