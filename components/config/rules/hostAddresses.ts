import { isIP } from "node:net";
import { canonicalAddress } from "../address.ts";
import { type ConfiguredHost, configuredNodeAddresses } from "../hosts.ts";
import type { Problem } from "../problem.ts";

/** K3s, the datastore and HAProxy need an IP address; SSH alone is content with a name. */
export function missingNodeAddresses(hosts: readonly ConfiguredHost[]): Problem[] {
  return hosts
    .filter(({ entry }) => entry.nodeAddress === undefined && isIP(entry.address) === 0)
    .map(({ path, entry }) => ({
      path: `${path}.nodeAddress`,
      fault: `is missing, but the address ${JSON.stringify(entry.address)} is a DNS name and the cluster's own traffic needs an IP address: add the address at which the other hosts reach this host`,
    }));
}

/** Two entries that dial the same sshd are one host. A server's port taken by the load balancer is told on its own. */
export function repeatedConnections(hosts: readonly ConfiguredHost[]): Problem[] {
  return hosts.flatMap((host, index) => {
    const first = hosts.slice(0, index).find((other) => isSameConnection(host, other));
    if (first === undefined) return [];
    const fault = `has the address ${host.entry.address} and SSH port ${host.port} of ${first.path} too, but every role needs its own host: correct one of the addresses, or remove one of the hosts`;
    return [{ path: host.path, fault }];
  });
}

/** A connection through a host cannot lead to that host. */
export function ownBastions(hosts: readonly ConfiguredHost[]): Problem[] {
  return hosts.flatMap(({ path, entry, port }) => {
    const { bastion } = entry;
    if (bastion === undefined || bastion.port !== port) return [];
    if (canonicalAddress(bastion.address) !== canonicalAddress(entry.address)) return [];
    const fault = "is the host itself, at the same address and port: remove it, or write the address of another host";
    return [{ path: `${path}.bastion`, fault }];
  });
}

/** Nodes, the datastore and the load balancer find each other by these addresses. */
export function repeatedNodeAddresses(hosts: readonly ConfiguredHost[]): Problem[] {
  return hosts.flatMap((host, index) => {
    const others = hosts.slice(0, index).filter((other) => !isSameConnection(host, other));
    return configuredNodeAddresses(host).flatMap((own, place) => {
      const address = canonicalAddress(own);
      const first = others.find((other) => configuredNodeAddresses(other).map(canonicalAddress).includes(address));
      // Behind one DNS name with several SSH ports, hosts are told apart by their nodeAddress, which is asked for already.
      if (first === undefined || isIP(address) === 0) return [];
      const setting = place === 0 ? "nodeAddress" : "secondaryNodeAddress";
      const fault = `has the node address ${address} of ${first.path} too, but every host needs its own node address: set another ${setting} for one of them`;
      return [{ path: host.path, fault }];
    });
  });
}

function isSameConnection(a: ConfiguredHost, b: ConfiguredHost): boolean {
  return canonicalAddress(a.entry.address) === canonicalAddress(b.entry.address) && a.port === b.port;
}
