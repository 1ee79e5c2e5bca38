import { renderHostScript } from "../../host/hostScript.ts";
import { engineScripts } from "../engine/scripts.ts";
import { contentOf, type Reached, type RestoreDriver, type RestoreScene, type RestoreStep } from "../restoreDriver.ts";
import { backupRole, k3sRole, type ManagedPostgresArgs, ownerRole } from "./managedPostgres.ts";
import { postgresScripts } from "./scripts.ts";

const safetyDirectory = "/var/backups/k3s-ha-before-restore";

/** The database of a restore. */
type Target = Required<Pick<ManagedPostgresArgs, "database" | "port">>;

/** Restores into a PostgreSQL of the stack's own, by its superuser on the socket: imported beside, and exchanged in one step. */
export function postgresRestore({
  database = "k3s",
  port = 5432,
}: Pick<ManagedPostgresArgs, "database" | "port">): RestoreDriver {
  const psql = `cd / && setpriv --reuid=postgres --regid=postgres --init-groups psql -X -q -t -A -w -F ' ' -p ${port} -v ON_ERROR_STOP=1`;
  return {
    role: "datastore",
    imports: (hostName, isEmpty) =>
      isEmpty
        ? `The backup is imported on ${hostName}, where no server may log in before.`
        : `The current content of the datastore is dumped on ${hostName}, into ${safetyDirectory}; the backup is imported beside it, and the two are exchanged.`,
    isBuilt: `${psql} -d postgres -c 'SELECT 1'`,
    builtBy: ["datastore-postgres-packages", "datastore-postgres-tls", "datastore-postgres-server"],
    admittedBy: ["datastore-postgres-database-*", "datastore-postgres-roles", "datastore-postgres-client-*"],
    content: async (host) =>
      contentOf(
        await host.run(
          `if [[ $(${psql} -d postgres -c "SELECT count(*) FROM pg_database WHERE datname = '${database}'") == 1 && $(${psql} -d ${database} -c "SELECT count(*) FROM pg_class WHERE oid = to_regclass('public.kine')") == 1 ]]; then
  (${psql} -d ${database} -c "SELECT count(*), coalesce(max(id), 0) FROM public.kine")
fi
`,
        ),
      ),
    admitsServers: async (host) =>
      Number(await host.run(`(${psql} -d postgres -c "SELECT count(*) FROM pg_roles WHERE rolname = '${k3sRole}'")`)) >
      0,
    steps: (scene) => stepsOf(scene, { database, port }),
  };
}

function stepsOf(scene: RestoreScene, target: Target): readonly RestoreStep[] {
  const { name } = scene.host;
  const phase = (title: string, leaves: Reached, script: string): RestoreStep => ({
    title,
    leaves,
    run: () => runPhase(scene, target, script),
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
        scene.onStopped(contentOf(await runPhase(scene, target, "lock")));
        return "";
      },
    },
    phase("Dump the current content, and import the backup beside it", "stopped", "prepare"),
    phase("Exchange the two databases", "stopped", "swap"),
    phase("Let the servers in again", "exchanged", "open"),
    ...scene.letServersIn,
    ...scene.startServers,
    ...scene.restartAgents,
  ];
}

function runPhase({ host, manifest, started }: RestoreScene, target: Target, phase: string): Promise<string> {
  return host.apply(
    renderHostScript({
      body: postgresScripts.postgresRestore,
      parts: [engineScripts.raisedRevision, postgresScripts.postgresCluster],
      variables: {
        host_name: host.name,
        ...target,
        clients_directory: "",
        hba_path: "",
        owner: ownerRole,
        k3s_role: k3sRole,
        backup_role: backupRole,
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
