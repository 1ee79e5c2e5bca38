import * as pulumi from "@pulumi/pulumi";
import type { HostFile } from "../../host/hostScript.ts";
import type { BackupDriver, BackupDriverSettings } from "../datastore.ts";
import { renderBackupOptionFile } from "./backupOptionFile.ts";
import { engineScripts } from "./scripts.ts";

/** A MySQL or MariaDB that is backed up, and a user who may read it. */
export interface BackupSource {
  /** The name or address that the datastore's certificate is for. */
  address: pulumi.Input<string>;
  port: pulumi.Input<number>;
  /** Schema that K3s keeps the cluster in. */
  database: pulumi.Input<string>;
  /** A user with SELECT on that schema, and nothing more. */
  user: pulumi.Input<string>;
  /** Secret, whatever it is marked as. */
  password: pulumi.Input<string>;
  /** PEM of the CA that the datastore's certificate is checked against. */
  caCertificate: pulumi.Input<string>;
}

const optionFile = "/etc/k3s-ha/backup.cnf";
const caPath = "/etc/k3s-ha/backup-ca.crt";

/** The backup program's part for MySQL and MariaDB. */
export const mysqlBackupFunctions: Pick<BackupDriver, "reading" | "replacing"> = {
  reading: [
    engineScripts.sqlImport,
    engineScripts.backupSource,
    engineScripts.kineCopy,
    engineScripts.backupVerification,
  ],
  replacing: [engineScripts.raisedRevision, engineScripts.datastoreExchange, engineScripts.backupReplacement],
};

/** Backs up a MySQL or MariaDB by dumps of K3s's table, over verified TLS. */
export function mysqlBackup(source: BackupSource): BackupDriver {
  const { address, port, database, user, password, caCertificate } = source;
  return {
    settings: pulumi.all([address, port, database]).apply(([host, at, schema]): BackupDriverSettings => ({
      database: schema,
      source: `${host}:${at}`,
      client_options: optionFile,
    })),
    secretFiles: pulumi.secret(
      pulumi.all([address, port, user, password, caCertificate]).apply(([host, at, name, word, ca]): HostFile[] => [
        {
          path: optionFile,
          content: renderBackupOptionFile({ address: host, port: at, user: name, password: word, caPath }),
          mode: "0600",
        },
        { path: caPath, content: ca },
      ]),
    ),
    secretPaths: [optionFile, caPath],
    packages: ["mariadb-server-core", "mariadb-client"],
    ...mysqlBackupFunctions,
  };
}
