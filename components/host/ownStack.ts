import * as pulumi from "@pulumi/pulumi";

/** The stack's own data for the check of a host. */
export interface OwnStack {
  /** `project/stack`. Default: those of the run. */
  owner?: string;
  /** Tells this cluster from any other, also from an earlier one of the same stack. Default: only the stack's name does. */
  clusterId?: pulumi.Input<string>;
  /** Addresses of the cluster's servers. */
  serverAddresses?: readonly pulumi.Input<string>[];
  /** Schema that K3s keeps the cluster in, where the stack runs the database. Default: "k3s". */
  schema?: string | undefined;
  /** Ports that HAProxy is to listen on. Default: 6443 and 8404. */
  balancerPorts?: readonly number[];
  /** Engine of the datastore that K3s keeps in its servers. Default: none, and what an earlier one left is refused. */
  embedded?: "sqlite" | "etcd" | undefined;
  /** Engine that the stack's own database has. Default: "mariadb". */
  databaseEngine?: "mariadb" | "postgres" | undefined;
  /** Port that the stack's own database listens on. Default: that of its engine, 3306 or 5432. */
  databasePort?: number | undefined;
  /** Ports that etcd listens on, where that is the stack's own datastore. Default: none, it is a database server. */
  etcdPorts?: readonly number[] | undefined;
  /** Whether the load balancers share an address, through keepalived. Default: false. */
  sharesAddress?: boolean;
  /** Directory of the backups on a host that does nothing else. Default: /var/backups. */
  backupDirectory?: string | undefined;
  /** Whether the nodes get image registries. Default: false. */
  writesRegistries?: boolean;
}

/** `project/stack`, as the mark and every node of the cluster have it. */
export function ownerName(): string {
  return `${pulumi.getProject()}/${pulumi.getStack()}`;
}
