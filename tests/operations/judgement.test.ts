/** What is said about a cluster: nothing about a healthy one, and one whole sentence about each thing that is not usual. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ClusterFacts, ClusterHost } from "../../operations/status/clusterFacts.ts";
import type { HostFacts } from "../../operations/status/hostFacts.ts";
import { problemsOf } from "../../operations/status/judgement.ts";
import type { PodTrafficFact } from "../../operations/status/podTraffic.ts";
import { parseSystemPods } from "../../operations/status/systemPods.ts";
import { renderStatus, statusJson } from "../../operations/status/statusReport.ts";

const takenAt = new Date("2026-03-01T12:30:00Z");
const inDays = (days: number) => new Date(takenAt.getTime() + days * 86_400_000 + 1000);
const certificate = (owner: string, name: string, path: string, days = 300) => ({
  owner,
  name,
  path,
  expiresAt: inDays(days),
});

const nothing: HostFacts = {
  isWhole: true,
  units: {},
  backends: undefined,
  holdsVirtualIp: undefined,
  externalBalancer: undefined,
  certificates: [],
  ready: undefined,
  nodes: undefined,
  stuckPods: [],
  kubeletFaults: [],
  podTraffic: [],
  podAddresses: [],
  datastore: undefined,
  datastoreFault: undefined,
  etcd: undefined,
  hasUnknownDatastore: false,
  backup: undefined,
  backupFault: undefined,
  backupCheck: undefined,
  drill: undefined,
  disks: [],
  firewallsPutBack: [],
};
/** A disk with this much of 100 GiB left. */
const disk = (path: string, freeGibibytes: number, mount = "/") => ({
  path,
  mount,
  usedBytes: (100 - freeGibibytes) * 2 ** 30,
  freeBytes: freeGibibytes * 2 ** 30,
  inodesUsed: 1000,
  inodesFree: 9000,
});
const node = (name: string, role: "server" | "agent") => ({
  name,
  role,
  state: "Ready",
  version: "v1.35.0+k3s1",
  address: "198.51.100.11",
});
const nodes = [node("server-1", "server"), node("server-2", "server"), node("agent-1", "agent")];
const backend = (name: string) => ({ name, state: "UP", seconds: 90, check: "L7OK" });
const backends = [backend("server-1"), backend("server-2")];
const datastore = {
  engine: "MariaDB",
  address: undefined,
  version: "11.8.6",
  connectionsAllowed: 186,
  connectionsUsed: 12,
  latencyMs: 0.2,
  rows: 1204,
  revision: 2204,
  compactionLag: 1000,
  bytes: 3_145_728,
  snapshotIsolation: false,
  clients: 2,
};
const serverFacts: HostFacts = {
  ...nothing,
  units: { k3s: "active" },
  ready: "ok",
  nodes,
  certificates: [
    certificate("k3s", "serving-kube-apiserver", "/var/lib/rancher/k3s/server/tls/serving-kube-apiserver.crt"),
  ],
};
const balancerFacts: HostFacts = { ...nothing, units: { haproxy: "active" }, backends };
const agentFacts: HostFacts = { ...nothing, units: { "k3s-agent": "active" } };
const pairFacts: HostFacts = { ...balancerFacts, units: { haproxy: "active", keepalived: "active" } };
const databaseFacts: HostFacts = {
  ...nothing,
  units: { mariadb: "active", "k3s-ha-backup.timer": "active", "k3s-ha-backup.service": "inactive" },
  datastore,
  backup: { id: "20260301T121700Z-2100", startedAt: new Date("2026-03-01T12:17:00Z"), rows: 1200 },
  certificates: [certificate("datastore", "server", "/etc/mysql/k3s-ha/server.crt", 3000)],
};
const host = (name: string, role: ClusterHost["role"], facts: HostFacts): ClusterHost => ({
  name,
  role,
  address: "198.51.100.11",
  path: `k3s-ha:servers.${name}`,
  isLost: false,
  facts,
  fault: undefined,
  isSlow: false,
});
const healthy: ClusterFacts = {
  stack: "test",
  takenAt,
  hosts: [
    host("server-1", "server", serverFacts),
    host("server-2", "server", serverFacts),
    host("agent-1", "agent", agentFacts),
    host("lb-1", "loadBalancer", balancerFacts),
    host("db-1", "datastore", databaseFacts),
  ],
  apiEndpoint: "https://198.51.100.30:6443",
  apiAnswer: "ok",
  virtualAddress: undefined,
  version: "v1.35.0+k3s1",
  schedule: "17 * * * *",
  backupHost: "db-1",
  drillSchedule: undefined,
  etcdMembers: undefined,
  etcdUnit: "k3s",
  adminCertificate: certificate("kubeconfig", "administrator", "", 364),
};

