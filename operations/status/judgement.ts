/** The problems of a cluster: a sentence for each, with what to do. Decides from facts alone. */
import { CronExpressionParser } from "cron-parser";
import type { ClusterFacts, ClusterHost } from "./clusterFacts.ts";
import { externalBalancerProblems } from "./externalBalancer.ts";
import { kubeletProblems, type PodTrafficFact, podTrafficProblems } from "./podTraffic.ts";
import { systemPodProblems } from "./systemPods.ts";
import { diskProblems } from "./disks.ts";
import { firewallProblems } from "./firewalls.ts";
import { etcdProblems } from "./etcd.ts";
import type { CertificateFact, DatastoreFact, HostFacts, NodeFact } from "./hostFacts.ts";
import { backupUnits } from "../../components/backup/backupUnits.ts";
import { k3sUnitNames } from "../../components/k3s/k3sUnit.ts";
import { apiPort } from "../../components/balancer/balancerState.ts";

/** Certificates that expire within this many days are reported: time for a planned rotation. */
export const certificateDays = 30;

/** Share of the datastore's connections in use above which it is reported, in percent. */
export const connectionsPercent = 80;

/**
 * Revisions since the last compaction above which it is reported. K3s compacts every five minutes and keeps 1,000, so this
 * is more than a busy cluster of some eighty writes a second has.
 */
export const compactionLagLimit = 25_000;

/** Seconds after which an open transaction is reported; a backup's may take minutes. */
const oldestTransactionLimit = 1800;

/** Dead rows that are no problem, whatever their share. */
const deadRowsLimit = 100_000;

/** Milliseconds for a query of the newest row above which the datastore is reported: K3s makes many such queries in a request. */
export const latencyLimitMs = 100;

/** Bytes of SQLite's write-ahead log above which it is reported: usually it has a few MiB. */
export const logBytesLimit = 256 * 1_048_576;

const millisecondsPerDay = 86_400_000;

/** Days until a certificate ends, rounded down. */
export function daysLeft({ expiresAt }: CertificateFact, now: Date): number {
  return Math.floor((expiresAt.getTime() - now.getTime()) / millisecondsPerDay);
}

/** The nodes, as the first server tells that can. */
export function nodesOf(facts: ClusterFacts): readonly NodeFact[] | undefined {
  return facts.hosts.find((host) => host.facts?.nodes !== undefined)?.facts?.nodes;
}

/** Every certificate that was seen. */
export function certificatesOf(facts: ClusterFacts): { host: string; certificate: CertificateFact }[] {
  return [
    { host: "", certificate: facts.adminCertificate },
    ...facts.hosts.flatMap(({ name, facts: told }) =>
      (told?.certificates ?? []).map((certificate) => ({ host: name, certificate })),
    ),
  ];
}

/** All that is unusual, the gravest first. Nothing means that the cluster is healthy. */
export function problemsOf(facts: ClusterFacts): string[] {
  return [
    ...apiProblems(facts),
    ...facts.hosts.flatMap((host) => (host.fault === undefined ? [] : [host.fault])),
    ...facts.hosts.filter(({ role }) => role === "loadBalancer").flatMap(balancerProblems),
    ...virtualAddressProblems(facts),
    ...facts.hosts.flatMap(({ name, facts: told }) =>
      told?.externalBalancer === undefined
        ? []
        : externalBalancerProblems(name, told.externalBalancer, facts.apiEndpoint, told.ready === "ok"),
    ),
    ...facts.hosts.filter(({ role }) => role === "server").flatMap(serverProblems),
    ...nodeProblems(facts),
    ...podProblems(facts),
    ...datastoreProblems(facts),
    ...facts.hosts.flatMap(({ name, facts: told }) => diskProblems(name, told?.disks ?? [])),
    ...facts.hosts.flatMap(({ name, facts: told }) =>
      told === undefined ? [] : firewallProblems(name, told.units, told.firewallsPutBack, facts.takenAt),
    ),
    ...certificateProblems(facts),
    ...backupProblems(facts),
  ];
}

function apiProblems({ apiAnswer, apiEndpoint }: ClusterFacts): string[] {
  if (apiAnswer === "ok") return [];
  return [
    `The API does not answer at ${apiEndpoint} (${apiAnswer}). If no line below gives the reason, check that this machine reaches that address.`,
  ];
}

