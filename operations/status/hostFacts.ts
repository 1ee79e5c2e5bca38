/** The reports of the hosts: the lines of `hostStatus.sh`, as facts. */
import { X509Certificate } from "node:crypto";
import { haproxySocket } from "../../components/balancer/haproxyConfig.ts";
import { renderHostScript } from "../../components/host/hostScript.ts";
import {
  datastoreCaPath,
  datastoreCertificatePath,
  datastoreKeyPath,
} from "../../components/datastore/serverDatastore.ts";
import { secretsPath } from "../../components/k3s/k3sNode.ts";
import type { HostRole } from "../../components/host/hostCheckPart.ts";
import { datastoreLogins, embeddedStatusScripts, engineStatusScripts } from "./datastoreLogins.ts";
import type { DiskFact } from "./disks.ts";
import { type EtcdFact, parseEtcd } from "./etcd.ts";
import { etcdDirectory, etcdUnit } from "../../components/datastore/etcd/etcdConfig.ts";
import { firewallPurposes, type PutBackFact } from "./firewalls.ts";
import { k3sScripts } from "../../components/k3s/scripts.ts";
import { type KubeletFault, parsePodTraffic, type PodTrafficFact } from "./podTraffic.ts";
import { parseSystemPods, type PodFact } from "./systemPods.ts";
import { backupCommandPath } from "../../components/backup/backupProgram.ts";
import { backupUnits } from "../../components/backup/backupUnits.ts";
import { serverHealthPort } from "../../components/balancer/serverHealth.ts";
import type { ExternalBalancerFact } from "./externalBalancer.ts";
import { apiPort } from "../../components/balancer/balancerState.ts";
import { healthCertificatePath } from "../../components/balancer/haproxyBalancer.ts";
import { mariadbTlsDirectory } from "../../components/datastore/managed/mariadbConfig.ts";
import type { OwnDatabase } from "../../components/datastore/datastoreKind.ts";
import { postgresDirectory } from "../../components/datastore/postgres/postgresConfig.ts";
import { k3sTlsDirectory } from "../../components/k3s/k3sServerPool.ts";

/** A server as one load balancer's HAProxy sees it. */
export interface BackendFact {
  readonly name: string;
  /** HAProxy's word: "UP", "DOWN", "MAINT", "DRAIN", "UP 1/2", … */
  readonly state: string;
  /** Seconds that it has been so. */
  readonly seconds: number;
  /** Result of the last check, such as "L7OK" or "L4CON". */
  readonly check: string;
}

/** A certificate on a host. */
export interface CertificateFact {
  /** Its user: "k3s", "balancer" or "datastore"; "kubeconfig" for the administrator's. */
  readonly owner: string;
  readonly name: string;
  /** Its path; empty if it is not on a host. */
  readonly path: string;
  readonly expiresAt: Date;
}

/** A node as a server's API tells. */
export interface NodeFact {
  readonly name: string;
  readonly role: "server" | "agent";
  /** kubectl's word, such as "Ready" or "NotReady,SchedulingDisabled". */
  readonly state: string;
  readonly version: string;
  readonly address: string;
}

/** The datastore, as its own host tells or, where that is none of the stack's, as a server does. */
export interface DatastoreFact {
  /** "MariaDB", "MySQL" (which may be a MariaDB, if its version says so), "PostgreSQL" or "SQLite". */
  readonly engine: string;
  /** The host of a PostgreSQL that answered, as "host:port"; undefined for any other, which has one. */
  readonly address: string | undefined;
  readonly version: string;
  /** 0 for an engine without connections, as are those in use and their hosts. */
  readonly connectionsAllowed: number;
  readonly connectionsUsed: number;
  /** Milliseconds that a query of the newest row takes, from the host that reported. */
  readonly latencyMs: number;
  readonly rows: number;
  readonly revision: number;
  /** Revisions since the last compaction. */
  readonly compactionLag: number;
  readonly bytes: number;
  /** Bytes of SQLite's write-ahead log; absent for any other engine. */
  readonly logBytes?: number;
  /** Whether MariaDB's snapshot isolation, with which K3s cannot compact, is on. */
  readonly snapshotIsolation: boolean;
  /** Hosts that are connected. */
  readonly clients: number;
  /** Seconds that the oldest transaction of a PostgreSQL is open; absent for other engines. */
  readonly oldestTransactionSeconds?: number;
  /** Rows of a PostgreSQL's table that are dead and not yet removed; absent for other engines. */
  readonly deadRows?: number;
}

/** The newest verified backup, and what takes them. */
export interface BackupFact {
  readonly id: string;
  readonly startedAt: Date;
  readonly rows: number;
}

/** The last successful restore drill. */
export interface DrillFact {
  readonly endedAt: Date;
  /** Id of the backup that was restored. */
  readonly backup: string;
}

