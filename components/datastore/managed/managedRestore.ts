import { renderHostScript } from "../../host/hostScript.ts";
import { engineScripts } from "../engine/scripts.ts";
import { contentOf, type Reached, type RestoreDriver, type RestoreScene, type RestoreStep } from "../restoreDriver.ts";
import { everyRotationOf } from "../engine/credentialRotation.ts";
import { k3sUser, type ManagedDatastoreArgs } from "./managedDatastore.ts";

const k3sUserPattern = everyRotationOf(k3sUser);
const safetyDirectory = "/var/backups/k3s-ha-before-restore";

/** Restores into a MariaDB of the stack's own, by root's login on its socket: imported beside, and exchanged in one step. */
export function managedRestore({ database = "k3s" }: Pick<ManagedDatastoreArgs, "database">): RestoreDriver {
  return {
    role: "datastore",
    imports: (hostName, isEmpty) =>
      isEmpty
        ? `The backup is imported on ${hostName}, where no server may log in before.`
        : `The current content of the datastore is dumped on ${hostName}, into ${safetyDirectory}; the backup is imported beside it, and the two are exchanged.`,
    isBuilt: "mariadb --execute 'DO 0'",
    builtBy: ["datastore-packages", "datastore-tls", "datastore-server"],
    admittedBy: ["datastore-schema-*", "datastore-access", "datastore-client-*"],
    content: async (host) =>
      contentOf(
        await host.run(
          `if [[ $(mariadb -N -e "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = '${database}' AND table_name = 'kine'") == 1 ]]; then
  mariadb -N -e "SELECT COUNT(*), COALESCE(MAX(id), 0) FROM \\\`${database}\\\`.kine"
fi
`,
        ),
      ),
    admitsServers: async (host) =>
      Number(await host.run(`mariadb -N -e "SELECT COUNT(*) FROM mysql.user WHERE User REGEXP '${k3sUserPattern}'"`)) >
      0,
    steps: (scene) => stepsOf(scene, database),
  };
}

function stepsOf(scene: RestoreScene, database: string): readonly RestoreStep[] {
  const { name } = scene.host;
  const phase = (title: string, leaves: Reached, script: string): RestoreStep => ({
    title,
    leaves,
    run: () => runPhase(scene, database, script),
  });
  return [
    // Before anything is stopped: a full disk, a wrong key, or a backup that is damaged, costs no minute of the API.
    phase(`Check the space on ${name}`, "nothing", "room"),
    ...scene.openBackup,
    ...scene.stopServers,
    {
      title: `Keep other servers out of the datastore on ${name}`,
      leaves: "stopped",
      run: async () => {
        scene.onStopped(contentOf(await runPhase(scene, database, "lock")));
        return "";
      },
    },
    phase("Dump the current content, and import the backup beside it", "stopped", "prepare"),
    phase("Exchange the two tables", "stopped", "swap"),
    phase("Let the servers in again", "exchanged", "open"),
    ...scene.letServersIn,
    ...scene.startServers,
    ...scene.restartAgents,
  ];
}

function runPhase({ host, manifest, started }: RestoreScene, database: string, phase: string): Promise<string> {
  return host.apply(
    renderHostScript({
      body: engineScripts.datastoreRestore,
      parts: [engineScripts.sqlImport, engineScripts.raisedRevision, engineScripts.datastoreExchange],
      variables: {
        host_name: host.name,
        database,
        k3s_user_pattern: k3sUserPattern,
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
