/** Everything that is known of a cluster when it is judged: what its hosts, its API and its settings say. */
import { X509Certificate } from "node:crypto";
import { request } from "node:https";
import { parse } from "yaml";
import { growingDirectories } from "./disks.ts";
import { withPort } from "../../components/balancer/apiAddress.ts";
import { type DatastoreStatusPlace, statusPlace } from "../../components/datastore/datastoreKinds.ts";
import { etcdUnit } from "../../components/datastore/etcd/etcdConfig.ts";
import { k3sUnitNames } from "../../components/k3s/k3sUnit.ts";
import { loginOf, valueOf } from "../../components/host/hostLogin.ts";
import { runOnHost } from "../../components/host/hostShell.ts";
import { HostUnreachable, placeOf } from "../../components/host/sshConnection.ts";
import type { HostRole } from "../../components/host/hostCheckPart.ts";
import type { HostSettings, Settings } from "../../components/config/settings.ts";
import {
  type CertificateFact,
  hostStatusScript,
  type HostFacts,
  parseHostFacts,
  type StatusQuestions,
} from "./hostFacts.ts";

/** One host of the stack. */
export interface ClusterHost {
  readonly name: string;
  readonly role: HostRole;
  readonly address: string;
  /** Its path in the configuration. */
  readonly path: string;
  /** Declared lost by the configuration: it is not asked. */
  readonly isLost: boolean;
  /** The part of its answer that arrived. Undefined if nothing did. */
  readonly facts: HostFacts | undefined;
  /** Why it could not be asked, or why its answer is not whole, and what to do. */
  readonly fault: string | undefined;
  /** Whether it lives, but did not answer in time. */
  readonly isSlow: boolean;
}

export interface ClusterFacts {
  readonly stack: string;
  readonly takenAt: Date;
  readonly hosts: readonly ClusterHost[];
  /** `https://address:port` of the API at the load balancer. */
  readonly apiEndpoint: string;
  /** The API's answer at that address to `/readyz`: "ok", or what is wrong. */
  readonly apiAnswer: string;
  readonly virtualAddress: string | undefined;
  /** The release that the nodes are to run. */
  readonly version: string;
  /** Backups as a cron expression in UTC. */
  readonly schedule: string | undefined;
  /** Name of the host that is to take them. */
  readonly backupHost: string | undefined;
  /** Restore drills as a cron expression in UTC; undefined when none are asked for. */
  readonly drillSchedule: string | undefined;
  /** Names of the hosts of the stack's own etcd, lost ones included; undefined if it has none. */
  readonly etcdMembers: readonly string[] | undefined;
  /** The unit that its members run in: K3s's own, if they are inside the servers. */
  readonly etcdUnit: string;
  /** The certificate in the kubeconfig. */
  readonly adminCertificate: CertificateFact;
}

/** Outputs of a stack that the status needs. */
export interface StatusOutputs {
  readonly apiEndpoint: string;
  /** Secret. */
  readonly kubeconfig: string;
  /** That of the last update that came to its end. Secret; empty when there is none. */
  readonly datastoreEndpoint: string;
}

/** Default time limit of a host's answer, in seconds. A server whose K3s hangs reports it after nine. */
export const answerSeconds = 12;

/** The time limit of each step, within that of the whole answer: a dead host holds up no more than the first. */
function limitsOf(seconds: number): { connectSeconds: number; apiSeconds: number } {
  return { connectSeconds: Math.ceil(seconds / 3), apiSeconds: Math.max(1, Math.floor(seconds / 4)) };
}

/**
 * Asks all hosts and the API at the same time. No failure of one of them is a failure of the whole.
 *
 * @param seconds that each host may take to answer. Default: {@link answerSeconds}.
 */
export async function askCluster(
  stack: string,
  settings: Settings,
  outputs: StatusOutputs,
  seconds = answerSeconds,
): Promise<ClusterFacts> {
  const { virtualIp, external } = settings.loadBalancer;
  const virtualAddress = virtualIp?.address;
  const datastore = statusPlace(settings.datastore);
  const questions = {
    managedDatabase: datastore.ownDatabase,
    runsEtcd: datastore.ownEtcd !== undefined,
    serverTeller: datastore.serverStatus?.teller,
    datastoreEndpoints: await endpointsOf(datastore, outputs),
    virtualAddress,
    externalEndpoint: external && withPort(external.address, external.port),
  };
  const credentials = credentialsOf(outputs.kubeconfig);
  const [apiAnswer, ...hosts] = await Promise.all([
    askReadiness(outputs.apiEndpoint, credentials, Math.max(5, limitsOf(seconds).apiSeconds)),
    ...Object.entries(settings.hosts).map(([name, entry]) =>
      askHost(name, entry, { ...questions, kubelets: kubeletsOf(name, settings) }, settings.backup, seconds),
    ),
  ]);
  return {
    stack,
    takenAt: new Date(),
    hosts,
    apiEndpoint: outputs.apiEndpoint,
    apiAnswer,
    virtualAddress,
    version: settings.k3s.version,
    schedule: settings.backup?.schedule,
    backupHost: settings.backup?.hostName,
    drillSchedule: settings.backup?.drill?.schedule,
    etcdMembers: datastore.ownEtcd && (datastore.ownEtcd.members ?? Object.keys(settings.servers)),
    etcdUnit: datastore.ownEtcd?.members === undefined ? k3sUnitNames.server : etcdUnit,
    adminCertificate: {
      owner: "kubeconfig",
      name: "administrator",
      path: "",
      expiresAt: new Date(new X509Certificate(credentials.cert).validTo),
    },
  };
}