function balancerProblems({ name, facts }: ClusterHost): string[] {
  if (facts === undefined) return [];
  const haproxy = facts.units["haproxy"];
  if (wasCutBefore(facts, haproxy)) return [];
  if (haproxy !== "active") {
    return [
      `${name}: HAProxy is ${haproxy ?? "missing"}, so this load balancer serves no client. See "journalctl --unit haproxy" there, then run "systemctl restart haproxy".`,
    ];
  }
  if (facts.backends === undefined) {
    if (!facts.isWhole) return [];
    return [`${name}: HAProxy runs but does not answer on its socket. Run "systemctl restart haproxy" there.`];
  }
  const keepalived = facts.units["keepalived"];
  return [
    ...(facts.holdsVirtualIp === undefined || keepalived === "active"
      ? []
      : [
          `${name}: keepalived is ${keepalived ?? "missing"}, so this load balancer cannot take over the virtual IP. See "journalctl --unit keepalived" there, then run "systemctl restart keepalived".`,
        ]),
    ...facts.backends.flatMap((backend) => {
      // "UP 1/2" is one whose last check failed, or that came back a moment ago; it takes clients.
      if (/^UP\b|^no check$/.test(backend.state)) return [];
      const since = `for HAProxy on ${name} since ${backend.seconds} s`;
      if (/MAINT|DRAIN/.test(backend.state)) {
        return [
          `${backend.name} is out of service (${backend.state}) ${since}. If no change is in progress, bring it back with "make up".`,
        ];
      }
      return [
        `${backend.name} is ${backend.state} ${since} (${backend.check}): ${meaningOf(backend.check)} See "systemctl status k3s" on ${backend.name}.`,
      ];
    }),
  ];
}

/** The meaning of a failed check of HAProxy for a server. */
function meaningOf(check: string): string {
  if (check === "L4CON") return `nothing listens on its port ${apiPort}, or a firewall refuses it.`;
  if (check === "L4TOUT") return `its port ${apiPort} does not answer; the host or its network is down.`;
  if (check.startsWith("L6")) return "it answers, but not with this cluster's TLS certificate, or its API hangs.";
  if (check.startsWith("L7")) return "its API answers, but says that it is not ready.";
  return "it did not pass its readiness check.";
}

function virtualAddressProblems({ hosts, virtualAddress }: ClusterFacts): string[] {
  if (virtualAddress === undefined) return [];
  const asked = hosts.filter(({ role, facts }) => role === "loadBalancer" && facts !== undefined);
  const holders = asked.filter(({ facts }) => facts?.holdsVirtualIp === true).map(({ name }) => name);
  if (holders.length === 1) return [];
  if (holders.length === 0) {
    return [
      `No load balancer that answers holds the virtual IP ${virtualAddress}. See "journalctl --unit keepalived" on the load balancers: one takes it as soon as it sees a ready server.`,
    ];
  }
  return [
    `${holders.join(" and ")} hold the virtual IP ${virtualAddress} at the same time: they do not receive each other's VRRP. Check the network between them, and that nothing there drops VRRP (IP protocol 112).`,
  ];
}

function serverProblems({ name, facts }: ClusterHost): string[] {
  if (facts === undefined || facts.ready === "ok") return [];
  const unit = facts.units[k3sUnitNames.server];
  if (wasCutBefore(facts, unit) || (unit === "active" && wasCutBefore(facts, facts.ready))) return [];
  if (unit !== "active") {
    return [`${name}: K3s is ${unit ?? "missing"}. See "journalctl --unit k3s" there, then run "systemctl start k3s".`];
  }
  const why = facts.ready === "no answer" ? "its API does not answer" : `these checks fail: ${facts.ready ?? "?"}`;
  const datastore = facts.ready?.includes("etcd") === true ? " (etcd means the datastore)" : "";
  return [`${name}: K3s runs but is not ready, ${why}${datastore}. See "journalctl --unit k3s" there.`];
}

function nodeProblems(facts: ClusterFacts): string[] {
  const nodes = nodesOf(facts);
  if (nodes === undefined) {
    // Slow servers are named already, and list no node because of their time limit.
    if (facts.hosts.some(({ role, isSlow }) => role === "server" && isSlow)) return [];
    return ["The nodes are unknown, because no server's API answers."];
  }
  const isNode = ({ role }: ClusterHost) => role === "server" || role === "agent";
  return [
    ...facts.hosts
      .filter((host) => isNode(host) && !host.isLost && !nodes.some(({ name }) => name === host.name))
      .map(
        ({ name, role }) =>
          `${name} is not a node of the cluster. K3s creates its node when it starts: run "systemctl restart ${k3sUnitNames[role === "server" ? "server" : "agent"]}" there, then "make up".`,
      ),
    ...nodes.flatMap((node) => nodeSentences(node, facts)),
  ];
}