/** The healthy cluster with something else about one host. */
const withHost = (name: string, change: Partial<ClusterHost>): ClusterFacts => ({
  ...healthy,
  hosts: healthy.hosts.map((each) => (each.name === name ? { ...each, ...change } : each)),
});
const withDatabase = (change: Partial<HostFacts>) => withHost("db-1", { facts: { ...databaseFacts, ...change } });
const drillUnits = {
  ...databaseFacts.units,
  "k3s-ha-restore-drill.timer": "active",
  "k3s-ha-restore-drill.service": "inactive",
};
/** The healthy cluster with restore drills, and something else about them. */
const withDrill = (change: Partial<HostFacts>): ClusterFacts => ({
  ...withDatabase({
    units: drillUnits,
    drill: { endedAt: new Date("2026-03-01T04:48:00Z"), backup: "20260301T041700Z-2000" },
    ...change,
  }),
  drillSchedule: "47 4 * * *",
});
const withNode = (name: string, change: object) => {
  const changed = nodes.map((each) => (each.name === name ? { ...each, ...change } : each));
  return withHost("server-1", { facts: { ...serverFacts, nodes: changed } });
};
const withBackend = (change: object) =>
  withHost("lb-1", {
    facts: { ...balancerFacts, backends: [backend("server-1"), { ...backend("server-2"), ...change }] },
  });
/** A pair of load balancers, with which of them hold the virtual address. */
const pair = (first: boolean, second: boolean): ClusterFacts => ({
  ...healthy,
  virtualAddress: "198.51.100.100",
  hosts: [
    ...healthy.hosts.filter(({ role }) => role !== "loadBalancer"),
    host("lb-1", "loadBalancer", { ...pairFacts, holdsVirtualIp: first }),
    host("lb-2", "loadBalancer", { ...pairFacts, holdsVirtualIp: second }),
  ],
});

/** The healthy cluster behind a load balancer that the program does not run; what server-2 and agent-1 say of it. */
const external = (answer = "ok", health = "ok", ready = "ok"): ClusterFacts => ({
  ...healthy,
  hosts: [
    host("server-1", "server", { ...serverFacts, externalBalancer: { answer: "ok", health: "ok" } }),
    host("server-2", "server", { ...serverFacts, ready, externalBalancer: { answer: "ok", health } }),
    host("agent-1", "agent", { ...agentFacts, externalBalancer: { answer, health: undefined } }),
    host("db-1", "datastore", databaseFacts),
  ],
});

const stuckPod = { name: "traefik-1", node: "agent-1", state: "Pending", age: "3m", reason: "" };
const traffic = {
  link: "flannel.1",
  port: 8472,
  podAddress: "10.42.1.0",
  hostAddress: "198.51.100.11",
  mtu: 1450,
  answer: "ok",
} as const;
/** The report of agent-1 on its path to the next node. */
const withTraffic = (change: Partial<PodTrafficFact>): ClusterFacts =>
  withHost("agent-1", { facts: { ...agentFacts, podTraffic: [{ ...traffic, ...change }] } });

/** The same, where server-1 tells its address at flannel's network interface for IPv6. */
const withSecondAddress = (facts: ClusterFacts): ClusterFacts => ({
  ...facts,
  hosts: facts.hosts.map((each) =>
    each.name === "server-1" ? { ...each, facts: { ...serverFacts, podAddresses: ["10.42.0.0", "fd42::"] } } : each,
  ),
});

