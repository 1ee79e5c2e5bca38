import { renderHostScript } from "../../host/hostScript.ts";
import { engineScripts } from "../engine/scripts.ts";
import { exchangeSteps, restoreVariables, safetyDirectory } from "../exchangeRestore.ts";
import { contentOf, type RestoreDriver, type RestoreScene } from "../restoreDriver.ts";
import { embeddedScripts } from "./scripts.ts";
import { sqlitePath } from "./sqliteBackup.ts";
import { sqliteMark } from "./sqliteDatastore.ts";

/** Restores into the SQLite database of the only server: unpacked beside it, and exchanged while K3s is stopped. */
export const sqliteRestore: RestoreDriver = {
  role: "server",
  isBuilt: "command -v sqlite3",
  builtBy: ["datastore-packages"],
  admittedBy: ["datastore-file"],
  imports: (hostName, isEmpty) =>
    isEmpty
      ? `No database on ${hostName} can be read. If there is a damaged one, it is copied into ${safetyDirectory}; the backup is put in its place.`
      : `The current database on ${hostName} is copied into ${safetyDirectory}; the backup is unpacked beside it, and the two are exchanged.`,
  content: async (host) =>
    contentOf(
      await host.run(
        `if [[ -s ${sqlitePath} ]]; then
  sqlite3 -batch -readonly -separator $'\\t' -cmd '.timeout 30000' ${sqlitePath} 'SELECT COUNT(*), COALESCE(MAX(id), 0) FROM kine' || printf '%s\\n' "the database cannot be read" >&2
fi
`,
      ),
    ),
  admitsServers: async (host) => (await host.run(`if [[ -e ${sqliteMark} ]]; then echo yes; fi\n`)).trim() === "yes",
  steps: (scene) =>
    exchangeSteps(
      scene,
      {
        read: `Read the current content of the database on ${scene.host.name}`,
        prepare: "Keep the current database, and unpack the backup beside it",
        exchange: "Exchange the two databases",
      },
      (phase) => runPhase(scene, phase),
    ),
};

function runPhase(scene: RestoreScene, phase: string): Promise<string> {
  return scene.host.apply(
    renderHostScript({
      body: embeddedScripts.sqliteRestore,
      parts: [engineScripts.raisedRevision],
      variables: {
        ...restoreVariables(scene, phase),
        database_file: sqlitePath,
        mark: sqliteMark,
      },
    }),
  );
}
