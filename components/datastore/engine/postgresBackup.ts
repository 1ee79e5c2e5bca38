import * as pulumi from "@pulumi/pulumi";
import type { HostFile } from "../../host/hostScript.ts";
import { writtenBy } from "../../host/writtenBy.ts";
import type { BackupDriver, BackupDriverSettings } from "../datastore.ts";
import { addressText, type DatastoreAddress } from "./datastoreEndpoint.ts";
import { engineScripts } from "./scripts.ts";

/** A PostgreSQL that is backed up, and a role that may read it. */
export interface PostgresBackupSource {
  /** Where it listens, in the order in which they are tried. Its certificate is for each of these names or addresses. */
  addresses: pulumi.Input<readonly DatastoreAddress[]>;
  /** Database that K3s keeps the cluster in. */
  database: pulumi.Input<string>;
  /** A role that can read K3s's table and its sequence. */
  user: pulumi.Input<string>;
  /** Secret, whatever it is marked as. */
  password: pulumi.Input<string>;
  /** PEM of the CA that the datastore's certificate is checked against. */
  caCertificate: pulumi.Input<string>;
}

const serviceFile = "/etc/k3s-ha/backup-pg-service.conf";
const caPath = "/etc/k3s-ha/backup-ca.crt";
const clusterSettings = "/etc/postgresql-common/createcluster.d/k3s-ha.conf";

/** The backup program's part for PostgreSQL. */
export const postgresBackupFunctions: Pick<BackupDriver, "reading" | "replacing" | "packages"> = {
  reading: [engineScripts.postgresSource, engineScripts.kineCopy, engineScripts.postgresVerification],
  replacing: [engineScripts.postgresReplacement],
  packages: ["postgresql"],
};

/** Backs up a PostgreSQL by dumps of K3s's table, over verified TLS. */
export function postgresBackup(source: PostgresBackupSource): BackupDriver {
  const { addresses, database, user, password, caCertificate } = source;
  return {
    settings: pulumi.all([addresses, database]).apply(([at, name]): BackupDriverSettings => ({
      database: name,
      source: at.map(addressText).join(","),
      service_file: serviceFile,
    })),
    secretFiles: pulumi.secret(
      pulumi
        .all([addresses, database, user, password, caCertificate])
        .apply(([at, name, role, word, ca]): HostFile[] => [
          {
            path: serviceFile,
            content: renderServiceFile({ addresses: at, database: name, user: role, password: word }),
            mode: "0600",
          },
          { path: caPath, content: ca },
          // The packages of PostgreSQL have the programs that verify a backup, and would start a server of their own.
          { path: clusterSettings, content: `# ${writtenBy}\ncreate_main_cluster = false` },
        ]),
    ),
    secretPaths: [serviceFile, caPath, clusterSettings],
    ...postgresBackupFunctions,
  };
}

/** A service of PostgreSQL's clients, with the password. A value goes to the end of its line, and nothing in it is quoted. */
export function renderServiceFile(login: {
  addresses: readonly DatastoreAddress[];
  database: string;
  user: string;
  password: string;
}): string {
  const { addresses, database, user, password } = login;
  const lines = {
    host: addresses.map(({ host }) => host).join(","),
    port: addresses.map(({ port }) => port).join(","),
    dbname: database,
    user,
    password,
    sslmode: "verify-full",
    sslrootcert: caPath,
    connect_timeout: 10,
    ...(addresses.length > 1 ? { target_session_attrs: "read-write" } : {}),
  };
  return `# ${writtenBy}\n[k3s]\n${Object.entries(lines)
    .map(([name, value]) => {
      const line = `${name}=${value}`;
      if (/[\r\n\0]/.test(line)) throw new Error(`the backup's ${name} must not hold a line break or a NUL character`);
      return `${line}\n`;
    })
    .join("")}`;
}
