import * as pulumi from "@pulumi/pulumi";
import {
  type DatastoreClientCertificate,
  type DatastoreAccess,
  type DatastoreContext,
  type DatastoreSource,
  loginAddress,
} from "./datastoreAccess.ts";
import { datastorePreflight } from "./datastorePreflight.ts";
import { caTrustFault, existingDatastore, type ExistingDatastoreArgs } from "./existing/existingDatastore.ts";
import { givenDatastore, type GivenDatastoreArgs } from "./endpoint/givenDatastore.ts";
import type { HostArgs } from "../host/host.ts";
import { managedDatastore, type ManagedDatastoreArgs } from "./managed/managedDatastore.ts";
import type { Recorded } from "../contract/recorded.ts";
import { standardConnectionsPerServer } from "./engine/kineConnections.ts";

/** Where the cluster is kept: exactly one of `managed`, `existing` and `given`. */
export interface MySQLDatastoreArgs {
  /** A MariaDB server that is installed on a host of its own. */
  managed?: ManagedDatastoreArgs | undefined;
  /** A MySQL or MariaDB server that is there; schema and users are made on it. */
  existing?: ExistingDatastoreArgs | undefined;
  /** A datastore with a user that is there; nothing is made on it. */
  given?: GivenDatastoreArgs | undefined;
  /** The K3s servers by name. They alone may log in as K3s; the first looks at the datastore before K3s is started. */
  servers: Readonly<Record<string, HostArgs>>;
  /** Connections that each server may hold, which the datastore has to offer. Default: 60. */
  connectionsPerServer?: number | undefined;
  /** Address of the host that takes backups. Default: a managed datastore's own host, else the first server. */
  backupAddress?: pulumi.Input<string> | undefined;
  /** The host that takes backups, if one is to be taken before a managed server's configuration changes. Default: none is. */
  backupFirst?: HostArgs | undefined;
  /** The cluster's server token: a schema that holds a cluster of another token is refused. */
  token: pulumi.Input<string>;
}

/**
 * The external datastore, reachable over verified TLS only, by users with as few rights as do, and looked at from a K3s
 * server before K3s is started. Deleting the component takes the users away that it made, and leaves the data.
 *
 * `protect` holds for everything but certificates, passwords and users, which are renewed by being replaced.
 */
export class MySQLDatastore extends pulumi.ComponentResource {
  /** K3s's `datastore-endpoint`, with the password in it. Secret. Known once the datastore has proved itself. */
  readonly endpoint: pulumi.Output<string>;
  /** PEM of the CA that signed the datastore's certificate: K3s's `datastore-cafile`. */
  readonly caCertificate: pulumi.Output<string>;
  readonly #backupSource: DatastoreSource | undefined;
  readonly #clientCertificate: DatastoreClientCertificate | undefined;
  readonly #clients: Readonly<Record<string, pulumi.Resource>>;

  constructor(name: string, args: MySQLDatastoreArgs, opts?: pulumi.ComponentResourceOptions) {
    const [hostName, host] = firstServer(args);
    requireOneWay(args);
    const fault = args.existing === undefined ? undefined : caTrustFault(args.existing.caCertificate);
    if (fault !== undefined && !pulumi.runtime.isDryRun()) throw new pulumi.RunError(fault);
    super("k3s-ha:index:MySQLDatastore", name, recordOf(args), opts);
    if (fault !== undefined) void pulumi.log.warn(`An update would stop: ${fault}`, this);

    const { connectionsPerServer = standardConnectionsPerServer } = args;
    const access = accessTo(name, args, connectionsPerServer, this);
    this.#clients = access.clients;
    const preflight = datastorePreflight(
      `${name}-preflight`,
      { host, hostName, servers: Object.keys(args.servers).length, connectionsPerServer, token: args.token },
      access,
      { parent: this, dependsOn: access.ready },
    );

    this.endpoint = pulumi.secret(pulumi.all([access.endpoint, preflight.urn]).apply(([endpoint]) => endpoint));
    this.caCertificate = access.caCertificate;
    this.#clientCertificate = access.clientCertificate;
    const { backupSource } = access;
    this.#backupSource =
      backupSource === undefined
        ? undefined
        : {
            ...backupSource,
            address: pulumi.all([backupSource.address, preflight.urn]).apply(([at]) => at),
          };
    this.registerOutputs({
      endpoint: this.endpoint,
      caCertificate: this.caCertificate,
    });
  }