const cases: Record<string, [ClusterFacts, string]> = {
  "a firewall that is not loaded": [
    withDatabase({ units: { ...databaseFacts.units, "k3s-ha-datastore-firewall": "failed" } }),
    'db-1: the firewall that closes the port of the datastore to all except the servers and the backup host is not loaded (k3s-ha-datastore-firewall is failed). See "journalctl --unit k3s-ha-datastore-firewall" there, then run "systemctl restart k3s-ha-datastore-firewall".',
  ],
  "a firewall whose rules something removed within two days": [
    withDatabase({
      units: { ...databaseFacts.units, "k3s-ha-datastore-firewall": "active" },
      firewallsPutBack: [
        { unit: "k3s-ha-datastore-firewall", at: new Date("2026-02-28T12:30:00Z") },
        { unit: "k3s-ha-vrrp-firewall", at: new Date("2026-02-27T12:29:00Z") },
      ],
    }),
    'db-1: something removed the rules of the firewall that closes the port of the datastore to all except the servers and the backup host, last at 2026-02-28T12:30:00.000Z; they were loaded again within seconds. Find what flushes all rules there, such as "nft flush ruleset" in another tool\'s service, and make it remove its own tables only.',
  ],
  "an API that does not answer": [
    { ...healthy, apiAnswer: "connection refused" },
    "The API does not answer at https://198.51.100.30:6443 (connection refused). If no line below gives the reason, check that this machine reaches that address.",
  ],
  "an unreachable host": [withHost("agent-1", { facts: undefined, fault: "no way to agent-1." }), "no way to agent-1."],
  "HAProxy that is stopped": [
    withHost("lb-1", { facts: { ...balancerFacts, units: { haproxy: "inactive" }, backends: undefined } }),
    'lb-1: HAProxy is inactive, so this load balancer serves no client. See "journalctl --unit haproxy" there, then run "systemctl restart haproxy".',
  ],
  "HAProxy that is silent": [
    withHost("lb-1", { facts: { ...balancerFacts, backends: undefined } }),
    'lb-1: HAProxy runs but does not answer on its socket. Run "systemctl restart haproxy" there.',
  ],
  "a server that is down": [
    withBackend({ state: "DOWN", seconds: 12, check: "L4CON" }),
    'server-2 is DOWN for HAProxy on lb-1 since 12 s (L4CON): nothing listens on its port 6443, or a firewall refuses it. See "systemctl status k3s" on server-2.',
  ],
  "a server that is not ready": [
    withBackend({ state: "DOWN", seconds: 3, check: "L7STS" }),
    'server-2 is DOWN for HAProxy on lb-1 since 3 s (L7STS): its API answers, but says that it is not ready. See "systemctl status k3s" on server-2.',
  ],
  "a server that is out of service": [
    withBackend({ state: "MAINT", seconds: 700 }),
    'server-2 is out of service (MAINT) for HAProxy on lb-1 since 700 s. If no change is in progress, bring it back with "make up".',
  ],
  "keepalived that is stopped": [
    {
      ...pair(true, false),
      hosts: pair(true, false).hosts.map((each) =>
        each.name === "lb-2"
          ? {
              ...each,
              facts: { ...pairFacts, units: { haproxy: "active", keepalived: "failed" }, holdsVirtualIp: false },
            }
          : each,
      ),
    },
    'lb-2: keepalived is failed, so this load balancer cannot take over the virtual IP. See "journalctl --unit keepalived" there, then run "systemctl restart keepalived".',
  ],
  "a virtual address on no host": [
    pair(false, false),
    'No load balancer that answers holds the virtual IP 198.51.100.100. See "journalctl --unit keepalived" on the load balancers: one takes it as soon as it sees a ready server.',
  ],
  "a virtual address that two have": [
    pair(true, true),
    "lb-1 and lb-2 hold the virtual IP 198.51.100.100 at the same time: they do not receive each other's VRRP. Check the network between them, and that nothing there drops VRRP (IP protocol 112).",
  ],
  "K3s that is stopped": [
    withHost("server-2", { facts: { ...serverFacts, units: { k3s: "inactive" }, ready: "no answer" } }),
    'server-2: K3s is inactive. See "journalctl --unit k3s" there, then run "systemctl start k3s".',
  ],
  "K3s that is not ready": [
    withHost("server-2", { facts: { ...serverFacts, ready: "etcd,etcd-readiness" } }),
    'server-2: K3s runs but is not ready, these checks fail: etcd,etcd-readiness (etcd means the datastore). See "journalctl --unit k3s" there.',
  ],
  "nodes that no server reports": [
    {
      ...healthy,
      hosts: healthy.hosts.map((each) =>
        each.role === "server" ? { ...each, facts: { ...serverFacts, nodes: undefined } } : each,
      ),
    },
    "The nodes are unknown, because no server's API answers.",
  ],
  "a node that is missing": [
    withHost("server-1", { facts: { ...serverFacts, nodes: nodes.slice(0, 2) } }),
    'agent-1 is not a node of the cluster. K3s creates its node when it starts: run "systemctl restart k3s-agent" there, then "make up".',
  ],
  "a node that is not ready": [
    withNode("agent-1", { state: "NotReady" }),
    'The node agent-1 is NotReady: its pods move to other nodes after five minutes. Check that the host is up, then see "systemctl status k3s-agent" there.',
  ],
  "a system pod that lacks its image": [
    withHost("server-1", {
      facts: {
        ...serverFacts,
        stuckPods: parseSystemPods(
          [JSON.stringify(["coredns-1", "0/1", "ContainerCreating", "0", "3m12s", "<none>", "agent-1", "<none>"])],
          [
            JSON.stringify(["3s", "Warning", "BackOff", "pod/coredns-1", "", "kubelet, agent-1", "Back-off pulling"]),
            JSON.stringify(["9s", "Warning", "FailedCreatePodSandBox", "pod/coredns-1", "", "", "failed to get image"]),
          ],
        ),
      },
    }),
    'The system pod coredns-1 does not run on agent-1 (ContainerCreating, FailedCreatePodSandBox: failed to get image). Check that the node reaches the registry, or set k3s-ha:k3s.registries or k3s-ha:k3s.images; see "kubectl --namespace kube-system describe pod coredns-1".',
  ],
  "a system pod that has no node": [
    withHost("server-1", { facts: { ...serverFacts, stuckPods: [{ ...stuckPod, node: "" }] } }),
    'The system pod traefik-1 has no node (Pending). Correct the cause; see "kubectl --namespace kube-system describe pod traefik-1".',
  ],
  "a kubelet that a server's API does not reach": [
    withHost("server-2", {
      facts: {
        ...serverFacts,
        kubeletFaults: [{ node: "agent-1", reason: "dial tcp 198.51.100.41:10250: i/o timeout" }],
      },
    }),
    "The API of server-2 does not reach the kubelet of agent-1 (dial tcp 198.51.100.41:10250: i/o timeout), so kubectl logs and exec fail for pods there. Open port 6443/tcp of server-2 to agent-1, and port 10250/tcp of agent-1 to server-2.",
  ],
  "pods that do not reach those of another node": [
    withTraffic({ answer: "silent" }),
    "Pods on agent-1 do not reach pods on server-1: 10.42.1.0 does not answer through flannel.1. Open port 8472/udp between the two hosts, in both directions, on the hosts and in the network between them.",
  ],
  "IPv6 packets of pods that do not reach another node, at an address that the API's table of nodes does not have": [
    withSecondAddress(
      withTraffic({ answer: "silent", link: "flannel-v6.1", podAddress: "fd42::", hostAddress: "fd00::11" }),
    ),
    "Pods on agent-1 do not reach pods on server-1: fd42:: does not answer through flannel-v6.1. Open port 8472/udp between the two hosts, in both directions, on the hosts and in the network between them.",
  ],
  "large packets of pods that get lost": [
    withTraffic({ answer: "small" }),
    "Large packets of pods on agent-1 do not reach pods on server-1: 10.42.1.0 answers through flannel.1, but not to packets of 1450 bytes. The network between the two hosts carries less than their network interfaces say. Lower the MTU of the network interface with the node address on all nodes, then restart K3s on one node after the other.",
  ],
  "pods that do not reach a node that only WireGuard knows": [
    withTraffic({ answer: "silent", link: "flannel-wg", port: 51_820, hostAddress: "" }),
    "Pods on agent-1 do not reach pods on the node that has 10.42.1.0: 10.42.1.0 does not answer through flannel-wg. Open port 51820/udp between the two hosts, in both directions, on the hosts and in the network between them.",
  ],
  "a node that is cordoned": [
    withNode("agent-1", { state: "Ready,SchedulingDisabled" }),
    'The node agent-1 is cordoned, so it gets no new pods. If no work on it is in progress, run "kubectl uncordon agent-1".',
  ],
  "a node of another version": [
    withNode("server-2", { version: "v1.35.0+k3s3" }),
    'The node server-2 runs v1.35.0+k3s3, but v1.35.0+k3s1 is configured. Run "make up".',
  ],
  "a node that is not configured": [
    withHost("server-1", { facts: { ...serverFacts, nodes: [...nodes, node("agent-9", "agent")] } }),
    'The node agent-9 is not in the configuration. If its host is gone, run "kubectl delete node agent-9".',
  ],
  "a database that is stopped": [
    withDatabase({ units: { ...databaseFacts.units, mariadb: "inactive" }, datastore: undefined }),
    'db-1: the datastore does not answer (MariaDB is inactive), so no server can write. See "journalctl --unit mariadb" there, then run "systemctl restart mariadb".',
  ],
  "a database that refuses": [
    withDatabase({ datastore: undefined, datastoreFault: "ERROR 1040: Too many connections" }),
    'db-1: the datastore does not answer (ERROR 1040: Too many connections), so no server can write. See "journalctl --unit mariadb" there, then run "systemctl restart mariadb".',
  ],
  "an existing datastore that refuses": [
    {
      ...healthy,
      hosts: [
        host("server-1", "server", { ...serverFacts, datastoreFault: "ERROR 1045: Access denied" }),
        host("server-2", "server", { ...serverFacts, datastoreFault: "ERROR 1045: Access denied" }),
        host("agent-1", "agent", { ...nothing, backup: databaseFacts.backup, units: databaseFacts.units }),
        host("lb-1", "loadBalancer", balancerFacts),
      ],
    },
    "server-1: the datastore does not answer (ERROR 1045: Access denied), so no server can write. Check that the datastore runs and that it accepts the servers.",
  ],
  "an endpoint on an unknown server": [
    {
      ...healthy,
      hosts: [
        host("server-1", "server", { ...serverFacts, hasUnknownDatastore: true }),
        host("server-2", "server", serverFacts),
        host("agent-1", "agent", { ...nothing, backup: databaseFacts.backup, units: databaseFacts.units }),
        host("lb-1", "loadBalancer", balancerFacts),
      ],
    },
    'server-1: K3s on this host uses a datastore endpoint that is neither in the stack\'s outputs nor in its configuration, so the datastore was not checked. Run "make up".',
  ],
  "connections that run out": [
    withDatabase({ datastore: { ...datastore, connectionsUsed: 160 } }),
    "db-1: 160 of the datastore's 186 connections are in use (86 %). Find clients other than K3s; if there are none, raise its limit.",
  ],
  "snapshot isolation": [
    withDatabase({ datastore: { ...datastore, snapshotIsolation: true } }),
    'db-1: innodb_snapshot_isolation is ON (the default of MariaDB since 11.6.2), so K3s cannot compact its table, which grows without limit. Set it to OFF in the datastore\'s configuration (for a managed MariaDB, run "make up"), and now with SET GLOBAL innodb_snapshot_isolation=OFF; then restart K3s on one server after the other.',
  ],
  "compaction that lags": [
    withDatabase({ datastore: { ...datastore, compactionLag: 400_000 } }),
    'db-1: the last compaction is 400,000 revisions ago, but K3s compacts every five minutes. See "journalctl --unit k3s --grep compact" on the servers.',
  ],
  "a slow database": [
    withDatabase({ datastore: { ...datastore, latencyMs: 250.4 } }),
    "db-1: the datastore takes 250 ms to read one row, so K3s becomes unstable. Check its processor, its disk and the network.",
  ],
  "a log of SQLite that grows": [
    {
      ...healthy,
      hosts: [
        host("server-1", "server", {
          ...serverFacts,
          datastore: {
            ...datastore,
            engine: "SQLite",
            connectionsAllowed: 0,
            connectionsUsed: 0,
            logBytes: 400 * 1_048_576,
          },
        }),
        host("server-2", "server", serverFacts),
        host("agent-1", "agent", { ...nothing, backup: databaseFacts.backup, units: databaseFacts.units }),
        host("lb-1", "loadBalancer", balancerFacts),
      ],
    },
    'server-1: SQLite\'s write-ahead log has grown to 400 MiB, because some reader does not end, so its space is not used again. Find it with "fuser -v /var/lib/rancher/k3s/server/db/state.db"; if there is only K3s, run "systemctl restart k3s".',
  ],
  "a leaf certificate that ends": [
    withHost("server-2", {
      facts: { ...serverFacts, certificates: [certificate("k3s", "client-admin", "/x/client-admin.crt", 12)] },
    }),
    'server-2: the certificate /x/client-admin.crt expires in 12 days. Run "systemctl restart k3s" or, on an agent, "k3s-agent" there, one host after the other: K3s renews it when it starts.',
  ],
  "a certificate that has ended": [
    withDatabase({ certificates: [certificate("datastore", "server", "/x/server.crt", -3)] }),
    'db-1: the certificate /x/server.crt expired 3 days ago. Run "make up", which renews it.',
  ],
  "an authority that ends": [
    withHost("server-2", {
      facts: { ...serverFacts, certificates: [certificate("k3s", "client-ca", "/x/client-ca.crt", 29)] },
    }),
    "server-2: the certificate /x/client-ca.crt expires in 29 days. It is a CA of the cluster: see https://docs.k3s.io/cli/certificate before it expires.",
  ],
  "an administrator's certificate that ends": [
    { ...healthy, adminCertificate: certificate("kubeconfig", "administrator", "", 5) },
    'The administrator\'s certificate in the kubeconfig expires in 5 days. Run "make up".',
  ],
  "a timer that is stopped": [
    withDatabase({ units: { ...databaseFacts.units, "k3s-ha-backup.timer": "inactive" } }),
    'db-1: the timer of the backups is inactive, so none are taken. Run "systemctl enable --now k3s-ha-backup.timer" there.',
  ],
  "a backup that failed": [
    withDatabase({ units: { ...databaseFacts.units, "k3s-ha-backup.service": "failed" } }),
    'db-1: the last backup failed. See "journalctl --unit k3s-ha-backup" there for the reason.',
  ],
  "no backup": [
    withDatabase({ backup: undefined, backupFault: "there is none" }),
    'db-1: there is no verified backup (there is none). Run "make backup".',
  ],
  "an old backup": [
    withDatabase({ backup: { id: "20260301T100000Z-9", startedAt: new Date("2026-03-01T10:00:00Z"), rows: 9 } }),
    'db-1: the last verified backup, 20260301T100000Z-9, is 2 h old, more than two intervals of the schedule "17 * * * *". See "journalctl --unit k3s-ha-backup" there, and run "make backup".',
  ],
  "an inspection of backups that failed": [
    withDatabase({ units: { ...databaseFacts.units, "k3s-ha-backup-inspection.service": "failed" } }),
    'db-1: the last inspection of the backups and their copies failed. See "journalctl --unit k3s-ha-backup-inspection" there for the reason; when the cause is corrected, run "systemctl start k3s-ha-backup-inspection" there.',
  ],
  "what the host's own check complains of": [
    withDatabase({ backupCheck: "the newest verified backup has a time in the future" }),
    "db-1: the newest verified backup has a time in the future.",
  ],
  "restore drills that no timer starts": [
    withDrill({ units: { ...drillUnits, "k3s-ha-restore-drill.timer": "inactive" } }),
    'db-1: the timer of the restore drills is inactive, so none run. Run "systemctl enable --now k3s-ha-restore-drill.timer" there.',
  ],
  "a restore drill that failed": [
    withDrill({ units: { ...drillUnits, "k3s-ha-restore-drill.service": "failed" } }),
    'db-1: the last restore drill failed, so the backups may be useless. See "journalctl --unit k3s-ha-restore-drill" there for the reason; when the cause is corrected, run "systemctl start k3s-ha-restore-drill" there.',
  ],
  "no restore drill yet": [
    withDrill({ drill: undefined }),
    'db-1: no restore drill has succeeded yet, so no backup is known to be usable. To run one now, run "systemctl start k3s-ha-restore-drill" there.',
  ],
  "an old restore drill": [
    withDrill({ drill: { endedAt: new Date("2026-02-27T04:50:00Z"), backup: "20260227T041700Z-9" } }),
    'db-1: the last successful restore drill was 2 days ago, more than two intervals of the schedule "47 4 * * *". See "journalctl --unit k3s-ha-restore-drill" there, and run "systemctl start k3s-ha-restore-drill" there.',
  ],
  "a database's disk that runs full": [
    withDatabase({ disks: [disk("/var/lib/mysql", 7, "/var/lib/mysql")] }),
    'db-1: the file system /var/lib/mysql with /var/lib/mysql has 7.0 GiB (7 %) left. When it is full, MariaDB stops and no server can write. Enlarge it, or make room: "du -xh --max-depth=3 /var/lib/mysql | sort -h | tail -n 20" there shows what uses it.',
  ],
  "one disk with two directories that runs full": [
    withDatabase({ disks: [disk("/var/lib/mysql", 0.5), disk("/var/backups/k3s-ha", 0.5)] }),
    'db-1: the file system / with /var/lib/mysql and /var/backups/k3s-ha has 512 MiB (0 %) left. When it is full, MariaDB stops and no server can write, and no backup can be taken. Enlarge it, or make room: "du -xh --max-depth=3 / | sort -h | tail -n 20" there shows what uses it.',
  ],
  "a node's disk that runs full": [
    withHost("agent-1", {
      facts: { ...nothing, units: { "k3s-agent": "active" }, disks: [disk("/var/lib/rancher", 9.9)] },
    }),
    'agent-1: the file system / with /var/lib/rancher has 9.9 GiB (9 %) left. When it is full, the kubelet evicts pods (at 5 %) and K3s stops. Enlarge it, or make room: "du -xh --max-depth=3 / | sort -h | tail -n 20" there shows what uses it.',
  ],
  "a disk without inodes": [
    withDatabase({ disks: [{ ...disk("/var/lib/mysql", 60), inodesUsed: 99_000, inodesFree: 1000 }] }),
    'db-1: the file system / with /var/lib/mysql has 1,000 inodes left. When it is full, MariaDB stops and no server can write. Enlarge it, or make room: "du -xh --max-depth=3 / | sort -h | tail -n 20" there shows what uses it.',
  ],
  "no backups at all": [
    withDatabase({ units: { mariadb: "active" }, backup: undefined }),
    'No host takes backups. Run "make up".',
  ],
};

