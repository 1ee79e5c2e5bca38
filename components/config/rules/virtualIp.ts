import { isIP } from "node:net";
import { canonicalAddress } from "../address.ts";
import { configPath } from "../configPath.ts";
import { balancerNames, type ConfiguredHost, configuredNodeAddress } from "../hosts.ts";
import type { Problem } from "../problem.ts";
import type { Configuration } from "../schema.ts";
import { clusterNetworkOf } from "./clusterNetworks.ts";

const path = configPath("loadBalancer", "virtualIp");
const presumes = [path, configPath("loadBalancer", "hosts")];
const addressPath = configPath("loadBalancer", "virtualIp", "address");

/** Several load balancers are one to their clients only by an address that they share; one alone has nothing to share. */
export function misplacedVirtualIp({ loadBalancer }: Configuration): Problem[] {
  if (loadBalancer === undefined) return [];
  const count = balancerNames(loadBalancer).length;
  if (count > 1 && loadBalancer.virtualIp === undefined) {
    const fault = `is missing, but ${configPath("loadBalancer", "hosts")} has ${count} hosts, which need a shared address for clients: add a free address of their network, like {address: 203.0.113.35}, or keep one host`;
    return [{ path, fault, presumes }];
  }
  if (count === 1 && loadBalancer.virtualIp !== undefined) {
    const fault = `is set, but ${configPath("loadBalancer", "hosts")} has a single host, which clients reach at its own address: add a second host, or remove the setting`;
    return [{ path, fault, presumes }];
  }
  return [];
}

/** The address has to be free, in the hosts' network as far as can be told from here, and outside of K3s's own. */
export function unusableVirtualIp(configuration: Configuration, hosts: readonly ConfiguredHost[]): Problem[] {
  const address = configuration.loadBalancer?.virtualIp?.address;
  if (address === undefined) return [];
  const holder = hosts.find((host) =>
    [host.entry.address, configuredNodeAddress(host)].some(
      (other) => canonicalAddress(other) === canonicalAddress(address),
    ),
  );
  if (holder !== undefined) {
    const fault = `is ${address}, which is the address of ${holder.path}: choose an address that no host has`;
    return [{ path: addressPath, fault }];
  }
  const network = clusterNetworkOf(configuration, address);
  if (network !== undefined) {
    const fault = `is ${address}, which is in ${network.text}, K3s's network for ${network.meaning}: choose an address of the load balancers' own network`;
    return [{ path: addressPath, fault }];
  }
  const other = hosts
    .filter(({ role }) => role === "loadBalancer")
    .find((host) => ![0, isIP(address)].includes(isIP(configuredNodeAddress(host))));
  if (other === undefined) return [];
  const fault = `is an IPv${isIP(address)} address, but ${other.path} has the node address ${configuredNodeAddress(other)}: choose an address of the load balancers' own network`;
  return [{ path: addressPath, fault }];
}