  /**
   * The login of a user that may read the schema, for backups.
   *
   * @throws pulumi.RunError for PostgreSQL and etcd, and where a client certificate is wanted: of these there is no backup.
   */
  get backupSource(): DatastoreSource {
    if (this.#backupSource !== undefined) return this.#backupSource;
    throw new pulumi.RunError("This datastore cannot be backed up by BackupCron, which reads MySQL and MariaDB.");
  }

  /** What K3s logs in with beside the endpoint; undefined unless it was given. */
  get clientCertificate(): DatastoreClientCertificate | undefined {
    return this.#clientCertificate;
  }

  /**
   * What lets each server in, by its name. A server that depends on its own is uninstalled before it is shut out: one that
   * lost its datastore first would fail those who still use it.
   */
  get clients(): Readonly<Record<string, pulumi.Resource>> {
    return this.#clients;
  }
}

function recordOf({ managed, existing, given }: MySQLDatastoreArgs): Recorded["k3s-ha:index:MySQLDatastore"] {
  if (managed !== undefined) {
    const { hostName, port = 3306, database = "k3s", firewall = true } = managed;
    return { kind: "managed", host: hostName, port, database, firewall, tls: "verified" };
  }
  if (existing !== undefined) {
    const { engine, address, port = 3306, database = "k3s" } = existing;
    return { kind: `existing ${engine}`, host: address, port, database, tls: "verified" };
  }
  return { kind: `given ${given?.kind ?? "mysql"}`, tls: "verified" };
}

function accessTo(
  name: string,
  args: MySQLDatastoreArgs,
  connectionsPerServer: number,
  parent: pulumi.Resource,
): DatastoreAccess {
  const backupAddress = args.backupAddress === undefined ? undefined : loginAddress("backup", args.backupAddress);
  const serverAddresses = Object.fromEntries(
    Object.entries(args.servers).map(([server, { nodeAddress, address }]) => [
      server,
      loginAddress(server, nodeAddress ?? address),
    ]),
  );
  const { backupFirst } = args;
  const context: DatastoreContext = { serverAddresses, connectionsPerServer, backupAddress, backupFirst };
  if (args.managed !== undefined) return managedDatastore(name, args.managed, context, parent);
  if (args.existing !== undefined) {
    const [, { nodeAddress, address }] = firstServer(args);
    const place = backupAddress ?? loginAddress("backup", nodeAddress ?? address);
    return existingDatastore(name, args.existing, { ...context, backupAddress: place }, parent);
  }
  if (args.given !== undefined) return givenDatastore(args.given);
  throw new Error("a datastore of no kind was taken for complete");
}

function firstServer(args: MySQLDatastoreArgs): [name: string, host: HostArgs] {
  const servers = Object.entries(args.servers);
  // One that is lost has another in its stead.
  const first = servers.find(([, host]) => host.standIn === undefined) ?? servers[0];
  if (first !== undefined) return first;
  throw new pulumi.InputPropertyError({ propertyPath: "servers", reason: "has to name at least one server" });
}

function requireOneWay({ managed, existing, given }: MySQLDatastoreArgs): void {
  if ([managed, existing, given].filter((way) => way !== undefined).length === 1) return;
  throw new pulumi.InputPropertyError({
    propertyPath: "managed",
    reason: "exactly one of managed, existing and given has to be there",
  });
}