test("a healthy cluster has nothing that is unusual, with one load balancer or with a pair", () => {
  assert.deepEqual(problemsOf(healthy), []);
  assert.deepEqual(problemsOf(pair(false, true)), []);
});

describe("one sentence, and no other, for", () => {
  for (const [name, [facts, sentence]] of Object.entries(cases)) {
    test(name, () => {
      assert.deepEqual(problemsOf(facts), [sentence]);
    });
  }
});

describe("a load balancer that the program does not run", () => {
  test("is healthy when every node reaches the API through it, and is shown with what servers answer it", () => {
    assert.deepEqual(problemsOf(external()), []);
    assert.match(renderStatus(external("ok", "HTTP 503")), /│ health check │[^]*│ server-2 +│.*│ HTTP 503 +│/);
    assert.deepEqual(statusJson(external("HTTP 500")).externalBalancer, [
      { host: "server-1", answer: "ok", health: "ok" },
      { host: "server-2", answer: "ok", health: "ok" },
      { host: "agent-1", answer: "HTTP 500", health: null },
    ]);
  });

  test("is reported once for each node that does not reach the API through it", () => {
    assert.deepEqual(problemsOf(external("curl: (28) Connection timed out")), [
      "agent-1 does not reach the API through the load balancer at https://198.51.100.30:6443 (curl: (28) Connection timed out). Check that the load balancer passes TCP to port 6443 of a server whose port 6442 answers 200, and that this host reaches it.",
    ]);
  });

  test("gets no new clients for a server that is ready but keeps answering 503, or not at all", () => {
    assert.deepEqual(problemsOf(external("ok", "HTTP 503")), [
      'server-2 is ready, but answers health checks of the load balancer on port 6442 with 503, so it gets no new clients. If no change is in progress there, see "fuser -v /run/k3s-ha/leaving.lock".',
    ]);
    assert.deepEqual(problemsOf(external("ok", "curl: (7) Connection refused")), [
      'server-2 does not answer health checks of the load balancer on port 6442 (curl: (7) Connection refused), so it gets no new clients. Run "systemctl restart k3s-ha-server-health.socket" there.',
    ]);
  });

  test("is not blamed for a server that is not ready", () => {
    const problems = problemsOf(external("ok", "HTTP 503", "etcd"));
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? "", /etcd/);
  });
});