function nodeSentences({ name, role, state, version }: NodeFact, facts: ClusterFacts): string[] {
  const unit = k3sUnitNames[role];
  const conditions = state.split(",");
  return [
    ...(conditions.includes("Ready")
      ? []
      : [
          `The node ${name} is ${conditions[0] ?? state}: its pods move to other nodes after five minutes. Check that the host is up, then see "systemctl status ${unit}" there.`,
        ]),
    ...(conditions.includes("SchedulingDisabled")
      ? [
          `The node ${name} is cordoned, so it gets no new pods. If no work on it is in progress, run "kubectl uncordon ${name}".`,
        ]
      : []),
    ...(version === facts.version
      ? []
      : [`The node ${name} runs ${version}, but ${facts.version} is configured. Run "make up".`]),
    ...(facts.hosts.some((host) => host.name === name)
      ? []
      : [`The node ${name} is not in the configuration. If its host is gone, run "kubectl delete node ${name}".`]),
  ];
}

/** Failures on nodes that are Ready and without other problems of their hosts. */
function podProblems(facts: ClusterFacts): string[] {
  // A node that is down stays Ready for a while.
  const runs = (name: string) => {
    const host = facts.hosts.find((each) => each.name === name);
    const units = host?.facts?.units ?? {};
    return host === undefined || units[k3sUnitNames[host.role === "server" ? "server" : "agent"]] === "active";
  };
  const working = (nodesOf(facts) ?? []).filter(({ name, state }) => state.split(",").includes("Ready") && runs(name));
  const works = (name: string) => working.some((node) => node.name === name);
  // kubectl shows one address of a node, and a dual-stack node has two.
  const peerOf = ({ hostAddress, podAddress }: PodTrafficFact) => {
    const name = facts.hosts.find((host) => host.facts?.podAddresses.includes(podAddress))?.name;
    return working.find((node) => node.address === hostAddress || node.name === name)?.name;
  };
  const teller = facts.hosts.find((host) => host.facts?.nodes !== undefined);
  return [
    ...systemPodProblems(teller?.facts?.stuckPods ?? [], works),
    ...facts.hosts.flatMap(({ name, facts: told }) => kubeletProblems(name, told?.kubeletFaults ?? [], works)),
    ...facts.hosts
      .filter(({ name }) => works(name))
      .flatMap(({ name, facts: told }) => podTrafficProblems(name, told?.podTraffic ?? [], peerOf)),
  ];
}

/** The host that reports the datastore: its own or, if that is not a host of the stack, the first server that can. */
export function datastoreTeller(facts: ClusterFacts): ClusterHost | undefined {
  const own = facts.hosts.find(({ role }) => role === "datastore");
  if (own !== undefined) return own;
  return (
    facts.hosts.find((host) => host.facts?.datastore !== undefined) ??
    facts.hosts.find((host) => host.facts?.datastoreFault !== undefined)
  );
}

function datastoreProblems(facts: ClusterFacts): string[] {
  if (facts.etcdMembers !== undefined) return etcdProblems(facts);
  const teller = datastoreTeller(facts);
  if (teller === undefined) return unknownDatastoreProblems(facts);
  if (teller.facts === undefined) return [];
  const { name, role } = teller;
  const { datastore, datastoreFault, units } = teller.facts;
  if (wasCutBefore(teller.facts, datastore ?? datastoreFault)) return [];
  if (datastore !== undefined) return datastoreSentences(name, datastore);
  if (role !== "datastore") {
    return [
      `${name}: the datastore does not answer (${datastoreFault ?? "no answer"}), so no server can write. Check that the datastore runs and that it accepts the servers.`,
    ];
  }
  const [engine, unit] = "postgresql" in units ? ["PostgreSQL", "postgresql"] : ["MariaDB", "mariadb"];
  const why =
    units[unit] === "active" ? (datastoreFault ?? "it does not answer") : `${engine} is ${units[unit] ?? "missing"}`;
  const [log, restart] =
    unit === "mariadb"
      ? ["journalctl --unit mariadb", "systemctl restart mariadb"]
      : ["tail /var/log/postgresql/*.log", "systemctl restart postgresql"];
  return [
    `${name}: the datastore does not answer (${why}), so no server can write. See "${log}" there, then run "${restart}".`,
  ];
}

function unknownDatastoreProblems({ hosts }: ClusterFacts): string[] {
  const name = hosts.find((host) => host.facts?.hasUnknownDatastore === true)?.name;
  return name === undefined
    ? []
    : [
        `${name}: K3s on this host uses a datastore endpoint that is neither in the stack's outputs nor in its configuration, so the datastore was not checked. Run "make up".`,
      ];
}

