/** `mysql:index/database:Database`. */
import type { ResourceType, Step } from "../provider/resource.ts";
import { hasUnknown, revealAll, textOf, type PropertyMap } from "../provider/value.ts";
import { changes, properties, reported, withDefaults } from "./bridged.ts";
import { connected, type Run } from "./connection.ts";
import type { Configuration } from "./configuration.ts";
import { databaseSql, identifier, type Database } from "./statements.ts";

/** The resource type, on the server that `server` gives. */
export function databaseResource(server: () => Configuration): ResourceType {
  const on = <T>(step: Step, work: (run: Run) => Promise<T>): Promise<T> => connected(server(), step.signal, work);
  const found = (step: Step, name: string): Promise<PropertyMap | undefined> => on(step, (run) => read(run, name));

  return {
    storesId: true,

    check(step, olds, news) {
      const defaults = { defaultCharacterSet: "utf8", defaultCollation: "utf8_general_ci" };
      return withDefaults(step, olds, news, defaults, "name");
    },

    diff(_step, _id, _oldInputs, state, news) {
      return changes(state, properties(news), ["defaultCharacterSet", "defaultCollation"]);
    },

    create(step, inputs, preview) {
      return reported(async () => {
        const wanted = properties(inputs);
        if (preview) return { id: "", state: wanted };
        const name = textOf(wanted["name"]);
        await on(step, (run) => run(databaseSql("CREATE", asDatabase(wanted))));
        return { id: name, state: { ...wanted, ...(await found(step, name)) } };
      });
    },

    read(step, id, inputs, state) {
      return reported(async () => {
        const now = await found(step, id);
        return now && { id, inputs, state: { ...state, ...now } };
      });
    },

    update(step, id, _state, news, preview) {
      return reported(async () => {
        const wanted = properties(news);
        if (preview || hasUnknown(wanted)) return wanted;
        await on(step, (run) => run(databaseSql("ALTER", asDatabase(wanted))));
        return { ...wanted, ...(await found(step, id)) };
      });
    },

    delete(step, id) {
      return reported(async () => {
        await on(step, (run) => run(`DROP DATABASE ${identifier(id)}`));
      });
    },
  };
}

function asDatabase(wanted: PropertyMap): Database {
  return revealAll(wanted) as unknown as Database;
}

/** What the server says of a database, which may be other names than it was created with; undefined without one. */
async function read(run: Run, name: string): Promise<PropertyMap | undefined> {
  let created: string;
  try {
    const rows = await run(`SHOW CREATE DATABASE ${identifier(name)}`);
    created = String(rows[0]?.["Create Database"]);
  } catch (error) {
    const { message } = error as Error;
    if (message.startsWith("Error 1049 ")) return undefined;
    throw new Error(`Error during show create database: ${message}`);
  }
  const characterSet = /CHARACTER SET (\S+)/.exec(created)?.[1] ?? "";
  let collation = /COLLATE (\S+)/.exec(created)?.[1] ?? "";
  if (collation === "" && characterSet !== "") {
    // Servers leave out the collation that is the character set's default.
    const rows = await run(`SHOW COLLATION WHERE \`Charset\` = '${characterSet}' AND \`Default\` = 'Yes'`);
    if (!rows[0]) throw new Error(`Charset ${characterSet} has no default collation`);
    collation = String(rows[0]["Collation"]);
  }
  return { name, defaultCharacterSet: characterSet, defaultCollation: collation };
}