describe("a host that is slow", () => {
  const slow = (facts: HostFacts | undefined) => ({ isSlow: true, fault: "it is slow.", facts });

  test("is named as slow, with what came of its answer, and not taken for dead", () => {
    const facts = withHost("server-2", slow({ ...nothing, isWhole: false, units: { k3s: "active" } }));
    assert.deepEqual(problemsOf(facts), ["it is slow."]);
    assert.match(renderStatus(facts), /server-2 +│ server +│ SLOW, Ready +│/);
    assert.equal(statusJson(facts).hosts.find(({ name }) => name === "server-2")?.state, "slow");
  });

  test("is complained of for what it told, and for nothing that it had no time to tell", () => {
    for (const { name } of healthy.hosts) {
      for (const facts of [undefined, { ...nothing, isWhole: false }]) {
        const [first, ...others] = problemsOf(withHost(name, slow(facts)));
        assert.equal(first, "it is slow.");
        assert.deepEqual(
          others,
          name === "db-1" ? ["db-1 takes the backups and did not answer, so the backups are unknown."] : [],
          name,
        );
      }
    }
    const stopped = { ...nothing, isWhole: false, units: { k3s: "failed" } };
    assert.match(problemsOf(withHost("server-2", slow(stopped)))[1] ?? "", /^server-2: K3s is failed\./);
  });

  test("does not turn into a cluster without nodes when it is the only one that could tell", () => {
    const hosts = healthy.hosts.map((each) => (each.role === "server" ? { ...each, ...slow(undefined) } : each));
    assert.deepEqual(problemsOf({ ...healthy, hosts }), ["it is slow.", "it is slow."]);
  });
});

