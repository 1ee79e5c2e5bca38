/** Scripts that the hosts of a managed etcd run, and their functions. */
export const etcdScripts = {
  etcdHost: new URL("./etcdHost.sh", import.meta.url),
  etcdClient: new URL("./etcdClient.sh", import.meta.url),
  etcdMember: new URL("./etcdMember.sh", import.meta.url),
  etcdRestore: new URL("./etcdRestore.sh", import.meta.url),
  etcdMembers: new URL("./etcdMembers.sh", import.meta.url),
} as const;
