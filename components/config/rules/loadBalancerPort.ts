import { apiPort } from "../../balancer/balancerState.ts";
import { canonicalAddress } from "../address.ts";
import { type ConfiguredHost, configuredNodeAddress } from "../hosts.ts";
import type { Problem } from "../problem.ts";
import type { Configuration } from "../schema.ts";

/** On a server's own host, HAProxy could not bind the port that K3s listens on. */
export function loadBalancerOnServerPort({ loadBalancer }: Configuration, hosts: readonly ConfiguredHost[]): Problem[] {
  if (loadBalancer?.port !== apiPort) return [];
  const servers = hosts.filter(({ role }) => role === "server");
  return hosts
    .filter(({ role }) => role === "loadBalancer")
    .flatMap((balancer) => {
      const address = canonicalAddress(configuredNodeAddress(balancer));
      const server = servers.find((other) => canonicalAddress(configuredNodeAddress(other)) === address);
      if (server === undefined) return [];
      const fault = `is the host of ${server.path}, where K3s itself listens on port ${apiPort}: run HAProxy on another host`;
      return [{ path: balancer.path, fault }];
    });
}