test("an unreachable backup host is named, and not taken for none", () => {
  const own = host("bk-1", "backup", { ...nothing, units: { "k3s-ha-backup.timer": "active" } });
  const facts: ClusterFacts = {
    ...withDatabase({ units: { mariadb: "active" }, backup: undefined }),
    backupHost: "bk-1",
  };
  const hosts = [...facts.hosts, { ...own, facts: undefined, fault: "no way to bk-1." }];
  assert.deepEqual(problemsOf({ ...facts, hosts }), [
    "no way to bk-1.",
    "bk-1 takes the backups and did not answer, so the backups are unknown.",
  ]);
});

test("a host that is declared lost is shown and not complained about", () => {
  const facts: ClusterFacts = {
    ...withHost("server-2", { isLost: true, facts: undefined }),
    hosts: withHost("server-2", { isLost: true, facts: undefined }).hosts,
  };
  assert.deepEqual(problemsOf(facts), []);
  assert.match(renderStatus(facts), /server-2 +│ server +│ declared lost/);
  assert.equal(statusJson(facts).hosts.find(({ name }) => name === "server-2")?.state, "lost");
});

test("the table tells how old the last restore drill is, and whether one failed since", () => {
  assert.deepEqual(problemsOf(withDrill({})), []);
  const row = (facts: ClusterFacts) => /last restore drill +│ (.*?) +│/.exec(renderStatus(facts))?.[1];
  assert.equal(row(healthy), "never; k3s-ha:backup.drill runs them on a timer");
  assert.equal(row(withDrill({ drill: undefined })), "never");
  assert.equal(row(withDrill({})), "20260301T041700Z-2000: opened and restored, 7 h ago");
  assert.equal(
    row(withDrill({ units: { ...drillUnits, "k3s-ha-restore-drill.service": "failed" } })),
    "20260301T041700Z-2000: opened and restored, 7 h ago; one since then FAILED",
  );
});

