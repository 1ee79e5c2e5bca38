import * as pulumi from "@pulumi/pulumi";
import type { Recorded } from "../contract/recorded.ts";
import { addressToward, type HostArgs } from "../host/host.ts";
import type { BackupDriver, ProvisionedDatastore, ServerDatastore } from "./datastore.ts";
import { type DatastoreAccess, type DatastoreContext, loginAddress, serverLogins } from "./datastoreAccess.ts";
import { movedFromSqlite, movingFromSqlite } from "./embedded/sqliteMove.ts";
import { asSuccessor } from "./datastoreTypes.ts";
import { type EndpointArgs, mysqlEndpointAccess } from "./endpoint/endpointAccess.ts";
import { caTrustFault, existingDatastore, type ExistingDatastoreArgs } from "./existing/existingDatastore.ts";
import { type ExternalDatastoreArgs, firstServer, provisionExternal } from "./externalDatastore.ts";
import { managedDatastore, type ManagedDatastoreArgs } from "./managed/managedDatastore.ts";
import { standardConnectionsPerServer } from "./engine/kineConnections.ts";

/** The kind of datastore: exactly one of `managed`, `existing` and `endpoint`. */
export interface MySQLDatastoreArgs extends ExternalDatastoreArgs {
  /** A MariaDB server that is installed on a host of its own. */
  managed?: ManagedDatastoreArgs | undefined;
  /** An existing MySQL or MariaDB server; schema and users are created on it. */
  existing?: ExistingDatastoreArgs | undefined;
  /** A MySQL or MariaDB server with an existing user; nothing is created on it. */
  endpoint?: EndpointArgs | undefined;
  /** With "sqlite", a managed server takes the cluster over from the SQLite database of the first K3s server. Default: none. */
  movingFrom?: string | undefined;
  /** Address of the host that takes backups. Default: a managed datastore's own host, else the first server. */
  backupAddress?: pulumi.Input<string> | undefined;
  /** The host that takes backups, if one is to be taken before a managed server's configuration changes. Default: none is. */
  backupFirst?: HostArgs | undefined;
}

/**
 * MySQL or MariaDB as the external datastore, reachable over verified TLS only, by users with as few rights as do, and checked
 * from a K3s server before K3s is started. Deleting the component takes the users away that it made, and leaves the data.
 *
 * `protect` holds for everything but certificates, passwords and users, which are renewed by being replaced.
 */
export class MySQLDatastore extends pulumi.ComponentResource implements ProvisionedDatastore {
  /** K3s's `datastore-endpoint`, with the password in it. Secret. Known once the datastore is verified. */
  readonly endpoint: pulumi.Output<string>;
  /** PEM of the CA that signed the datastore's certificate: K3s's `datastore-cafile`. */
  readonly caCertificate: pulumi.Output<string>;
  readonly #provisioned: ProvisionedDatastore;

  constructor(name: string, args: MySQLDatastoreArgs, opts?: pulumi.ComponentResourceOptions) {
    const [hostName, host] = firstServer(args.servers);
    requireOneWay(args);
    const { existing } = args;
    const usesPlugin = existing !== undefined && (existing.engine === "mariadb" || existing.via === undefined);
    const fault = usesPlugin ? caTrustFault(existing.caCertificate) : undefined;
    if (fault !== undefined && !pulumi.runtime.isDryRun()) throw new pulumi.RunError(fault);
    const type = "k3s-ha:index:MySQLDatastore";
    super(type, name, recordOf(args), asSuccessor(type, opts));
    if (fault !== undefined) void pulumi.log.warn(`An update would stop: ${fault}`, this);

    const provisioned = provisionExternal(name, args, accessTo(name, args, this), this);
    this.#provisioned =
      args.managed !== undefined && args.movingFrom === movingFromSqlite
        ? movedFromSqlite(name, provisioned, { host, hostName, token: args.token }, this)
        : provisioned;
    this.endpoint = this.#provisioned.endpoint;
    this.caCertificate = this.#provisioned.caCertificate;
    this.registerOutputs({
      endpoint: this.endpoint,
      caCertificate: this.caCertificate,
    });
  }

  get servers(): ServerDatastore {
    return this.#provisioned.servers;
  }

  /** The resources that admit each server, by its name; see {@link ProvisionedDatastore.admits}. */
  get admits(): ProvisionedDatastore["admits"] {
    return this.#provisioned.admits;
  }

  /** The driver for BackupCron, with a user that can read the schema; undefined if a client certificate is required. */
  get backup(): BackupDriver | undefined {
    return this.#provisioned.backup;
  }
}

function recordOf({ managed, existing }: MySQLDatastoreArgs): Recorded["k3s-ha:index:MySQLDatastore"] {
  if (managed !== undefined) {
    const { hostName, port = 3306, database = "k3s", firewall = true, credentialRotation } = managed;
    return {
      kind: "managed",
      host: hostName,
      port,
      database,
      firewall,
      tls: "verified",
      ...rotationOf(credentialRotation),
    };
  }
  if (existing !== undefined) {
    const { engine, address, port = 3306, database = "k3s", credentialRotation } = existing;
    return {
      kind: `existing ${engine}`,
      host: address,
      port,
      database,
      tls: "verified",
      ...rotationOf(credentialRotation),
    };
  }
  return { kind: "given mysql", tls: "verified" };
}

function rotationOf(credentialRotation: string | undefined): { credentialRotation?: string } {
  return credentialRotation === undefined ? {} : { credentialRotation };
}

function accessTo(name: string, args: MySQLDatastoreArgs, parent: pulumi.Resource): DatastoreAccess {
  const { managed, existing, endpoint, servers, backupFirst } = args;
  const place = managed === undefined ? (existing?.address ?? "") : (managed.host.nodeAddress ?? managed.host.address);
  const backupAddress = args.backupAddress === undefined ? undefined : loginAddress("backup", args.backupAddress);
  const serverAddresses = serverLogins(servers, place);
  const { connectionsPerServer = standardConnectionsPerServer } = args;
  const context: DatastoreContext = { serverAddresses, connectionsPerServer, backupAddress, backupFirst };
  if (managed !== undefined) return managedDatastore(name, managed, context, parent);
  if (existing !== undefined) {
    const [, host] = firstServer(servers);
    const from = backupAddress ?? loginAddress("backup", addressToward(place, host));
    return existingDatastore(name, existing, { ...context, backupAddress: from }, parent);
  }
  if (endpoint !== undefined) return mysqlEndpointAccess(endpoint);
  throw new Error("a datastore of no kind was taken for complete");
}

function requireOneWay({ managed, existing, endpoint }: MySQLDatastoreArgs): void {
  if ([managed, existing, endpoint].filter((way) => way !== undefined).length === 1) return;
  throw new pulumi.InputPropertyError({
    propertyPath: "managed",
    reason: "has to have exactly one of managed, existing and endpoint",
  });
}
