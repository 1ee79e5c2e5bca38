import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { addressToward, type HostArgs } from "../host/host.ts";
import { HostCommand } from "../host/hostCommand.ts";
import type { BackupDriver, DatastoreClientCertificate } from "./datastore.ts";
import type { Preflight } from "./engine/engine.ts";
import { type DatastoreUser, renderAccessSql, renderRemovalSql } from "./engine/accessSql.ts";
import { renderHostScript } from "../host/hostScript.ts";
import { engineScripts } from "./engine/scripts.ts";

/** A datastore that K3s and the backup may log in to, before a server has checked it. */
export interface DatastoreAccess {
  /** Checks whether K3s can use it. */
  preflight: Preflight;
  /** The setting that names the schema, for messages. */
  setting: string;
  /** K3s's `datastore-endpoint`. Secret. */
  endpoint: pulumi.Output<string>;
  caCertificate: pulumi.Output<string>;
  clientCertificate?: DatastoreClientCertificate | undefined;
  /** Undefined where there is no backup that this program could take. */
  backup: BackupDriver | undefined;
  /** The resources that admit each server, by its name; servers that need none are left out. */
  admits: Readonly<Record<string, pulumi.Resource | readonly pulumi.Resource[]>>;
  /** The resources that have to exist before any client logs in. */
  ready: pulumi.Resource[];
}

/** The address of a client. */
export interface LoginAddress {
  address: pulumi.Output<string>;
  /**
   * What names the resources of its accounts: the address itself, so that an account belongs to an address and not to a
   * host. One that moves from a host to another is kept; an unused one is dropped at the end of the run, when
   * no client logs in from it any more. Where the program does not know the address yet it is the host's name.
   */
  key: string;
}

/** The address of the client with this name. */
export function loginAddress(name: string, address: pulumi.Input<string>): LoginAddress {
  // Two colons separate the parts of a URN.
  const key = typeof address === "string" ? address.replaceAll(":", "-") : name;
  return { address: pulumi.output(address), key };
}

/** The addresses that K3s logs in from, by its server, to a datastore at this address. */
export function serverLogins(
  servers: Readonly<Record<string, HostArgs>>,
  datastore: pulumi.Input<string>,
): Readonly<Record<string, LoginAddress>> {
  return Object.fromEntries(
    Object.entries(servers).map(([server, host]) => [server, loginAddress(server, addressToward(datastore, host))]),
  );
}

/** The clients of a datastore. */
export interface DatastoreContext {
  /** The addresses from which the K3s servers log in, by their names. */
  serverAddresses: Readonly<Record<string, LoginAddress>>;
  /** Connections that each of them may hold. */
  connectionsPerServer: number;
  /** The address from which the backup host logs in; undefined for a managed datastore's own. */
  backupAddress: LoginAddress | undefined;
  /** The host that takes backups, if one is to be taken before the server's configuration changes. */
  backupFirst: HostArgs | undefined;
}

/** Letters and digits only: 32 of them are about 190 bits, and no tool on the way ever has to escape one. */
export function databasePassword(name: string, parent: pulumi.Resource): pulumi.Output<string> {
  return new random.RandomPassword(name, { length: 32, special: false }, { parent, protect: false }).result;
}

/** The host that runs SQL, and its login. */
export interface SqlHost {
  host: HostArgs;
  /** The host's name, for messages. */
  hostName: string;
  /** The datastore's name in messages. */
  databaseName: string;
  /** Packages of the distribution that the host needs. */
  packages: readonly string[];
  /** An option file with an administrator's login, as text. Default: root's, on the host's own socket. Secret. */
  clientOptions?: pulumi.Input<string>;
  /** PEM of the CA that the database is verified with. Default: none, on the host's own socket. */
  caCertificate?: pulumi.Input<string>;
}

/** Makes schema and users by SQL that a host runs, and takes the users away again. Logins travel on stdin only. */
export function accessCommand(
  name: string,
  sql: SqlHost,
  access: {
    database: string;
    makesSchema: boolean;
    plugin?: string | undefined;
    users: pulumi.Input<pulumi.Input<DatastoreUser>[]>;
  },
  opts: pulumi.CustomResourceOptions,
): HostCommand {
  return new HostCommand(
    name,
    {
      host: sql.host,
      script: pulumi.secret(
        pulumi
          .all([pulumi.output(access.users), sql.clientOptions ?? "", sql.caCertificate ?? ""])
          .apply(([users, clientOptions, caCertificate]) =>
            renderHostScript({
              body: engineScripts.datastoreAccess,
              parts: [engineScripts.clientFiles, engineScripts.databaseClient],
              variables: {
                host_name: sql.hostName,
                database_name: sql.databaseName,
                packages: sql.packages,
                client_options: clientOptions,
                ca_certificate: caCertificate,
                client_certificate: "",
                client_key: "",
                access_sql: renderAccessSql(access.database, users, access),
                remove_sql: renderRemovalSql(users),
              },
            }),
          ),
      ),
    },
    opts,
  );
}
