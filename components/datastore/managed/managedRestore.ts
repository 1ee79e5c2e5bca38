import { renderHostScript } from "../../host/hostScript.ts";
import { engineScripts } from "../engine/scripts.ts";
import { exchangeSteps, importSentence, restoreVariables } from "../exchangeRestore.ts";
import { contentOf, type RestoreDriver, type RestoreScene } from "../restoreDriver.ts";
import { everyRotationOf } from "../engine/credentialRotation.ts";
import { k3sUser, type ManagedDatastoreArgs } from "./managedDatastore.ts";

const k3sUserPattern = everyRotationOf(k3sUser);

/** Restores into a MariaDB of the stack's own, by root's login on its socket: imported beside, and exchanged in one step. */
export function managedRestore({ database = "k3s" }: Pick<ManagedDatastoreArgs, "database">): RestoreDriver {
  return {
    role: "datastore",
    imports: importSentence,
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
    steps: (scene) =>
      exchangeSteps(
        scene,
        {
          read: `Keep other servers out of the datastore on ${scene.host.name}`,
          prepare: "Dump the current content, and import the backup beside it",
          exchange: "Exchange the two tables",
          admit: "Let the servers in again",
        },
        (phase) => runPhase(scene, database, phase),
      ),
  };
}

function runPhase(scene: RestoreScene, database: string, phase: string): Promise<string> {
  return scene.host.apply(
    renderHostScript({
      body: engineScripts.datastoreRestore,
      parts: [engineScripts.sqlImport, engineScripts.raisedRevision, engineScripts.datastoreExchange],
      variables: {
        ...restoreVariables(scene, phase),
        database,
        k3s_user_pattern: k3sUserPattern,
      },
    }),
  );
}