test("a large disk is not full while days of growth fit on it, except for the kubelet, which uses the share", () => {
  const large = (path: string) => ({ ...disk(path, 0), usedBytes: 980 * 2 ** 30, freeBytes: 21 * 2 ** 30 });
  const told = (path: string) => problemsOf(withDatabase({ disks: [large(path)] })).length;
  assert.deepEqual([told("/var/lib/mysql"), told("/var/backups/k3s-ha"), told("/var/lib/rancher")], [0, 0, 1]);
  const small = { ...disk("/var/lib/mysql", 0), usedBytes: 7 * 2 ** 30, freeBytes: 0.9 * 2 ** 30 };
  assert.equal(problemsOf(withDatabase({ disks: [small] })).length, 1);
});

test("the table and the JSON report the disks", () => {
  const facts = withDatabase({ disks: [disk("/var/lib/mysql", 60), disk("/var/backups/k3s-ha", 30, "/var/backups")] });
  assert.deepEqual(problemsOf(facts), []);
  const row = /disks +│ (.*?) +│/.exec(renderStatus(facts))?.[1];
  assert.equal(row, "2 seen; the fullest has 30.0 GiB left (30 %): /var/backups/k3s-ha on db-1");
  assert.deepEqual(statusJson(facts).disks[0], { host: "db-1", ...disk("/var/lib/mysql", 60) });
});

