/** `mysql:index/user:User`. */
import { createHash } from "node:crypto";
import type { CheckFailure, ResourceType, Step } from "../provider/resource.ts";
import { reveal, revealAll, Secret, textOf, Unknown, type PropertyMap, type Value } from "../provider/value.ts";
import { changes, properties, reported, withDefaults } from "./bridged.ts";
import { connected, type Run } from "./connection.ts";
import type { Configuration } from "./configuration.ts";
import { serverVersion } from "./serverVersion.ts";
import { account, createUserSql, passwordSql, type User } from "./statements.ts";

/** The resource type, on the server that `server` gives. */
export function userResource(server: () => Configuration): ResourceType {
  const on = <T>(step: Step, work: (run: Run) => Promise<T>): Promise<T> => connected(server(), step.signal, work);

  return {
    storesId: true,

    check(step, olds, news) {
      const { inputs } = withDefaults(step, olds, news, { host: "localhost", tlsOption: "NONE" });
      return { inputs, failures: conflicts(news) };
    },

    diff(_step, _id, _oldInputs, state, news) {
      return changes(state, stored(news), ["plaintextPassword", "password"]);
    },

    create(step, inputs, preview) {
      return reported(async () => {
        const state = stored(inputs);
        if (preview) return { id: "", state };
        const user = asUser(inputs);
        await on(step, async (run) => run(createUserSql(user, await serverVersion(run))));
        return { id: `${user.user}@${user.host}`, state };
      });
    },

    read(step, id, inputs, state) {
      return reported(async () => {
        // Like the official plugin: any account with that name will do, whatever its host.
        const name = textOf(state["user"]) || (id.split("@")[0] ?? "");
        const rows = await on(step, (run) => run(`SELECT USER FROM mysql.user WHERE USER='${name}'`));
        return rows.length === 0 ? undefined : { id, inputs, state };
      });
    },

    update(step, _id, state, news, preview) {
      return reported(async () => {
        const wanted = stored(news);
        const user = asUser(news);
        if (preview || user.authPlugin) return wanted;
        const changed = (["plaintextPassword", "password"] as const).find(
          (name) => reveal(state[name] ?? "") !== reveal(wanted[name] ?? ""),
        );
        await on(step, async (run) => {
          const version = await serverVersion(run);
          if (changed) await run(passwordSql(user, user[changed] ?? "", version));
        });
        return wanted;
      });
    },

    delete(step, _id, state) {
      return reported(async () => {
        const { user, host } = asUser(state);
        await on(step, (run) => run(`DROP USER ${account(user, host)}`));
      });
    },
  };
}

function asUser(inputs: PropertyMap): User {
  return revealAll(properties(inputs)) as unknown as User;
}

/** The outputs: of the password in clear only a hash, both kinds of password secret. */
function stored(inputs: PropertyMap): PropertyMap {
  const state = properties(inputs);
  if (state["plaintextPassword"] !== undefined)
    state["plaintextPassword"] = new Secret(hashed(state["plaintextPassword"]));
  if (state["password"] !== undefined) state["password"] = new Secret(reveal(state["password"]));
  return state;
}

function hashed(password: Value): Value {
  const text = reveal(password);
  return text instanceof Unknown ? text : createHash("sha256").update(textOf(text)).digest("hex");
}

function conflicts(news: PropertyMap): CheckFailure[] {
  const pairs = [
    ["password", "plaintextPassword", "password", "plaintext_password"],
    ["authPlugin", "plaintextPassword", "auth_plugin", "plaintext_password"],
    ["authPlugin", "password", "auth_plugin", "password"],
  ] as const;
  return pairs
    .filter(([one, other]) => news[one] !== undefined && news[other] !== undefined)
    .map(([property, , one, other]) => ({
      property,
      reason: `Conflicting configuration arguments. "${one}": conflicts with ${other}`,
    }));
}
