/** The output of `make status`: a table for people, or JSON for machines. */
import Table from "cli-table3";
import type { ClusterFacts, ClusterHost } from "./clusterFacts.ts";
import { freeShare, sizeText } from "./disks.ts";
import type { HostFacts } from "./hostFacts.ts";
import {
  backupTeller,
  certificatesOf,
  datastoreTeller,
  daysLeft,
  duration,
  nodesOf,
  problemsOf,
  thousands,
} from "./judgement.ts";
import { etcdUnit } from "../../components/datastore/etcd/etcdConfig.ts";
import { describeEtcd, etcdQuorum } from "./etcd.ts";
import { backupUnits } from "../../components/backup/backupUnits.ts";
import { k3sUnitNames } from "../../components/k3s/k3sUnit.ts";

/** The whole answer as JSON; docs/status.md describes each field. Fields are added, never changed or removed. */
export function statusJson(facts: ClusterFacts) {
  const problems = problemsOf(facts);
  const datastore = datastoreTeller(facts);
  const backup = backupTeller(facts);
  const latest = backup?.facts?.backup;
  return {
    formatVersion: 1,
    stack: facts.stack,
    takenAt: facts.takenAt.toISOString(),
    healthy: problems.length === 0,
    problems,
    api: { endpoint: facts.apiEndpoint, answer: facts.apiAnswer },
    hosts: facts.hosts.map(({ name, role, address, isLost, isSlow, fault }) => ({
      name,
      role,
      address,
      state: isLost ? "lost" : isSlow ? "slow" : fault === undefined ? "reached" : "unreachable",
    })),
    balancers: facts.hosts
      .filter(({ role, facts: told }) => role === "loadBalancer" && told !== undefined)
      .map(({ name, facts: told }) => ({
        name,
        haproxy: told?.units["haproxy"] ?? "unknown",
        holdsVirtualIp: told?.holdsVirtualIp ?? null,
        servers: told?.backends ?? [],
      })),
    externalBalancer: facts.hosts.flatMap(({ name, facts: told }) =>
      told?.externalBalancer === undefined
        ? []
        : [{ host: name, answer: told.externalBalancer.answer, health: told.externalBalancer.health ?? null }],
    ),
    nodes: nodesOf(facts) ?? null,
    stuckPods: facts.hosts.find((host) => host.facts?.nodes !== undefined)?.facts?.stuckPods ?? null,
    podTraffic: facts.hosts.flatMap(({ name, facts: told }) =>
      (told?.podTraffic ?? []).map((traffic) => ({ host: name, ...traffic })),
    ),
    certificates: certificatesOf(facts).map(({ host, certificate }) => ({
      host: host === "" ? null : host,
      owner: certificate.owner,
      name: certificate.name,
      path: certificate.path === "" ? null : certificate.path,
      expiresAt: certificate.expiresAt.toISOString(),
      daysLeft: daysLeft(certificate, facts.takenAt),
    })),
    etcd:
      facts.etcdMembers === undefined
        ? null
        : {
            quorum: etcdQuorum(facts),
            members: facts.hosts.flatMap(({ name, facts: told }) =>
              told?.etcd === undefined ? [] : [{ host: name, ...told.etcd }],
            ),
          },
    datastore:
      datastore?.facts?.datastore === undefined ? null : { host: datastore.name, ...datastore.facts.datastore },
    backup:
      backup === undefined || latest === undefined
        ? null
        : {
            host: backup.name,
            id: latest.id,
            startedAt: latest.startedAt.toISOString(),
            ageSeconds: Math.round((facts.takenAt.getTime() - latest.startedAt.getTime()) / 1000),
            rows: latest.rows,
            timer: backup.facts?.units[`${backupUnits.backup}.timer`] ?? "unknown",
          },
    disks: facts.hosts.flatMap(({ name, facts: told }) => (told?.disks ?? []).map((disk) => ({ host: name, ...disk }))),
    restoreDrill: backup?.facts === undefined ? null : drillJson(backup.name, backup.facts, facts),
  };
}

