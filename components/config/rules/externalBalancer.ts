import { isIP } from "node:net";
import { canonicalAddress, isUnicastAddress } from "../address.ts";
import { configPath } from "../configPath.ts";
import { balancerNames, type ConfiguredHost, configuredNodeAddress } from "../hosts.ts";
import type { Problem } from "../problem.ts";
import { type Configuration, sections } from "../schema.ts";
import { clusterNetworkOf } from "./clusterNetworks.ts";

const path = configPath("loadBalancer", "external");
const hostsPath = configPath("loadBalancer", "hosts");

/** Settings of HAProxy and of keepalived, with what to do instead. */
const settingsOfHosts = {
  virtualIp: "remove it",
  port: `write the port as ${path}.port`,
  maxConnections: "remove it",
  idleSeconds: "remove it",
  statsAddresses: "remove it",
  statsPort: "remove it",
  certificateRotation: "remove it",
  certificateHours: "remove it",
} as const;

/** A load balancer that the program does not run takes the place of HAProxy's hosts, so there are none of their settings. */
export function besideExternalBalancer({ loadBalancer }: Configuration): Problem[] {
  if (loadBalancer?.external === undefined) return [];
  if (balancerNames(loadBalancer).length > 0) {
    const fault = `is set, but so is ${Object.keys(loadBalancer.hosts).length > 0 ? hostsPath : configPath("loadBalancer", "onServers")}, and nodes and clients know one address: keep the hosts that run HAProxy, or the load balancer that this program does not run`;
    return [{ path, fault, presumes: [hostsPath] }];
  }
  const { shape } = sections.loadBalancer;
  return Object.entries(settingsOfHosts).flatMap(([name, remedy]) => {
    const key = name as keyof typeof settingsOfHosts;
    const standard: unknown = shape[key].parse(undefined);
    if (JSON.stringify(loadBalancer[key]) === JSON.stringify(standard)) return [];
    const fault = `is a setting of the hosts that run HAProxy, of which there are none with ${path}: ${remedy}`;
    return [{ path: configPath("loadBalancer", key), fault }];
  });
}

/** The address is that of no host of the stack, and one that every node can dial. */
export function unusableExternalBalancer(configuration: Configuration, hosts: readonly ConfiguredHost[]): Problem[] {
  const address = configuration.loadBalancer?.external?.address;
  if (address === undefined) return [];
  const problem = (fault: string): Problem[] => [{ path: `${path}.address`, fault: `is ${address}, ${fault}` }];
  const holder = hosts.find((host) =>
    [host.entry.address, configuredNodeAddress(host)].some(
      (other) => canonicalAddress(other) === canonicalAddress(address),
    ),
  );
  if (holder !== undefined) {
    return problem(
      `which is the address of ${holder.path}: write the address of the load balancer, or list hosts that run HAProxy in ${hostsPath}`,
    );
  }
  if (address === "localhost" || /^127\.|^::1$/.test(address) || (isIP(address) !== 0 && !isUnicastAddress(address)))
    return problem("which leads every node to itself: write the address at which nodes and clients reach it");
  const network = clusterNetworkOf(configuration, address);
  if (network === undefined) return [];
  return problem(
    `which is in ${network.text}, K3s's network for ${network.meaning}: write the address at which nodes and clients reach the load balancer`,
  );
}