function datastoreSentences(name: string, datastore: DatastoreFact): string[] {
  const { connectionsUsed, connectionsAllowed, compactionLag, latencyMs, snapshotIsolation } = datastore;
  const { oldestTransactionSeconds, deadRows, logBytes = 0 } = datastore;
  const percent = connectionsAllowed === 0 ? 0 : Math.round((100 * connectionsUsed) / connectionsAllowed);
  return [
    ...(percent > connectionsPercent
      ? [
          `${name}: ${connectionsUsed} of the datastore's ${connectionsAllowed} connections are in use (${percent} %). Find clients other than K3s; if there are none, raise its limit.`,
        ]
      : []),
    ...(snapshotIsolation
      ? [
          `${name}: innodb_snapshot_isolation is ON (the default of MariaDB since 11.6.2), so K3s cannot compact its table, which grows without limit. Set it to OFF in the datastore's configuration (for a managed MariaDB, run "make up"), and now with SET GLOBAL innodb_snapshot_isolation=OFF; then restart K3s on one server after the other.`,
        ]
      : []),
    ...((oldestTransactionSeconds ?? 0) > oldestTransactionLimit
      ? [
          `${name}: a transaction has been open on the datastore for ${duration((oldestTransactionSeconds ?? 0) * 1000)}, so PostgreSQL keeps every row that was replaced since. Find it with SELECT pid, usename, client_addr, query FROM pg_stat_activity ORDER BY xact_start LIMIT 1, and end it with SELECT pg_terminate_backend(pid).`,
        ]
      : []),
    ...((deadRows ?? 0) > Math.max(deadRowsLimit, datastore.rows)
      ? [
          `${name}: the table of K3s has ${thousands(deadRows ?? 0)} dead rows beside ${thousands(datastore.rows)} live ones, so autovacuum does not keep up. Check that it runs (SHOW autovacuum) and that no transaction stays open, then run VACUUM ANALYZE kine.`,
        ]
      : []),
    ...(compactionLag > compactionLagLimit
      ? [
          `${name}: the last compaction is ${thousands(compactionLag)} revisions ago, but K3s compacts every five minutes. ${snapshotIsolation ? "The cause is innodb_snapshot_isolation." : 'See "journalctl --unit k3s --grep compact" on the servers.'}`,
        ]
      : []),
    ...(logBytes > logBytesLimit
      ? [
          `${name}: SQLite's write-ahead log has grown to ${(logBytes / 1_048_576).toFixed(0)} MiB, because some reader does not end, so its space is not used again. Find it with "fuser -v /var/lib/rancher/k3s/server/db/state.db"; if there is only K3s, run "systemctl restart k3s".`,
        ]
      : []),
    ...(latencyMs > latencyLimitMs
      ? [
          `${name}: the datastore takes ${Math.round(latencyMs)} ms to read one row, so K3s becomes unstable. Check its processor, its disk and the network.`,
        ]
      : []),
  ];
}

function certificateProblems(facts: ClusterFacts): string[] {
  return certificatesOf(facts).flatMap(({ host, certificate }) => {
    const days = daysLeft(certificate, facts.takenAt);
    if (days >= certificateDays) return [];
    const { owner, name, path } = certificate;
    const ends = days < 0 ? `expired ${-days} days ago` : `expires in ${days} days`;
    if (owner === "kubeconfig") return [`The administrator's certificate in the kubeconfig ${ends}. Run "make up".`];
    const remedy =
      owner !== "k3s"
        ? 'Run "make up", which renews it.'
        : /ca$/.test(name)
          ? "It is a CA of the cluster: see https://docs.k3s.io/cli/certificate before it expires."
          : `Run "systemctl restart k3s" or, on an agent, "k3s-agent" there, one host after the other: K3s renews it when it starts.`;
    return [`${host}: the certificate ${path} ${ends}. ${remedy}`];
  });
}

/** Whether a host's answer was cut short before it came to something, so that nothing is known of that. */
function wasCutBefore({ isWhole }: HostFacts, told: unknown): boolean {
  return told === undefined && !isWhole;
}

/** The host that takes the backups, if one told that it does. */
export function backupTeller(facts: ClusterFacts): ClusterHost | undefined {
  return facts.hosts.find((each) => each.facts?.backup !== undefined || each.facts?.backupFault !== undefined);
}

