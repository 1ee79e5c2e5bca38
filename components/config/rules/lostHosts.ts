import { configPath } from "../configPath.ts";
import type { ConfiguredHost } from "../hosts.ts";
import type { Problem } from "../problem.ts";

/** What is left of a lost host is cleared up through another one of its kind, so one has to live; of the database there is one. */
export function lostBeyondRepair(hosts: readonly ConfiguredHost[]): Problem[] {
  const problems: Problem[] = [];
  const allLost = (role: ConfiguredHost["role"]) => {
    const those = hosts.filter((host) => host.role === role);
    return those.length > 0 && those.every(({ entry }) => entry.lost);
  };
  if (allLost("server")) {
    problems.push({
      path: configPath("servers"),
      fault:
        "has no server that is not lost, but the nodes of lost hosts are removed through a living one: add a new server under another name, which takes the cluster over from the datastore",
    });
  }
  if (allLost("loadBalancer")) {
    problems.push({
      path: configPath("loadBalancer", "hosts"),
      fault:
        "has no host that is not lost, but nodes and clients reach the servers through one: put a new host in the place of one of them, under its address, and remove its lost: true",
    });
  }
  for (const { path } of hosts.filter(({ role, entry }) => role === "datastore" && entry.lost)) {
    problems.push({
      path: `${path}.lost`,
      fault:
        "is true, but the whole cluster is kept on this host: put a new host in its place, remove lost: true, and restore a backup on it",
    });
  }
  return problems;
}
