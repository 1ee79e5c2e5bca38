import type { DatastoreKind } from "../datastoreKind.ts";
import { nodeAddressOf } from "../../host/host.ts";
import { EtcdDatastore } from "../etcdDatastore.ts";
import { etcdRestore } from "./etcdRestore.ts";
import type { ManagedEtcdArgs } from "./managedEtcd.ts";

/** An etcd on hosts of the stack's own. */
export const managedEtcdKind: DatastoreKind<ManagedEtcdArgs> = {
  provision: (name, managed, cluster, opts) => new EtcdDatastore(name, { ...cluster, managed }, opts),
  addresses: ({ hosts }) => Object.values(hosts).map(nodeAddressOf),
  ownHost: ({ port = 2379, peerPort = 2380 }) => ({ etcdPorts: [port, peerPort] }),
  restore: () => etcdRestore,
  ownEtcd: ({ hosts, port = 2379 }) => ({ members: Object.keys(hosts), port }),
};
