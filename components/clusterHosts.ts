import * as pulumi from "@pulumi/pulumi";
import type { ClusterBackupArgs, K3sClusterArgs, SshArgs } from "./clusterArgs.ts";
import type { HostArgs } from "./host/host.ts";
import type { CheckedHost, HostRole } from "./host/hostCheck.ts";

/** The arguments of a cluster with every host complete, and all of its hosts together. */
export interface ClusterHosts extends Pick<K3sClusterArgs, "servers" | "datastore"> {
  readonly loadBalancer: K3sClusterArgs["loadBalancer"] & { hosts: Readonly<Record<string, HostArgs>> };
  readonly agentPools: NonNullable<K3sClusterArgs["agentPools"]>;
  readonly backup: (ClusterBackupArgs & { host: HostArgs; hostName: string }) | undefined;
  /** Every host by its name. */
  readonly checked: Readonly<Record<string, CheckedHost>>;
  /** Those that are lost. */
  readonly lostHosts: Readonly<Record<string, HostArgs>>;
}

/**
 * Gives every host the login settings that it shares with the others, and finds the one that takes the backups.
 *
 * @throws pulumi.InputPropertyError about two hosts with one name, a load balancer that is none or two, and a backup host that is none of the cluster's.
 */
export function clusterHosts(cluster: string, args: K3sClusterArgs): ClusterHosts {
  // One host in two roles stays one: it is the same object.
  const completed = new Map<HostArgs, HostArgs>();
  const complete = (host: HostArgs): HostArgs => {
    const known = completed.get(host) ?? withLogin(host, args.ssh);
    completed.set(host, known);
    return known;
  };
  const all = (hosts: Readonly<Record<string, HostArgs>>) => mapped(hosts, complete);
  const { managed, existing } = args.datastore;
  const servers = all(args.servers);
  const agentPools = mapped(args.agentPools ?? {}, (pool) => ({ ...pool, hosts: all(pool.hosts) }));
  const loadBalancer = { ...args.loadBalancer, hosts: all(args.loadBalancer.hosts ?? {}) };
  if ((loadBalancer.external === undefined) === (Object.keys(loadBalancer.hosts).length === 0)) {
    const reason =
      "has to have either hosts, which run HAProxy, or external, a load balancer that this program does not run";
    throw new pulumi.InputPropertyError({ propertyPath: "loadBalancer", reason });
  }
  const datastore = {
    ...args.datastore,
    managed:
      managed &&
      (managed.engine === "etcd"
        ? { ...managed, hosts: all(managed.hosts) }
        : { ...managed, host: complete(managed.host) }),
    existing: existing && { ...existing, via: existing.via && { ...existing.via, host: complete(existing.via.host) } },
  };

  const checked: Record<string, CheckedHost> = {};
  const add = (path: string, role: HostRole, hosts: Readonly<Record<string, HostArgs>>) => {
    for (const [name, host] of Object.entries(hosts)) {
      const first = checked[name];
      if (first !== undefined) {
        const reason = `has a host ${name}, and so has ${first.path}: every host needs a name of its own`;
        throw new pulumi.InputPropertyError({ propertyPath: path, reason });
      }
      const on = Object.entries(servers).find(([, server]) => role !== "server" && server === host)?.[0];
      checked[name] = { host, role, path: `${cluster}.${path}.${name}`, ...(on === undefined ? {} : { on }) };
    }
  };
  add("servers", "server", servers);
  for (const [pool, { hosts }] of Object.entries(agentPools)) add(`agentPools.${pool}.hosts`, "agent", hosts);
  add("loadBalancer.hosts", "loadBalancer", loadBalancer.hosts);
  if (datastore.managed?.engine === "etcd") add("datastore.managed.hosts", "datastore", datastore.managed.hosts);
  else if (datastore.managed !== undefined)
    add("datastore.managed", "datastore", { [datastore.managed.hostName]: datastore.managed.host });
  const backup = args.backup && withHost(args.backup, ownBackupHost({ servers, datastore }), checked, complete);
  if (backup !== undefined && args.backup?.host !== undefined)
    add("backup", "backup", { [backup.hostName]: backup.host });

  const lost = Object.entries(checked).filter(([, { host }]) => host.standIn !== undefined);
  const lostHosts = Object.fromEntries(lost.map(([name, { host }]) => [name, host]));
  return { servers, agentPools, loadBalancer, datastore, backup, checked, lostHosts };
}

/** The host that takes backups if none is named; undefined if the datastore has no host of its own. Of several, the first that lives. */
function ownBackupHost({ servers, datastore }: Pick<ClusterHosts, "servers" | "datastore">): string | undefined {
  const { managed, embedded } = datastore;
  const firstOf = (hosts: Readonly<Record<string, HostArgs>>) =>
    Object.entries(hosts).find(([, { standIn }]) => standIn === undefined)?.[0];
  if (managed?.engine === "etcd") return firstOf(managed.hosts);
  return managed?.hostName ?? (embedded === undefined ? undefined : firstOf(servers));
}

/** The backups with the host that takes them: one of their own, or the one of the cluster that they name. */
function withHost(
  backup: ClusterBackupArgs,
  standardHost: string | undefined,
  others: Readonly<Record<string, CheckedHost>>,
  complete: (host: HostArgs) => HostArgs,
): ClusterBackupArgs & { host: HostArgs; hostName: string } {
  const hostName = backup.hostName ?? (backup.host === undefined ? standardHost : undefined);
  if (hostName === undefined) {
    const reason = "has to be set, because the datastore has no host of its own that could take the backups";
    throw new pulumi.InputPropertyError({ propertyPath: "backup.hostName", reason });
  }
  const host = backup.host === undefined ? others[hostName]?.host : complete(backup.host);
  if (host !== undefined) return { ...backup, host, hostName };
  const reason = `names ${hostName}, which is no host of the cluster: set backup.host too`;
  throw new pulumi.InputPropertyError({ propertyPath: "backup.hostName", reason });
}

function withLogin(host: HostArgs, ssh: SshArgs = {}): HostArgs {
  return {
    ...host,
    user: host.user ?? ssh.user,
    port: host.port ?? ssh.port,
    privateKey: host.privateKey ?? ssh.privateKey,
    bastion: host.bastion ?? ssh.bastion,
    connectSeconds: host.connectSeconds ?? ssh.connectSeconds,
    commandSeconds: host.commandSeconds ?? ssh.commandSeconds,
    standIn: host.standIn && withLogin(host.standIn, ssh),
  };
}

function mapped<From, To>(map: Readonly<Record<string, From>>, change: (value: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [name, change(value)]));
}
