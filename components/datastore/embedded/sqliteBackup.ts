import * as pulumi from "@pulumi/pulumi";
import type { BackupDriver, BackupDriverSettings } from "../datastore.ts";
import { engineScripts } from "../engine/scripts.ts";
import { embeddedScripts } from "./scripts.ts";

/** The path of the database that K3s makes when it is given no other datastore. */
export const sqlitePath = "/var/lib/rancher/k3s/server/db/state.db";

/** Backs up the SQLite database of the server `hostName`, on that host, while K3s runs. */
export function sqliteBackup(hostName: string): BackupDriver {
  const settings: BackupDriverSettings = { database: "state.db", source: hostName, database_file: sqlitePath };
  return {
    settings: pulumi.output(settings),
    secretFiles: pulumi.output([]),
    secretPaths: [],
    packages: ["sqlite3"],
    reading: [engineScripts.kineCopy, embeddedScripts.sqliteBackup],
    replacing: [],
  };
}
