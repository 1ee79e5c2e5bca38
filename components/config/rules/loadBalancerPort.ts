import { apiPort } from "../../balancer/balancerState.ts";
import { canonicalAddress } from "../address.ts";
import { configPath } from "../configPath.ts";
import { type ConfiguredHost, configuredNodeAddress } from "../hosts.ts";
import type { Problem } from "../problem.ts";

/** HAProxy on a server's own host has to be written as what it is: it shares the host, and needs another port than K3s. */
export function loadBalancerAtServer(hosts: readonly ConfiguredHost[]): Problem[] {
  const servers = hosts.filter(({ role }) => role === "server");
  return hosts
    .filter(({ role, on }) => role === "loadBalancer" && on === undefined)
    .flatMap((balancer) => {
      const address = canonicalAddress(configuredNodeAddress(balancer));
      const server = servers.find((other) => canonicalAddress(configuredNodeAddress(other)) === address);
      if (server === undefined) return [];
      const fault = `is the host of ${server.path}, where K3s itself listens on port ${apiPort}: run HAProxy on another host; or, to share that one, write ${configPath("loadBalancer", "onServers", balancer.name)}: ${server.name} instead, and another ${configPath("loadBalancer", "port")}`;
      return [{ path: balancer.path, fault }];
    });
}
