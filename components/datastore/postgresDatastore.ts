import * as pulumi from "@pulumi/pulumi";
import type { Recorded } from "../contract/recorded.ts";
import type { HostArgs } from "../host/host.ts";
import type { BackupDriver, ProvisionedDatastore, ServerDatastore } from "./datastore.ts";
import { type DatastoreAccess, loginAddress, serverLogins } from "./datastoreAccess.ts";
import { asSuccessor } from "./datastoreTypes.ts";
import { type EndpointArgs, postgresEndpointAccess } from "./endpoint/endpointAccess.ts";
import { standardConnectionsPerServer } from "./engine/kineConnections.ts";
import { type ExternalDatastoreArgs, firstServer, provisionExternal } from "./externalDatastore.ts";
import { managedPostgres, type ManagedPostgresArgs } from "./postgres/managedPostgres.ts";

/** A PostgreSQL that is installed on a host of its own, and its clients. */
export interface ManagedPostgresDatastoreArgs extends ExternalDatastoreArgs {
  /** A PostgreSQL server that is installed on a host of its own. */
  managed: ManagedPostgresArgs;
  /** Address of the host that takes backups. Default: the datastore's own host. */
  backupAddress?: pulumi.Input<string> | undefined;
  /** The host that takes backups, if one is to be taken before the server's configuration changes. Default: none is. */
  backupFirst?: HostArgs | undefined;
}

/** A PostgreSQL at an endpoint, with an existing role, and its clients. Nothing is created on it. */
export interface PostgresEndpointArgs extends EndpointArgs, ExternalDatastoreArgs {}

/** A PostgreSQL: one that is installed on a host of its own, or one at an endpoint. */
export type PostgresDatastoreArgs = ManagedPostgresDatastoreArgs | PostgresEndpointArgs;

const type = "k3s-ha:index:PostgresDatastore";

/**
 * PostgreSQL as the external datastore, reachable over verified TLS only, and checked from a K3s server before K3s is started.
 * Deleting the component removes the logins that it made, and leaves the data.
 */
export class PostgresDatastore extends pulumi.ComponentResource implements ProvisionedDatastore {
  /** K3s's `datastore-endpoint`, with the password in it. Secret. Known once the datastore is verified. */
  readonly endpoint: pulumi.Output<string>;
  /** PEM of the CA that signed the datastore's certificate: K3s's `datastore-cafile`. */
  readonly caCertificate: pulumi.Output<string>;
  readonly #provisioned: ProvisionedDatastore;

  constructor(name: string, args: PostgresDatastoreArgs, opts?: pulumi.ComponentResourceOptions) {
    firstServer(args.servers);
    super(type, name, recordOf(args), asSuccessor(type, opts));
    this.#provisioned = provisionExternal(name, args, accessTo(name, args, this), this);
    this.endpoint = this.#provisioned.endpoint;
    this.caCertificate = this.#provisioned.caCertificate;
    this.registerOutputs({ endpoint: this.endpoint, caCertificate: this.caCertificate });
  }

  get servers(): ServerDatastore {
    return this.#provisioned.servers;
  }

  /** The resources that admit each server, by its name; see {@link ProvisionedDatastore.admits}. */
  get admits(): ProvisionedDatastore["admits"] {
    return this.#provisioned.admits;
  }

  get backup(): BackupDriver | undefined {
    return this.#provisioned.backup;
  }
}

function recordOf(args: PostgresDatastoreArgs): Recorded[typeof type] {
  if (!("managed" in args)) return { kind: "given postgres", tls: "verified" };
  const { hostName, port = 5432, database = "k3s", firewall = true } = args.managed;
  return { kind: "managed postgres", host: hostName, port, database, firewall, tls: "verified" };
}

function accessTo(name: string, args: PostgresDatastoreArgs, parent: pulumi.Resource): DatastoreAccess {
  if (!("managed" in args)) return postgresEndpointAccess(args);
  const { managed, servers, backupAddress, backupFirst, connectionsPerServer = standardConnectionsPerServer } = args;
  return managedPostgres(
    name,
    managed,
    {
      serverAddresses: serverLogins(servers, managed.host.nodeAddress ?? managed.host.address),
      connectionsPerServer,
      backupAddress: backupAddress === undefined ? undefined : loginAddress("backup", backupAddress),
      backupFirst,
    },
    parent,
  );
}
