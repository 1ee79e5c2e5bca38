import { isDnsLabel, isDnsName } from "../address.ts";
import { configPath } from "../configPath.ts";
import { type ConfiguredHost, inNameOrder } from "../hosts.ts";
import type { Problem } from "../problem.ts";
import type { Configuration } from "../schema.ts";

/** Host names are node names: Kubernetes refuses a node whose name is no DNS name in lower case. */
export function invalidHostNames(hosts: readonly ConfiguredHost[]): Problem[] {
  return hosts
    .filter(({ name }) => !isDnsName(name))
    .map(({ name, namePath }) => ({
      path: namePath,
      fault: `has the name ${JSON.stringify(name)}, but a host's name is a node's name in Kubernetes: use only a to z, 0 to 9, "-" and ".", with a letter or digit at both ends`,
    }));
}

/** Names tell hosts apart, and K3s nodes in the cluster: one name, one host. */
export function repeatedHostNames(hosts: readonly ConfiguredHost[]): Problem[] {
  return hosts.flatMap((host, index) => {
    const first = hosts.slice(0, index).find(({ name }) => name === host.name);
    if (first === undefined) return [];
    const fault = `has the name ${JSON.stringify(host.name)} of ${first.namePath} too, but every host needs its own name: rename one of them`;
    return [{ path: host.namePath, fault }];
  });
}

/** A pool and a host in it name the host's resources together, and Pulumi has each name only once. */
export function repeatedAgentNames({ agentPools = {} }: Configuration): Problem[] {
  const firsts = new Map<string, string>();
  return inNameOrder(agentPools).flatMap(([pool, { hosts }]) =>
    inNameOrder(hosts).flatMap(([host]) => {
      const name = `${pool}-${host}`;
      const path = configPath("agentPools", pool, "hosts", host);
      const first = firsts.get(name);
      firsts.set(name, first ?? path);
      if (first === undefined) return [];
      const fault = `has the name ${JSON.stringify(name)} together with its pool, as ${first} has, and Pulumi could not tell them apart: rename one of the pools or hosts`;
      return [{ path, fault }];
    }),
  );
}

/** Pool names become part of the names of resources. */
export function invalidPoolNames({ agentPools = {} }: Configuration): Problem[] {
  return Object.keys(agentPools)
    .filter((pool) => !isDnsLabel(pool))
    .map((pool) => ({
      path: configPath("agentPools", pool),
      fault: `has the name ${JSON.stringify(pool)}, but a pool's name has to be at most 63 of the characters a to z, 0 to 9 and "-": rename it`,
    }));
}
