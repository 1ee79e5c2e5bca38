/** `mysql:index/role:Role`. */
import type { ResourceType, Step } from "../provider/resource.ts";
import { textOf } from "../provider/value.ts";
import { changes, explained, properties, reported, withDefaults } from "./bridged.ts";
import { connected, type Run } from "./connection.ts";
import type { Configuration } from "./configuration.ts";

/** The resource type, on the server that `server` gives. */
export function roleResource(server: () => Configuration): ResourceType {
  const on = <T>(step: Step, work: (run: Run) => Promise<T>): Promise<T> => connected(server(), step.signal, work);

  return {
    storesId: true,

    check: (step, olds, news) => withDefaults(step, olds, news, {}, "name"),

    diff: (_step, _id, _oldInputs, state, news) => changes(state, properties(news), []),

    create(step, inputs, preview) {
      return reported(async () => {
        const state = properties(inputs);
        if (preview) return { id: "", state };
        const name = textOf(state["name"]);
        await on(step, (run) => explained("error creating role", () => run(`CREATE ROLE '${name}'`)));
        return { id: name, state };
      });
    },

    read(step, id, inputs, state) {
      return reported(() =>
        on(step, (run) =>
          run(`SHOW GRANTS FOR '${id}'`).then(
            () => ({ id, inputs, state }),
            () => undefined,
          ),
        ),
      );
    },

    update: (step) => Promise.reject(new Error(`${step.name}: a role cannot be changed in place`)),

    delete(step, id) {
      return reported(async () => {
        await on(step, (run) => run(`DROP ROLE '${id}'`));
      });
    },
  };
}