/** All that one host said. What it did not say is undefined or empty. */
export interface HostFacts {
  /** False when its answer was cut short by a time limit: what is missing then says nothing about the host. */
  readonly isWhole: boolean;
  /** systemd's word for each unit that matters on the host, by name: "active", "failed", … */
  readonly units: Readonly<Record<string, string>>;
  readonly backends: readonly BackendFact[] | undefined;
  readonly holdsVirtualIp: boolean | undefined;
  /** A load balancer that the program does not run, as a node sees it. */
  readonly externalBalancer: ExternalBalancerFact | undefined;
  readonly certificates: readonly CertificateFact[];
  /** The answer of a server's own API to `/readyz`: "ok", the checks that fail, or "no answer". */
  readonly ready: string | undefined;
  readonly nodes: readonly NodeFact[] | undefined;
  /** System pods that do not run, as a server's API tells. */
  readonly stuckPods: readonly PodFact[];
  /** Kubelets that a server was asked about and whose API does not reach them. */
  readonly kubeletFaults: readonly KubeletFault[];
  /** From a node to the next one; none where flannel has no network interface of its own. */
  readonly podTraffic: readonly PodTrafficFact[];
  /** The node's own addresses at flannel's network interfaces, one of each family. */
  readonly podAddresses: readonly string[];
  readonly datastore: DatastoreFact | undefined;
  readonly datastoreFault: string | undefined;
  /** The host's member of an etcd of the stack's own; undefined if there is none, or it does not answer. */
  readonly etcd: EtcdFact | undefined;
  /** Whether K3s has a datastore endpoint there that was none of those it was asked with. */
  readonly hasUnknownDatastore: boolean;
  readonly backup: BackupFact | undefined;
  readonly backupFault: string | undefined;
  /** The problem that `k3s-ha-backup check` reports on the host; undefined without one. */
  readonly backupCheck: string | undefined;
  readonly drill: DrillFact | undefined;
  /** Of the directories that grow. */
  readonly disks: readonly DiskFact[];
  readonly firewallsPutBack: readonly PutBackFact[];
}

/** The stack's own data for the report of its hosts. */
export interface StatusQuestions {
  /** The datastore that the stack has a host for; undefined if the servers report another. */
  readonly managedDatabase: OwnDatabase | undefined;
  /** The function that reports a datastore inside the servers. Default: none, it is outside. */
  readonly serverTeller?: string | undefined;
  /** Whether the stack's hosts for the datastore are members of an etcd. Default: false. */
  readonly runsEtcd?: boolean;
  /** Endpoints that K3s may have of such another. Secret: only servers are sent them. */
  readonly datastoreEndpoints: readonly string[];
  readonly virtualAddress: string | undefined;
  /** `host:port` of a load balancer that the program does not run. Default: none. */
  readonly externalEndpoint?: string | undefined;
  /** Nodes whose kubelets a server's API is asked about. Default: none. */
  readonly kubelets?: readonly string[];
}

/**
 * The script that a host of this role answers; it tells what is left of the disks that `directories` are on. A server's own
 * API may take `apiSeconds` for each of its answers; default: 3. One that does not answer is not asked on.
 */
export function hostStatusScript(
  role: HostRole,
  {
    managedDatabase,
    runsEtcd = false,
    serverTeller,
    datastoreEndpoints,
    virtualAddress,
    externalEndpoint,
    kubelets = [],
  }: StatusQuestions,
  directories: readonly string[],
  apiSeconds = 3,
): string {
  return renderHostScript({
    body: new URL("./hostStatus.sh", import.meta.url),
    parts: [
      k3sScripts.kubeApi,
      k3sScripts.kubelets,
      k3sScripts.podTraffic,
      k3sScripts.systemPods,
      new URL("./externalBalancer.sh", import.meta.url),
      ...engineStatusScripts,
      ...embeddedStatusScripts,
      new URL("./etcdStatus.sh", import.meta.url),
    ],
    variables: {
      role,
      runs_etcd: String(runsEtcd),
      etcd_directory: etcdDirectory,
      etcd_unit: etcdUnit,
      server_teller: serverTeller ?? (managedDatabase === undefined ? "tell_remote_datastore" : ""),
      database: managedDatabase?.name ?? "",
      database_engine: managedDatabase?.engine ?? "",
      ...datastoreLogins(role === "server" ? datastoreEndpoints : []),
      secrets_path: secretsPath,
      datastore_ca_path: datastoreCaPath,
      datastore_certificate_path: datastoreCertificatePath,
      datastore_key_path: datastoreKeyPath,
      virtual_address: virtualAddress ?? "",
      external_endpoint: externalEndpoint ?? "",
      health_port: serverHealthPort,
      kubelets: role === "server" ? kubelets : [],
      haproxy_socket: haproxySocket,
      health_certificate_path: healthCertificatePath,
      k3s_tls: k3sTlsDirectory,
      api_port: apiPort,
      mariadb_tls: mariadbTlsDirectory,
      postgres_tls: postgresDirectory,
      firewall_units: Object.keys(firewallPurposes),
      backup_command: backupCommandPath,
      backup_unit: backupUnits.backup,
      inspection_unit: backupUnits.inspection,
      drill_unit: backupUnits.drill,
      growing_directories: directories,
      api_seconds: apiSeconds,
    },
  });
}

