import { renderHostScript } from "../../host/hostScript.ts";
import { engineScripts } from "../engine/scripts.ts";
import { contentOf, type Reached, type RestoreDriver, type RestoreScene, type RestoreStep } from "../restoreDriver.ts";
import { embeddedScripts } from "./scripts.ts";
import { sqlitePath } from "./sqliteBackup.ts";
import { sqliteMark } from "./sqliteDatastore.ts";

const safetyDirectory = "/var/backups/k3s-ha-before-restore";

/** Restores into the SQLite database of the only server: unpacked beside it, and exchanged while K3s is stopped. */
export const sqliteRestore: RestoreDriver = {
  role: "server",
  isBuilt: "command -v sqlite3",
  builtBy: ["datastore-packages"],
  admittedBy: ["datastore-file"],
  imports: (hostName, isEmpty) =>
    isEmpty
      ? `The backup is put in the place of the missing database on ${hostName}.`
      : `The current database on ${hostName} is copied into ${safetyDirectory}; the backup is unpacked beside it, and the two are exchanged.`,
  content: async (host) =>
    contentOf(
      await host.run(
        `if [[ -s ${sqlitePath} ]]; then
  sqlite3 -batch -readonly -separator $'\\t' -cmd '.timeout 30000' ${sqlitePath} 'SELECT COUNT(*), COALESCE(MAX(id), 0) FROM kine' 2>/dev/null || :
fi
`,
      ),
    ),
  admitsServers: async (host) => (await host.run(`if [[ -e ${sqliteMark} ]]; then echo yes; fi\n`)).trim() === "yes",
  steps: stepsOf,
};

function stepsOf(scene: RestoreScene): readonly RestoreStep[] {
  const { name } = scene.host;
  const phase = (title: string, leaves: Reached, script: string): RestoreStep => ({
    title,
    leaves,
    run: () => runPhase(scene, script),
  });
  return [
    // Before anything is stopped: a full disk, a wrong key, or a backup that is damaged, costs no minute of the API.
    phase(`Check the space on ${name}`, "nothing", "room"),
    ...scene.openBackup,
    ...scene.stopServers,
    {
      title: `Read the current content of the database on ${name}`,
      leaves: "stopped",
      run: async () => {
        scene.onStopped(contentOf(await runPhase(scene, "current")));
        return "";
      },
    },
    phase("Keep the current database, and unpack the backup beside it", "stopped", "prepare"),
    phase("Exchange the two databases", "stopped", "swap"),
    ...scene.letServersIn,
    ...scene.startServers,
    ...scene.restartAgents,
  ];
}

function runPhase({ host, manifest, started }: RestoreScene, phase: string): Promise<string> {
  return host.apply(
    renderHostScript({
      body: embeddedScripts.sqliteRestore,
      parts: [engineScripts.raisedRevision],
      variables: {
        host_name: host.name,
        database_file: sqlitePath,
        mark: sqliteMark,
        safety_directory: safetyDirectory,
        started,
        phase,
        expected_rows: manifest.rows,
        expected_revision: manifest.revision,
        expected_at: manifest.startedAt,
        expected_bytes: manifest.dumpSize,
        packed_bytes: manifest.size,
        token_fingerprint: manifest.tokenFingerprint,
      },
    }),
  );
}