function backupProblems(facts: ClusterFacts): string[] {
  const { schedule } = facts;
  // Of this kind of datastore the program takes none.
  if (schedule === undefined) return [];
  const host = backupTeller(facts);
  if (host?.facts === undefined) {
    const taker = facts.hosts.find(({ name }) => name === facts.backupHost);
    if (taker === undefined || taker.isLost || taker.facts?.isWhole === true)
      return ['No host takes backups. Run "make up".'];
    // Why it did not answer is told already.
    return [`${taker.name} takes the backups and did not answer, so the backups are unknown.`];
  }
  const { units, backup, backupFault } = host.facts;
  const problems: string[] = [];
  if (
    units[`${backupUnits.backup}.timer`] !== "active" &&
    !wasCutBefore(host.facts, units[`${backupUnits.backup}.timer`])
  ) {
    problems.push(
      `${host.name}: the timer of the backups is ${units[`${backupUnits.backup}.timer`] ?? "missing"}, so none are taken. Run "systemctl enable --now ${backupUnits.backup}.timer" there.`,
    );
  }
  if (units[`${backupUnits.backup}.service`] === "failed") {
    problems.push(
      `${host.name}: the last backup failed. See "journalctl --unit ${backupUnits.backup}" there for the reason.`,
    );
  }
  if (backup === undefined) {
    problems.push(`${host.name}: there is no verified backup (${backupFault ?? "none"}). Run "make backup".`);
  } else if (backup.startedAt < lastButOne(schedule, facts.takenAt)) {
    problems.push(
      `${host.name}: the last verified backup, ${backup.id}, is ${duration(facts.takenAt.getTime() - backup.startedAt.getTime())} old, more than two intervals of the schedule "${schedule}". See "journalctl --unit ${backupUnits.backup}" there, and run "make backup".`,
    );
  }
  if (units[`${backupUnits.inspection}.service`] === "failed") {
    problems.push(
      `${host.name}: the last inspection of the backups and their copies failed. See "journalctl --unit ${backupUnits.inspection}" there for the reason; when the cause is corrected, run "systemctl start ${backupUnits.inspection}" there.`,
    );
  }
  problems.push(...drillProblems(host.name, host.facts, facts));
  // The host's own check knows of more, and of the same in other words.
  const { backupCheck } = host.facts;
  return problems.length > 0 || backupCheck === undefined ? problems : [`${host.name}: ${backupCheck}.`];
}

/** The reason why it is unknown that a backup, as it is kept, can be restored. Empty if no drills are configured. */
function drillProblems(
  name: string,
  { units, drill, isWhole }: HostFacts,
  { drillSchedule, takenAt }: ClusterFacts,
): string[] {
  if (drillSchedule === undefined) return [];
  const timer = units[`${backupUnits.drill}.timer`];
  const again = `run "systemctl start ${backupUnits.drill}" there`;
  return [
    ...(timer === "active" || !isWhole
      ? []
      : [
          `${name}: the timer of the restore drills is ${timer ?? "missing"}, so none run. Run "systemctl enable --now ${backupUnits.drill}.timer" there.`,
        ]),
    ...(units[`${backupUnits.drill}.service`] === "failed"
      ? [
          `${name}: the last restore drill failed, so the backups may be useless. See "journalctl --unit ${backupUnits.drill}" there for the reason; when the cause is corrected, ${again}.`,
        ]
      : drill === undefined && isWhole
        ? [`${name}: no restore drill has succeeded yet, so no backup is known to be usable. To run one now, ${again}.`]
        : []),
    ...(drill !== undefined && drill.endedAt < lastButOne(drillSchedule, takenAt)
      ? [
          `${name}: the last successful restore drill was ${duration(takenAt.getTime() - drill.endedAt.getTime())} ago, more than two intervals of the schedule "${drillSchedule}". See "journalctl --unit ${backupUnits.drill}" there, and ${again}.`,
        ]
      : []),
  ];
}

/** The last time but one that the schedule came due, before `now`, and room for the run itself. */
function lastButOne(schedule: string, now: Date): Date {
  const times = CronExpressionParser.parse(schedule, { currentDate: now, tz: "UTC" });
  times.prev();
  return new Date(times.prev().getTime() - 60_000);
}

/** A length of time in its largest unit: "3 h". */
export function duration(milliseconds: number): string {
  const minutes = Math.floor(milliseconds / 60_000);
  if (minutes < 120) return `${minutes} min`;
  return minutes < 2880 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 1440)} days`;
}

/** A number as people read it: "12,345". */
export function thousands(value: number): string {
  return value.toLocaleString("en");
}