/** Reads what the script printed, also of one that did not come to its end: `isWhole` tells. */
export function parseHostFacts(text: string): HostFacts {
  // A line that was cut short tells nothing.
  const lines = text
    .slice(0, text.lastIndexOf("\n") + 1)
    .trimEnd()
    .split("\n")
    .map((line) => line.split("\t"));
  const all = (kind: string) => lines.filter(([first]) => first === kind).map(([, ...values]) => values);
  const one = (kind: string) => all(kind)[0];
  const datastore = Object.fromEntries(all("datastore").map(([name = "", value = ""]) => [name, value]));
  const backup = one("backup")?.[0];
  const drill = one("drill");
  const nodes = one("nodes")?.[0];
  const virtual = one("virtual")?.[0];
  const through = one("through")?.[0];
  const backends = all("server");
  return {
    isWhole: lines.at(-1)?.[0] === "end",
    units: Object.fromEntries(all("unit").map(([name = "", state = ""]) => [name, state])),
    backends:
      backends.length === 0
        ? undefined
        : backends.map(([name = "", state = "", seconds, check = ""]) => ({
            name,
            state,
            seconds: Number(seconds),
            check: check.replace(/^\* /, ""),
          })),
    holdsVirtualIp: virtual === undefined ? undefined : virtual === "yes",
    externalBalancer: through === undefined ? undefined : { answer: through, health: one("health")?.[0] },
    certificates: all("certificate").map(([owner = "", name = "", path = "", der = ""]) => ({
      owner,
      name,
      path,
      expiresAt: new Date(new X509Certificate(Buffer.from(der, "base64")).validTo),
    })),
    ready: one("ready")?.[0],
    nodes: nodes === undefined ? undefined : parseNodeTable(nodes),
    stuckPods: parseSystemPods(
      all("pod").map(([row = ""]) => row),
      all("event").map(([row = ""]) => row),
    ),
    kubeletFaults: all("kubelet").map(([node = "", reason = ""]) => ({ node, reason })),
    podTraffic: parsePodTraffic(all("pod-traffic")),
    podAddresses: all("pod-address").flatMap(([address = ""]) => (address === "" ? [] : [address])),
    datastore: "newest" in datastore ? parseDatastore(datastore) : undefined,
    datastoreFault: one("datastore-fault")?.[0],
    etcd: parseEtcd(all),
    hasUnknownDatastore: one("datastore-unknown") !== undefined,
    backup: backup === undefined ? undefined : parseManifest(backup),
    backupFault: one("backup-fault")?.[0],
    backupCheck: one("backup-check")?.[0],
    drill: drill === undefined ? undefined : { endedAt: new Date(Number(drill[0]) * 1000), backup: drill[1] ?? "" },
    firewallsPutBack: all("put-back").map(([unit = "", seconds]) => ({ unit, at: new Date(Number(seconds) * 1000) })),
    disks: all("disk").map(([path = "", mount = "", ...counts]) => {
      const [usedBytes = 0, freeBytes = 0, inodesUsed = 0, inodesFree = 0] = counts.map(Number);
      return { path, mount, usedBytes, freeBytes, inodesUsed, inodesFree };
    }),
  };
}

/** Kubernetes's own table of nodes: what `kubectl get nodes --output wide` shows. */
function parseNodeTable(json: string): NodeFact[] {
  const { columnDefinitions, rows } = JSON.parse(json) as {
    columnDefinitions: { name: string }[];
    rows: { cells: (string | number)[] }[];
  };
  const names = columnDefinitions.map(({ name }) => name);
  return rows.map(({ cells }) => {
    const cell = (name: string) => String(cells[names.indexOf(name)] ?? "");
    return {
      name: cell("Name"),
      role: cell("Roles").includes("control-plane") ? "server" : "agent",
      state: cell("Status"),
      version: cell("Version"),
      address: cell("Internal-IP"),
    };
  });
}

function parseDatastore(answers: Readonly<Record<string, string>>): DatastoreFact {
  const version = answers["version"] ?? "";
  const number = (name: string) => Number(answers[name] ?? 0);
  return {
    engine: version.includes("MariaDB") ? "MariaDB" : (answers["engine"] ?? ""),
    address: answers["address"],
    version: version.replace(/[- ].*/, ""),
    connectionsAllowed: number("allowed"),
    connectionsUsed: number("Threads_connected"),
    latencyMs: number("microseconds") / 1000,
    rows: number("rows"),
    revision: number("newest"),
    compactionLag: number("newest") - number("compacted"),
    bytes: number("bytes"),
    ...(answers["log_bytes"] === undefined ? {} : { logBytes: number("log_bytes") }),
    snapshotIsolation: answers["innodb_snapshot_isolation"] === "ON",
    clients: number("clients"),
    ...("dead_rows" in answers
      ? { oldestTransactionSeconds: number("oldest_transaction"), deadRows: number("dead_rows") }
      : {}),
  };
}

function parseManifest(json: string): BackupFact {
  const { id, startedAt, rows } = JSON.parse(json) as { id: string; startedAt: string; rows: number };
  return { id, startedAt: new Date(startedAt), rows };
}