function drillJson(host: string, { drill, units }: HostFacts, { drillSchedule, takenAt }: ClusterFacts) {
  return {
    host,
    schedule: drillSchedule ?? null,
    endedAt: drill?.endedAt.toISOString() ?? null,
    ageSeconds: drill === undefined ? null : Math.round((takenAt.getTime() - drill.endedAt.getTime()) / 1000),
    backup: drill?.backup ?? null,
    failed: units[`${backupUnits.drill}.service`] === "failed",
  };
}

const plain = { style: { head: [], border: [] } };

/** The tables. */
export function renderStatus(facts: ClusterFacts): string {
  const isExternal = facts.hosts.some(({ facts: told }) => told?.externalBalancer !== undefined);
  const seen = isExternal ? "health check" : "for HAProxy";
  const hosts = new Table({ ...plain, head: ["host", "role", "state", "version", seen, "address"] });
  const nodes = nodesOf(facts) ?? [];
  for (const host of facts.hosts) {
    const node = nodes.find(({ name }) => name === host.name);
    hosts.push([
      host.name,
      roleNames[host.role],
      stateOf(host, node?.state, facts),
      node?.version ?? versionOf(host),
      isExternal
        ? (host.facts?.externalBalancer?.health ?? "")
        : host.role === "server"
          ? seenBy(host.name, facts)
          : "",
      node?.address ?? host.address,
    ]);
  }
  for (const node of nodes.filter(({ name }) => !facts.hosts.some((host) => host.name === name))) {
    hosts.push([node.name, `${node.role} (not configured)`, node.state, node.version, "", node.address]);
  }
  const rest = new Table(plain);
  rest.push(
    ["API through the load balancer", `${facts.apiEndpoint} (${facts.apiAnswer})`],
    ["datastore", describeDatastore(facts)],
    ["last backup", describeBackup(facts)],
    ["last restore drill", describeDrill(facts)],
    ["disks", describeDisks(facts)],
    ["certificates", describeCertificates(facts)],
  );
  return `${hosts.toString()}\n${rest.toString()}`;
}

/** The problems, one sentence each, or that there are none. */
export function renderProblems(problems: readonly string[]): string {
  if (problems.length === 0) return "Healthy.";
  return `Not healthy:\n${problems.map((problem) => `- ${problem}`).join("\n")}`;
}

const roleNames = {
  server: "server",
  agent: "agent",
  loadBalancer: "load balancer",
  datastore: "datastore",
  backup: "backup",
} as const;

function stateOf(host: ClusterHost, nodeState: string | undefined, { virtualAddress }: ClusterFacts): string {
  if (host.isLost) return "declared lost";
  const known = knownStateOf(host, nodeState, virtualAddress);
  const limits = host.isSlow ? "SLOW" : host.facts === undefined ? "UNREACHABLE" : "";
  return [limits, known].filter((word) => word !== "").join(", ");
}

/** The host's own report, or its node's in the cluster; empty without both. */
function knownStateOf(host: ClusterHost, nodeState: string | undefined, virtualAddress: string | undefined): string {
  if (host.facts === undefined) return nodeState ?? "";
  const { units, holdsVirtualIp } = host.facts;
  switch (host.role) {
    case "loadBalancer": {
      const haproxy = units["haproxy"] ?? "unknown";
      return holdsVirtualIp === true ? `${haproxy}, holds ${virtualAddress ?? ""}` : haproxy;
    }
    case "datastore":
      return units[etcdUnit] ?? units["postgresql"] ?? units["mariadb"] ?? "unknown";
    case "backup":
      return units[`${backupUnits.backup}.timer`] ?? "unknown";
    case "server":
    case "agent":
      return nodeState ?? units[k3sUnitNames[host.role === "server" ? "server" : "agent"]] ?? "unknown";
  }
}

