import type { HostRole } from "../host/hostCheckPart.ts";
import { configPath } from "./configPath.ts";
import type { Configuration, HostEntry } from "./schema.ts";

/** A host where the configuration has it. */
export interface ConfiguredHost {
  readonly name: string;
  /** Such as `k3s-ha:servers.server-1`. */
  readonly path: string;
  /** The path of its name; it differs from the host's path only for the datastore's host, whose name is a setting. */
  readonly namePath: string;
  readonly role: HostRole;
  readonly entry: HostEntry;
  /** SSH port, its own or that of all hosts. */
  readonly port: number;
  /** Name of the server whose host it shares. Default: none, it has a host of its own. */
  readonly on?: string | undefined;
}

/** Those that have a host of their own, each host once. */
export function ownHosts(hosts: readonly ConfiguredHost[]): ConfiguredHost[] {
  return hosts.filter(({ on }) => on === undefined);
}

/** The names of the load balancers that run HAProxy. */
export function balancerNames({ hosts, onServers }: NonNullable<Configuration["loadBalancer"]>): string[] {
  return Object.keys({ ...hosts, ...onServers });
}

/** Orders names as people count: server-2 comes before server-10. */
const byName = new Intl.Collator("en", { numeric: true });

/** The entries of a map in the order of their names: Pulumi hands maps over without the order of the file. */
export function inNameOrder<Value>(map: Readonly<Record<string, Value>>): [string, Value][] {
  return Object.entries(map).sort(([a], [b]) => byName.compare(a, b) || (a < b ? -1 : 1));
}

/** Every host of the configuration. */
export function hostsOf(configuration: Configuration): ConfiguredHost[] {
  const defaultPort = configuration.ssh?.port ?? 22;
  const hostsIn = (hosts: Readonly<Record<string, HostEntry>>, role: HostRole, key: string, ...steps: string[]) =>
    inNameOrder(hosts).map(([name, entry]) => {
      const path = configPath(key, ...steps, name);
      return { name, path, namePath: path, role, entry, port: entry.port ?? defaultPort };
    });
  const servers = hostsIn(configuration.servers ?? {}, "server", "servers");
  // What names no server is reported by its name.
  const sharing = (server: string | undefined, own: Pick<ConfiguredHost, "name" | "path" | "namePath" | "role">) => {
    const host = servers.find(({ name }) => name === server);
    if (host === undefined) return [];
    // Those are settings of its node.
    const entry = { ...host.entry, labels: undefined, taints: undefined, config: undefined };
    return [{ ...host, ...own, entry, on: host.name }];
  };
  const managed = configuration.datastore?.managed;
  const dedicated = configuration.backup?.dedicated;
  return [
    ...servers,
    ...inNameOrder(configuration.agentPools ?? {}).flatMap(([pool, { hosts }]) =>
      hostsIn(hosts, "agent", "agentPools", pool, "hosts"),
    ),
    ...hostsIn(configuration.loadBalancer?.hosts ?? {}, "loadBalancer", "loadBalancer", "hosts"),
    ...hostsIn(managed?.hosts ?? {}, "datastore", "datastore", "managed", "hosts"),
    ...inNameOrder(configuration.loadBalancer?.onServers ?? {}).flatMap(([name, server]) => {
      const path = configPath("loadBalancer", "onServers", name);
      return sharing(server, { name, path, namePath: path, role: "loadBalancer" });
    }),
    ...sharing(managed?.host === undefined ? managed?.onServer : undefined, {
      name: managed?.name ?? "",
      path: configPath("datastore", "managed", "onServer"),
      namePath: configPath("datastore", "managed", "name"),
      role: "datastore",
    }),
    ...(managed?.name === undefined || managed.host === undefined
      ? []
      : [
          {
            name: managed.name,
            path: configPath("datastore", "managed", "host"),
            namePath: configPath("datastore", "managed", "name"),
            role: "datastore" as const,
            entry: managed.host,
            port: managed.host.port ?? defaultPort,
          },
        ]),
    ...(dedicated === undefined
      ? []
      : [
          {
            name: dedicated.name,
            path: configPath("backup", "dedicated", "host"),
            namePath: configPath("backup", "dedicated", "name"),
            role: "backup" as const,
            entry: dedicated.host,
            port: dedicated.host.port ?? defaultPort,
          },
        ]),
  ];
}

/** The addresses that a host has in the cluster: a node of a dual-stack cluster has one of each family. */
export function configuredNodeAddresses(host: ConfiguredHost): string[] {
  const { secondaryNodeAddress } = host.entry;
  return [configuredNodeAddress(host), ...(secondaryNodeAddress === undefined ? [] : [secondaryNodeAddress])];
}

/** The address that the cluster's own traffic uses, if the host has a valid one. */
export function configuredNodeAddress(host: ConfiguredHost): string {
  return host.entry.nodeAddress ?? host.entry.address;
}
