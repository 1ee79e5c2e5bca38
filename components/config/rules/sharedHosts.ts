import { configPath } from "../configPath.ts";
import { managedPort } from "../managedDatastore.ts";
import { type Problem, shown } from "../problem.ts";
import type { Configuration } from "../schema.ts";
import { listed } from "../schemaTypes.ts";

/** Ports that K3s, or what it runs by default, uses on a server, the last of each range included. */
const portsOfServers: readonly (readonly [first: number, last: number])[] = [
  // Traefik, by K3s's ServiceLB
  [80, 80],
  [443, 443],
  // etcd
  [2379, 2382],
  // the embedded registry
  [5001, 5001],
  // the API, its inside, and what this program answers load balancers with
  [6440, 6444],
  // containerd, the kubelet and the controllers
  [10010, 10010],
  [10248, 10260],
  // services of type NodePort
  [30000, 32767],
];

const managedPath = configPath("datastore", "managed", "onServer");

/** Entries that name a server: the entry's path, and the server's name. */
function references({ loadBalancer, datastore }: Configuration): { path: string; server: string }[] {
  const onServer = datastore?.managed?.onServer;
  return [
    ...Object.entries(loadBalancer?.onServers ?? {}).map(([name, server]) => ({
      path: configPath("loadBalancer", "onServers", name),
      server,
    })),
    ...(onServer === undefined ? [] : [{ path: managedPath, server: onServer }]),
  ];
}

/** A role that shares a server's host names one of the servers, and each of them has one of a kind. */
export function unknownSharedServers(configuration: Configuration): Problem[] {
  const servers = Object.keys(configuration.servers ?? {});
  const presumes = [configPath("servers")];
  const unknown = references(configuration)
    .filter(({ server }) => !servers.includes(server))
    .map(({ path, server }) => ({
      path,
      fault: `is ${shown(server)}, but no server has that name: write one of ${listed(servers)}`,
      presumes,
    }));
  const firsts = new Map<string, string>();
  const repeated = Object.entries(configuration.loadBalancer?.onServers ?? {}).flatMap(([name, server]) => {
    const path = configPath("loadBalancer", "onServers", name);
    const first = firsts.get(server);
    firsts.set(server, first ?? path);
    if (first === undefined) return [];
    const fault = `is ${server}, and so is ${first}, but a host runs one HAProxy: name another server, or remove it`;
    return [{ path, fault }];
  });
  return [...unknown, ...repeated];
}

/** On a server's host, what shares it listens on ports that K3s does not use. */
export function portsOfSharedServers({ loadBalancer, datastore }: Configuration): Problem[] {
  const problems: Problem[] = [];
  const [balancer] = Object.entries(loadBalancer?.onServers ?? {});
  const managed = datastore?.managed;
  const refuse = (path: string, port: number, server: string, what: string, example: number) => {
    if (!portsOfServers.some(([first, last]) => port >= first && port <= last)) return;
    const fault = `is ${port}, which K3s uses on ${configPath("servers", server)}, where ${what} runs too: choose another port, such as ${example}`;
    problems.push({ path, fault });
  };
  if (loadBalancer !== undefined && balancer !== undefined) {
    refuse(configPath("loadBalancer", "port"), loadBalancer.port, balancer[1], "HAProxy", 7443);
    refuse(configPath("loadBalancer", "statsPort"), loadBalancer.statsPort, balancer[1], "HAProxy", 8404);
  }
  if (managed?.onServer === undefined) return problems;
  const databasePort = managedPort(managed);
  refuse(configPath("datastore", "managed", "port"), databasePort, managed.onServer, "MariaDB", 3306);
  if (loadBalancer === undefined || !Object.values(loadBalancer.onServers).includes(managed.onServer)) return problems;
  for (const name of ["port", "statsPort"] as const) {
    if (loadBalancer[name] !== databasePort) continue;
    const fault = `is ${databasePort}, but MariaDB listens on that port of ${configPath("servers", managed.onServer)}, where HAProxy runs too: choose another port`;
    problems.push({ path: configPath("loadBalancer", name), fault });
  }
  return problems;
}

/** MariaDB has one host. */
export function twoDatastoreHosts({ datastore }: Configuration): Problem[] {
  if (datastore?.managed?.host === undefined || datastore.managed.onServer === undefined) return [];
  const fault = `is set, and so is ${configPath("datastore", "managed", "host")}, but MariaDB runs on one host: remove one of the two`;
  return [{ path: managedPath, fault }];
}