/** Asks one host. Its failure is part of the answer. */
export async function askHost(
  name: string,
  { host, path, role }: HostSettings,
  questions: StatusQuestions,
  backup: Settings["backup"],
  seconds: number,
): Promise<ClusterHost> {
  const login = await loginOf(name, path, host);
  const known = { name, role, address: login.address, path, isLost: false, isSlow: false };
  // A lost host has another that stands in for it; it cannot answer.
  if (host.standIn !== undefined) return { ...known, isLost: true, facts: undefined, fault: undefined };
  const { connectSeconds, apiSeconds } = limitsOf(seconds);
  const cut = (reason: string, stdout: string) => {
    const fault = `${placeOf(login)}: the host is slow: ${reason}. ${moreTime(seconds)}`;
    return { ...known, isSlow: true, facts: stdout === "" ? undefined : parseHostFacts(stdout), fault };
  };
  try {
    const backups = backup?.hostName === name ? backup.directory : undefined;
    const engine = questions.runsEtcd === true ? "etcd" : questions.managedDatabase?.engine;
    const script = hostStatusScript(role, questions, growingDirectories(role, backups, engine), apiSeconds);
    const { stdout, stderr, exitCode } = await runOnHost(login, script, {
      seconds,
      connectSeconds,
      loginSeconds: connectSeconds,
    });
    const facts = parseHostFacts(stdout);
    if (facts.isWhole) return { ...known, facts, fault: undefined };
    if (exitCode === 124 || exitCode === 137) return cut(`its answer was not complete after ${seconds} s`, stdout);
    const why = stderr.trim().split("\n").at(-1) ?? "";
    return {
      ...known,
      facts,
      fault: `${placeOf(login)}: the host's answer is not complete (exit code ${exitCode}: ${why}).`,
    };
  } catch (error) {
    if (error instanceof HostUnreachable && error.fault === "slow") return cut(error.reason, error.stdout);
    return { ...known, facts: undefined, fault: (error as Error).message };
  }
}

function moreTime(seconds: number): string {
  return `Check its load; make status ARGS='--seconds ${Math.max(60, seconds * 2)}' waits longer.`;
}

/** The nodes that a server is asked about: its share of all, so that each is asked about once. */
function kubeletsOf(server: string, { hosts }: Settings): string[] {
  const living = Object.entries(hosts).filter(([, { host }]) => host.standIn === undefined);
  const named = (...roles: HostRole[]) => living.filter(([, { role }]) => roles.includes(role)).map(([name]) => name);
  const servers = named("server");
  const own = servers.indexOf(server);
  return own === -1 ? [] : named("server", "agent").filter((_, index) => index % servers.length === own);
}

/** After an update that did not come to its end, some servers have the endpoint of the configuration, and others the old. */
async function endpointsOf(
  { ownDatabase, configuredEndpoint = "" }: DatastoreStatusPlace,
  outputs: StatusOutputs,
): Promise<string[]> {
  if (ownDatabase !== undefined) return [];
  const configured = await valueOf(configuredEndpoint);
  return [...new Set([outputs.datastoreEndpoint, configured])].filter((endpoint) => endpoint !== "");
}

interface Credentials {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** The CA, and the administrator's certificate and key, as PEM. */
function credentialsOf(kubeconfig: string): Credentials {
  const { clusters, users } = parse(kubeconfig) as {
    clusters: { cluster: { "certificate-authority-data": string } }[];
    users: { user: { "client-certificate-data": string; "client-key-data": string } }[];
  };
  const [cluster, user] = [clusters[0]?.cluster, users[0]?.user];
  if (cluster === undefined || user === undefined)
    throw new Error("The stack's kubeconfig names no cluster or no user.");
  const pem = (base64: string) => Buffer.from(base64, "base64").toString();
  return {
    ca: pem(cluster["certificate-authority-data"]),
    cert: pem(user["client-certificate-data"]),
    key: pem(user["client-key-data"]),
  };
}

/** The API's answer to a readiness check at the load balancer: "ok", or what is wrong. */
function askReadiness(endpoint: string, credentials: Credentials, seconds: number): Promise<string> {
  return new Promise((resolve) => {
    const options = { ...credentials, agent: false, timeout: seconds * 1000 };
    const asked = request(`${endpoint}/readyz`, options, (response) => {
      response.setEncoding("utf8");
      let text = "";
      response.on("data", (piece: string) => (text += piece));
      response.on("end", () => {
        resolve(response.statusCode === 200 ? text.trim() : `it answers ${response.statusCode ?? "nothing"}`);
      });
    });
    asked.on("timeout", () => asked.destroy(new Error(`no answer within ${seconds} s`)));
    asked.on("error", (error: NodeJS.ErrnoException) => {
      resolve(error.code === "ECONNREFUSED" ? "connection refused" : error.message);
    });
    asked.end();
  });
}
