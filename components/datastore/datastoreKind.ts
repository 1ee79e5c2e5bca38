import type * as pulumi from "@pulumi/pulumi";
import type { HostArgs } from "../host/host.ts";
import type { OwnStack } from "../host/ownStack.ts";
import type { EngineStatus } from "./engine/engine.ts";
import type { ProvisionedDatastore } from "./datastore.ts";
import type { ExternalDatastoreArgs } from "./externalDatastore.ts";
import type { RestoreDriver } from "./restoreDriver.ts";

/** A kind of datastore: who runs it. Each kind is a folder, and a line in `datastoreKinds.ts`. */
export interface DatastoreKind<Args> {
  /** Makes what the cluster needs of the datastore. */
  readonly provision: (
    name: string,
    args: Args,
    cluster: DatastoreCluster,
    opts?: pulumi.ComponentResourceOptions,
  ) => ProvisionedDatastore;
  /** The addresses at which servers reach the datastore, as far as the configuration has them. Default: none, it is inside them. */
  readonly addresses?: (args: Args) => pulumi.Input<pulumi.Input<string>[]>;
  /** The expectations of the host check for the hosts that keep the datastore. Default: they are none of the stack's. */
  readonly ownHost?: (args: Args) => OwnDatastore;
  /** The questions that servers answer of a datastore inside them. Default: servers are asked, as K3s logs in. */
  readonly serverStatus?: (args: Args) => Pick<EngineStatus, "script" | "teller"> | undefined;
  /** Database on the kind's own host, which `make status` asks there. Default: servers are asked, as K3s logs in. */
  readonly ownDatabase?: (args: Args) => OwnDatabase | undefined;
  /** The etcd on the kind's own hosts, which `make status` asks there. Default: there is none. */
  readonly ownEtcd?: (args: Args) => OwnEtcd | undefined;
  /** The endpoint as the configuration has it, where it does. Default: none, the stack's outputs have one. Secret. */
  readonly configuredEndpoint?: (args: Args) => pulumi.Input<string>;
  /** Its restore driver. Default: none, because this program is not an administrator there. */
  readonly restore?: (args: Args) => RestoreDriver | undefined;
}

/** A database on a host of the stack's own. */
export interface OwnDatabase {
  readonly engine: "mariadb" | "postgres";
  /** Its schema or database. */
  readonly name: string;
}

/** The expectations of the host check for the hosts that keep the datastore. */
export type OwnDatastore = Pick<OwnStack, "databaseEngine" | "schema" | "databasePort" | "embedded" | "etcdPorts">;

/** An etcd on hosts of the stack's own. */
export interface OwnEtcd {
  /** Names of its members' hosts; undefined if they are the servers. */
  readonly members: readonly string[] | undefined;
  /** Port for clients. */
  readonly port: number;
}

/** The cluster that a datastore is made for. */
export interface DatastoreCluster extends ExternalDatastoreArgs {
  /** Address of the host that takes backups. Default: the kind's own host, else the first server. */
  backupAddress?: pulumi.Input<string> | undefined;
  /** The datastore that the cluster moves from, as the configuration confirms it. Default: none. */
  movingFrom?: string | undefined;
  /** The host that takes backups, if one is to be taken before a database server's configuration changes. Default: none is. */
  backupFirst?: HostArgs | undefined;
}