function versionOf({ role, facts }: ClusterHost): string {
  if (facts?.etcd !== undefined) return `etcd ${facts.etcd.version}`;
  return role !== "datastore" || facts?.datastore === undefined
    ? ""
    : `${facts.datastore.engine} ${facts.datastore.version}`;
}

/** A server's state at every load balancer that answers; once, when they agree. */
function seenBy(server: string, { hosts }: ClusterFacts): string {
  const states = hosts.flatMap(({ name, facts }) => {
    const backend = facts?.backends?.find((each) => each.name === server);
    return backend === undefined ? [] : [{ name, state: backend.state }];
  });
  const different = new Set(states.map(({ state }) => state));
  return different.size < 2 ? [...different].join("") : states.map(({ name, state }) => `${name}: ${state}`).join(", ");
}

function describeDatastore(facts: ClusterFacts): string {
  if (facts.etcdMembers !== undefined) return describeEtcd(facts);
  const told = datastoreTeller(facts)?.facts?.datastore;
  if (told === undefined) return "unknown";
  const mebibytes = (bytes: number) => `${(bytes / 1_048_576).toFixed(1)} MiB`;
  const connections =
    told.connectionsAllowed === 0
      ? ""
      : `${told.connectionsUsed} of ${told.connectionsAllowed} connections, from ${told.clients} ${told.clients === 1 ? "host" : "hosts"}, `;
  const log = told.logBytes === undefined ? "" : ` and a log of ${mebibytes(told.logBytes)}`;
  return `${told.engine} ${told.version}${told.address === undefined ? "" : ` at ${told.address}`}: ${connections}${told.latencyMs.toFixed(1)} ms, ${thousands(told.rows)} rows, ${mebibytes(told.bytes)}${log}, revision ${thousands(told.revision)}, compacted ${thousands(told.compactionLag)} revisions ago`;
}

function describeBackup({ hosts, takenAt }: ClusterFacts): string {
  const told = hosts.find(({ facts }) => facts?.backup !== undefined)?.facts?.backup;
  if (told === undefined) return "unknown";
  const age = duration(takenAt.getTime() - told.startedAt.getTime());
  return `${told.id}: ${thousands(told.rows)} rows, restored and checked, ${age} ago`;
}

function describeDrill(facts: ClusterFacts): string {
  const told = backupTeller(facts)?.facts;
  if (told === undefined) return "unknown";
  if (told.drill === undefined) {
    return facts.drillSchedule === undefined ? "never; k3s-ha:backup.drill runs them on a timer" : "never";
  }
  const { endedAt, backup } = told.drill;
  const failed = told.units[`${backupUnits.drill}.service`] === "failed" ? "; one since then FAILED" : "";
  return `${backup}: opened and restored, ${duration(facts.takenAt.getTime() - endedAt.getTime())} ago${failed}`;
}

function describeDisks({ hosts }: ClusterFacts): string {
  const all = hosts.flatMap(({ name, facts }) => (facts?.disks ?? []).map((disk) => ({ ...disk, name })));
  const [least] = all.toSorted((a, b) => freeShare(a) - freeShare(b));
  if (least === undefined) return "unknown";
  const { name, path, freeBytes } = least;
  return `${all.length} seen; the fullest has ${sizeText(freeBytes)} left (${Math.floor(freeShare(least))} %): ${path} on ${name}`;
}

function describeCertificates(facts: ClusterFacts): string {
  const all = certificatesOf(facts).toSorted(
    (a, b) => a.certificate.expiresAt.getTime() - b.certificate.expiresAt.getTime(),
  );
  const [first] = all;
  if (first === undefined) return "unknown";
  const { owner, name } = first.certificate;
  const of = first.host === "" ? `the ${owner}'s ${name}` : `${owner} ${name} on ${first.host}`;
  return `${all.length} seen; the first to expire, in ${daysLeft(first.certificate, facts.takenAt)} days: ${of}`;
}
