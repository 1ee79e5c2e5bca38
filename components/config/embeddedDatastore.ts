import { serverCountFault } from "../datastore/embedded/serverCount.ts";
import { configPath } from "./configPath.ts";
import type { ConfiguredHost } from "./hosts.ts";
import { type Problem, shown } from "./problem.ts";
import { listed } from "./schemaTypes.ts";

/** The parts of a configuration that a datastore inside the servers depends on. */
export interface EmbeddedSurroundings {
  readonly hosts: readonly ConfiguredHost[];
  /** Name of the host that takes backups; undefined if none is named. */
  readonly backupHost: string | undefined;
}

/** The server that backs up a datastore inside the servers; undefined if there are none, or only lost ones. */
export function firstLivingServer(hosts: readonly ConfiguredHost[]): string | undefined {
  return hosts.find(({ role, entry }) => role === "server" && !entry.lost)?.name;
}

/** etcd needs more than half of its members, and a backup of it is taken where one of them is. */
export function ownEtcdProblems({ hosts, backupHost }: EmbeddedSurroundings): Problem[] {
  const servers = hosts.filter(({ role }) => role === "server");
  const fault = serverCountFault(servers.length, servers.filter(({ entry }) => !entry.lost).length);
  const problems: Problem[] = servers.length > 0 && fault !== undefined ? [{ path: configPath("servers"), fault }] : [];
  if (backupHost === undefined || servers.some(({ name }) => name === backupHost)) return problems;
  const place = `is ${shown(backupHost)}, but K3s's own etcd is read on one of its servers: name one of ${listed(servers.map(({ name }) => name))}, or remove it, and set k3s-ha:backup.copy, so that backups outlive that host`;
  return [...problems, { path: configPath("backup", "host"), fault: place }];
}

/** SQLite is one file on the disk of one server: what would need it elsewhere is refused. */
export function sqliteProblems({ hosts, backupHost }: EmbeddedSurroundings): Problem[] {
  const servers = hosts.filter(({ role }) => role === "server");
  const [server] = servers;
  if (server === undefined) return [];
  const problems: Problem[] = [];
  if (servers.length > 1) {
    const fault = `has ${servers.length} servers, ${listed(servers.map(({ name }) => name))}, but ${configPath("datastore", "embedded", "engine")} is sqlite: a file on the disk of one server, which no other server can use. Keep one server, without high availability, or choose another datastore before the first up: k3s-ha:datastore.managed, existing or endpoint`;
    problems.push({ path: configPath("servers"), fault });
  } else if (backupHost !== undefined && backupHost !== server.name) {
    const fault = `is ${shown(backupHost)}, but an SQLite database is read on its own host, ${server.name}: remove it, and set k3s-ha:backup.copy, so that backups outlive that host`;
    problems.push({ path: configPath("backup", "host"), fault });
  }
  return problems;
}
