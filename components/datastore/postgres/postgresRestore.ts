import { renderHostScript } from "../../host/hostScript.ts";
import { engineScripts } from "../engine/scripts.ts";
import { exchangeSteps, importSentence, restoreVariables } from "../exchangeRestore.ts";
import { contentOf, type RestoreDriver, type RestoreScene } from "../restoreDriver.ts";
import { backupRole, k3sRole, type ManagedPostgresArgs, ownerRole } from "./managedPostgres.ts";
import { postgresScripts } from "./scripts.ts";

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
    imports: importSentence,
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
    steps: (scene) =>
      exchangeSteps(
        scene,
        {
          read: `Keep other servers out of the datastore on ${scene.host.name}`,
          prepare: "Dump the current content, and import the backup beside it",
          exchange: "Exchange the two databases",
          admit: "Let the servers in again",
        },
        (phase) => runPhase(scene, { database, port }, phase),
      ),
  };
}

function runPhase(scene: RestoreScene, target: Target, phase: string): Promise<string> {
  return scene.host.apply(
    renderHostScript({
      body: postgresScripts.postgresRestore,
      parts: [engineScripts.raisedRevision, postgresScripts.postgresCluster],
      variables: {
        ...restoreVariables(scene, phase),
        ...target,
        clients_directory: "",
        hba_path: "",
        owner: ownerRole,
        k3s_role: k3sRole,
        backup_role: backupRole,
      },
    }),
  );
}