test("a backup is late only when the schedule came due twice since", () => {
  const at = (startedAt: string) =>
    problemsOf(withDatabase({ backup: { id: "x", startedAt: new Date(startedAt), rows: 9 } })).length;
  assert.equal(at("2026-03-01T11:17:00Z"), 0);
  assert.equal(at("2026-03-01T11:15:00Z"), 1);
});

test("JSON has the documented shape, and holds no more than the table's facts", () => {
  const json = statusJson(healthy);
  assert.deepEqual(Object.keys(json), [
    "formatVersion",
    "stack",
    "takenAt",
    "healthy",
    "problems",
    "api",
    "hosts",
    "balancers",
    "externalBalancer",
    "nodes",
    "stuckPods",
    "podTraffic",
    "certificates",
    "etcd",
    "datastore",
    "backup",
    "disks",
    "restoreDrill",
  ]);
  assert.equal(json.healthy, true);
  assert.deepEqual(json.backup, {
    host: "db-1",
    id: "20260301T121700Z-2100",
    startedAt: "2026-03-01T12:17:00.000Z",
    ageSeconds: 780,
    rows: 1200,
    timer: "active",
  });
  const never = { host: "db-1", schedule: null, endedAt: null, ageSeconds: null, backup: null, failed: false };
  assert.deepEqual(json.restoreDrill, never);
  assert.deepEqual(statusJson(withDrill({})).restoreDrill, {
    host: "db-1",
    schedule: "47 4 * * *",
    endedAt: "2026-03-01T04:48:00.000Z",
    ageSeconds: 27_720,
    backup: "20260301T041700Z-2000",
    failed: false,
  });
  assert.equal(json.datastore?.compactionLag, 1000);
  assert.equal(statusJson(withBackend({ state: "DOWN" })).healthy, false);
});
