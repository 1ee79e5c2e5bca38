import { configPath } from "../configPath.ts";
import type { Configuration } from "../schema.ts";
import type { ConfiguredHost } from "../hosts.ts";
import type { Problem } from "../problem.ts";

/** The remains of a lost host are removed through another host of its role, so one has to live; the datastore has only one. */
export function lostBeyondRepair({ datastore }: Configuration, hosts: readonly ConfiguredHost[]): Problem[] {
  const problems: Problem[] = [];
  const allLost = (role: ConfiguredHost["role"]) => {
    const those = hosts.filter((host) => host.role === role);
    return those.length > 0 && those.every(({ entry }) => entry.lost);
  };
  if (allLost("server")) {
    problems.push({
      path: configPath("servers"),
      fault:
        datastore?.embedded !== undefined
          ? "has only lost servers, and the datastore was on their disks: give a new host the lost one's name, remove its lost: true, and restore the cluster from a copy of a backup, as docs/restore.md describes"
          : "has only lost servers, but a living server has to remove the nodes of lost hosts: add a new server under another name, which takes the cluster over from the datastore",
    });
  }
  if (allLost("loadBalancer")) {
    problems.push({
      path: configPath("loadBalancer", "hosts"),
      fault:
        "has only lost hosts, but nodes and clients reach the servers through a load balancer: replace one of them by a new host with its address, and remove its lost: true",
    });
  }
  for (const { path, on } of hosts.filter(({ role, entry }) => role === "datastore" && entry.lost)) {
    // Of etcd's members some may be lost; managedDatastore.ts counts them.
    if (path.startsWith(configPath("datastore", "managed", "hosts"))) continue;
    problems.push({
      path: `${on === undefined ? path : configPath("servers", on)}.lost`,
      fault:
        "is true, but this host holds the cluster's whole state: replace it by a new host, remove lost: true, and restore a backup on it",
    });
  }
  return problems;
}
