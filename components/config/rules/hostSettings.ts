import { configPath } from "../configPath.ts";
import type { ConfiguredHost } from "../hosts.ts";
import { hostSettingFault } from "../k3sSetting.ts";
import type { Problem } from "../problem.ts";
import type { Configuration } from "../schema.ts";

const otherRoles = { loadBalancer: "a load balancer", datastore: "the datastore's host", backup: "the backup host" };

/** K3s's settings in a host's entry that one host alone cannot have. */
export function unusableHostSettings(hosts: readonly ConfiguredHost[]): Problem[] {
  return hosts.flatMap(({ path, role, entry }) => {
    const { secondaryNodeAddress, labels, taints, config } = entry;
    if (role === "server" || role === "agent") {
      return Object.keys(config ?? {}).flatMap((key) => {
        const fault = hostSettingFault(role, key, path);
        return fault === undefined ? [] : [{ path: `${path}.config.${key}`, fault }];
      });
    }
    return Object.entries({ secondaryNodeAddress, labels, taints, config })
      .filter(([, value]) => value !== undefined)
      .map(([setting]) => ({
        path: `${path}.${setting}`,
        fault: `is a setting of nodes, but this is ${otherRoles[role]}, which runs no K3s: remove it`,
      }));
  });
}

/** Addresses at which the API is reached from everywhere that the program and HAProxy ask it from. */
const allAddresses = ["0.0.0.0", "::"];

/** An API that neither the readiness check on the server nor HAProxy would reach. */
export function unreachableApi({ k3s }: Configuration, hosts: readonly ConfiguredHost[]): Problem[] {
  const fault =
    "makes the server's API answer at one address, but readiness is checked at 127.0.0.1, and HAProxy connects to the node address: remove it, and use a firewall to close port 6443 to others";
  const places: [string, Readonly<Record<string, unknown>> | undefined][] = [
    [configPath("k3s", "serverConfig"), k3s?.serverConfig],
    ...hosts
      .filter(({ role }) => role === "server")
      .map(({ path, entry }): [string, typeof entry.config] => [`${path}.config`, entry.config]),
  ];
  return places
    .filter(([, settings]) => settings?.["bind-address"] !== undefined)
    .filter(([, settings]) => !allAddresses.includes(String(settings?.["bind-address"])))
    .map(([path]) => ({ path: `${path}.bind-address`, fault }));
}
