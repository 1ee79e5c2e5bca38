import { canonicalAddress } from "../address.ts";
import { configPath } from "../configPath.ts";
import { balancerNames } from "../hosts.ts";
import { nearMatch } from "../nearMatch.ts";
import type { Problem } from "../problem.ts";
import type { Configuration } from "../schema.ts";
import { listed } from "../schemaTypes.ts";

/** Statistics are for those who run the load balancers: each host has an address of its own for them. */
export function unusableStatsAddresses({ loadBalancer }: Configuration): Problem[] {
  if (loadBalancer?.external !== undefined || loadBalancer === undefined) return [];
  const names = balancerNames(loadBalancer);
  const shared = loadBalancer.virtualIp?.address;
  return Object.entries(loadBalancer.statsAddresses).flatMap(([name, address]) => {
    const path = configPath("loadBalancer", "statsAddresses", name);
    if (!names.includes(name)) {
      const near = nearMatch(name, names);
      const remedy = near === undefined ? "remove it" : `rename it to ${near}, or remove it`;
      const fault = `names no load balancer: ${remedy} (there are ${listed(names)})`;
      return [{ path, fault, presumes: [configPath("loadBalancer", "hosts")] }];
    }
    if (shared === undefined || canonicalAddress(address) !== canonicalAddress(shared)) return [];
    const fault = `is ${address}, the address that clients use for the API: write an address of the host that only operators reach, or remove it`;
    return [{ path, fault }];
  });
}

/** One port cannot be both: HAProxy would not start. */
export function statsOnApiPort({ loadBalancer }: Configuration): Problem[] {
  if (loadBalancer === undefined || loadBalancer.external !== undefined) return [];
  if (loadBalancer.statsPort !== loadBalancer.port) return [];
  const fault = `is ${loadBalancer.statsPort}, but the Kubernetes API is offered on that port (${configPath("loadBalancer", "port")}): choose another port`;
  return [{ path: configPath("loadBalancer", "statsPort"), fault }];
}
