import { createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import type { HostArgs } from "../host/host.ts";
import { datastoreKindOf } from "../datastore/engine/datastoreEndpoint.ts";
import { readCertificateFile } from "./certificateFile.ts";
import { configPath } from "./configPath.ts";
import { datastoreEndpointFault } from "./datastoreEndpoint.ts";
import { ownEtcdProblems, firstLivingServer, sqliteProblems } from "./embeddedDatastore.ts";
import { absolutePath, fileFault, type Surroundings, unreadableFault, unresolvableFault } from "./filePath.ts";
import { type ConfiguredHost, inNameOrder } from "./hosts.ts";
import { type Problem, sentenceOf } from "./problem.ts";
import { managedPort, managedProblems } from "./managedDatastore.ts";
import type { Configuration } from "./schema.ts";
import { listed } from "./schemaTypes.ts";
import type { Secret, Settings } from "./settings.ts";

type DatastoreSection = NonNullable<Configuration["datastore"]>;
type ManagedSection = NonNullable<DatastoreSection["managed"]>;
type ExistingSection = NonNullable<DatastoreSection["existing"]>;
type EmbeddedSection = NonNullable<DatastoreSection["embedded"]>;
type EndpointSection = NonNullable<DatastoreSection["endpoint"]>;

/** The datastore as the configuration has it. */
export interface DatastoreConfiguration {
  readonly section: Pick<DatastoreSection, "managed" | "existing" | "endpoint" | "embedded">;
  /** Text of `datastoreEndpoint`; empty if there is none. */
  readonly endpoint: string;
  /** Text of `datastoreAdminPassword`; empty if there is none. */
  readonly adminPassword: string;
  /** Whether nothing will be changed, so that a missing password is not an error. */
  readonly isPreview: boolean;
  readonly hosts: readonly ConfiguredHost[];
  /** Name of the host that takes backups; undefined if none is named. */
  readonly backupHost: string | undefined;
  /** Whether there is a section `backup` at all. */
  readonly hasBackupSection: boolean;
}

/** The parsed result: complete unless there are problems. */
export interface ReadDatastore {
  /** Gives the settings, with the hosts that are found by their paths. Not to be called when there are problems. */
  readonly settings: (
    hostAt: (path: string) => HostArgs,
  ) => Omit<Settings["datastore"], "movingFrom" | "connectionsPerServer">;
  /** Whether this program can back it up. */
  readonly hasBackups: boolean;
  /** Name of the host that takes backups if none is named. Default: there is none. */
  readonly backupHost?: string | undefined;
  readonly problems: readonly Problem[];
  /** Problems that stop an update. */
  readonly warnings: readonly string[];
}

const endpointPath = configPath("datastoreEndpoint");
const passwordPath = configPath("datastoreAdminPassword");
const path = (...steps: string[]) => configPath("datastore", ...steps);

/** Reads which datastore a cluster has, and the files that go with it. */
export function readDatastore(
  configuration: DatastoreConfiguration,
  surroundings: Surroundings,
  now: Date,
): ReadDatastore {
  const { isPreview } = configuration;
  const missing = missingPassword(configuration);
  const problems = [...choiceProblems(configuration), ...secretProblems(configuration), ...(isPreview ? [] : missing)];
  const read =
    problems.length > 0
      ? { problems, settings: impossible, hasBackups: true }
      : readOneWay(configuration, surroundings, now);
  const warnings = isPreview ? missing.map((problem) => `An update would stop: ${sentenceOf(problem)}`) : [];
  return { ...read, warnings };
}

/** The parsed result of one of the kinds. */
type ReadOneWay = Omit<ReadDatastore, "warnings">;

function readOneWay(configuration: DatastoreConfiguration, surroundings: Surroundings, now: Date): ReadOneWay {
  const { existing, endpoint, managed, embedded } = configuration.section;
  if (embedded !== undefined) return readEmbedded(embedded, configuration);
  if (existing !== undefined) return readExisting(existing, configuration, surroundings, now);
  if (endpoint !== undefined) return readEndpoint(endpoint, configuration, surroundings, now);
  if (managed === undefined) return { problems: [], settings: impossible, hasBackups: true };
  return managed.engine === "etcd" ? readManagedEtcd(managed, configuration) : readManaged(managed);
}

function readManaged(managed: ManagedSection): ReadOneWay {
  const { engine, name: hostName, onServer, database = "k3s", firewall, startsEmpty } = managed;
  // K3s needs most of the memory of a server's host.
  const { bufferPoolMebibytes = onServer === undefined ? undefined : 256 } = managed;
  const { certificateRotation, credentialRotation, credentialsLeaked } = managed;
  const areCredentialsLeaked = credentialsLeaked === undefined ? undefined : true;
  if (hostName === undefined || engine === "etcd") return { problems: [], settings: impossible, hasBackups: true };
  const hostPath = path("managed", onServer === undefined ? "host" : "onServer");
  return {
    problems: managedProblems(managed),
    hasBackups: true,
    backupHost: hostName,
    settings: (hostAt) => ({
      managed: {
        ...present({ bufferPoolMebibytes, certificateRotation, credentialRotation, areCredentialsLeaked }),
        ...{ engine, port: managedPort(managed), database, firewall, startsEmpty },
        ...{ hostName, host: hostAt(hostPath) },
      },
    }),
  };
}

function readManagedEtcd(managed: ManagedSection, configuration: DatastoreConfiguration): ReadOneWay {
  const { hosts = {}, peerPort = 2380, quotaGibibytes = 2, majorityLost, ...rest } = managed;
  const { firewall, startsEmpty, certificateRotation } = rest;
  return {
    problems: memberTakesBackups(Object.keys(hosts), configuration),
    hasBackups: true,
    backupHost: inNameOrder(hosts).find(([, { lost }]) => !lost)?.[0],
    settings: (hostAt) => ({
      managed: {
        engine: "etcd" as const,
        hosts: Object.fromEntries(inNameOrder(hosts).map(([name]) => [name, hostAt(path("managed", "hosts", name))])),
        ...present({ majorityLost, certificateRotation }),
        ...{ port: managedPort(managed), peerPort, quotaGibibytes, firewall, startsEmpty },
      },
    }),
  };
}

function impossible(): never {
  throw new Error("a datastore with problems was taken for complete");
}

/** Exactly one of the ways has to be there. */
function choiceProblems({ section, endpoint }: DatastoreConfiguration): Problem[] {
  const chosen = (["managed", "existing", "endpoint", "embedded"] as const).filter((way) => section[way] !== undefined);
  if (chosen.length > 1) {
    const fault = `has ${listed(chosen)}, but a cluster has one datastore: keep one of them`;
    return [{ path: path(), fault }];
  }
  if (chosen.length === 1) return [];
  if (endpoint !== "") {
    const fault = `is missing, but the datastore in ${endpointPath} has to be verified: name the file with the CA that signed its certificate`;
    return [{ path: path("endpoint", "caFile"), fault }];
  }
  const fault =
    "names no datastore, but the cluster needs one: add managed with a host for MariaDB or PostgreSQL, like {name: db-1, host: {address: 203.0.113.20}}, existing with a MySQL or MariaDB server, endpoint, or embedded for a single server: {engine: sqlite}";
  return [{ path: path(), fault }];
}

/** The secrets go with one of the ways each. */
function secretProblems({ section, endpoint, adminPassword }: DatastoreConfiguration): Problem[] {
  const problems: Problem[] = [];
  const tell = (at: string, fault: string) => void problems.push({ path: at, fault });
  if (endpoint !== "") {
    const other = (["managed", "existing", "embedded"] as const).find((way) => section[way] !== undefined);
    const fault = datastoreEndpointFault(endpoint);
    if (fault !== undefined) tell(endpointPath, fault);
    else if (other !== undefined)
      tell(endpointPath, `contradicts ${path(other)}, which also names a datastore: remove one of them`);
  } else if (section.endpoint !== undefined) {
    tell(
      endpointPath,
      `is missing, but ${path("endpoint")} has certificates for the datastore that it names: set it with "pulumi config set --secret ${endpointPath}"`,
    );
  }
  if (adminPassword !== "" && section.existing === undefined) {
    tell(passwordPath, `has no effect without ${path("existing")}, which names its user: remove it`);
  }
  // eslint-disable-next-line no-control-regex -- exactly these characters
  if (/[\0-\x1f\x7f]/.test(adminPassword)) {
    tell(
      passwordPath,
      "contains a control character, perhaps the line break at the end of a file: set it again without it",
    );
  }
  return problems;
}

/** The password that changes on an existing database take. */
function missingPassword({ section, adminPassword }: DatastoreConfiguration): Problem[] {
  if (adminPassword !== "" || section.existing === undefined) return [];
  const fault = `is missing, but ${path("existing", "adminUser")} logs in with it: set it with "pulumi config set --secret ${passwordPath}"`;
  return [{ path: passwordPath, fault }];
}

function readEmbedded(section: EmbeddedSection, configuration: DatastoreConfiguration): ReadOneWay {
  return {
    problems: section.engine === "sqlite" ? sqliteProblems(configuration) : ownEtcdProblems(configuration),
    hasBackups: true,
    backupHost: firstLivingServer(configuration.hosts),
    settings: () => ({ embedded: section }),
  };
}

function readExisting(
  { via, caFile, ...section }: ExistingSection,
  configuration: DatastoreConfiguration,
  surroundings: Surroundings,
  now: Date,
): ReadOneWay {
  const { adminPassword, hosts } = configuration;
  const problems: Problem[] = backupHostProblems(true, configuration);
  const ca = readCertificateFile(caFile, surroundings, now);
  if ("fault" in ca) problems.push({ path: path("existing", "caFile"), fault: ca.fault });
  const host = hosts.find(({ name }) => name === via);
  const viaFault = faultOfVia(section.engine, via, host);
  if (viaFault !== undefined) problems.push({ path: path("existing", "via"), fault: viaFault });
  return {
    problems,
    hasBackups: true,
    settings: (hostAt) => ({
      existing: {
        ...section,
        loginFrom: section.loginFrom,
        adminPassword: pulumi.secret(adminPassword),
        caCertificate: "pem" in ca ? ca.pem : impossible(),
        via: host === undefined ? undefined : { hostName: host.name, host: hostAt(host.path) },
      },
    }),
  };
}

function faultOfVia(engine: string, via: string | undefined, host: ConfiguredHost | undefined): string | undefined {
  if (via === undefined) {
    if (engine === "mysql") return undefined;
    return "is missing, but a host that reaches MariaDB has to create its users: name one of this stack's hosts, such as a server";
  }
  return host === undefined
    ? `is ${JSON.stringify(via)}, but no host has that name: name one of this stack's hosts, such as a server`
    : undefined;
}

function readEndpoint(
  section: EndpointSection,
  configuration: DatastoreConfiguration,
  surroundings: Surroundings,
  now: Date,
): ReadOneWay {
  const { endpoint } = configuration;
  const hasBackups = takesBackups(configuration);
  const problems: Problem[] = backupHostProblems(hasBackups, configuration);
  const tell = (step: string, fault: string) => void problems.push({ path: path("endpoint", step), fault });
  const ca = readCertificateFile(section.caFile, surroundings, now);
  if ("fault" in ca) tell("caFile", ca.fault);
  const { certFile, keyFile } = section;
  if ((certFile === undefined) !== (keyFile === undefined)) {
    const [missing, given] = certFile === undefined ? ["certFile", "keyFile"] : ["keyFile", "certFile"];
    tell(missing, `is missing, but ${path("endpoint", given)} is useless without it: name the other file too`);
  }
  const certificate = certFile === undefined ? undefined : readCertificateFile(certFile, surroundings, now);
  if (certificate !== undefined && "fault" in certificate) tell("certFile", certificate.fault);
  const key = keyFile === undefined ? undefined : readKeyFile(keyFile, surroundings);
  if (key !== undefined && "fault" in key) tell("keyFile", key.fault);
  const clientCertificate =
    certificate !== undefined && "pem" in certificate && key !== undefined && "secret" in key
      ? { certificate: certificate.pem, privateKey: key.secret }
      : undefined;
  return {
    problems,
    hasBackups,
    settings: () => ({
      endpoint: {
        engine: datastoreKindOf(endpoint) ?? impossible(),
        endpoint: pulumi.secret(endpoint),
        caCertificate: "pem" in ca ? ca.pem : impossible(),
        clientCertificate,
      },
    }),
  };
}

const noBackups: Problem = {
  path: configPath("backup"),
  fault:
    "is set, but this program takes no backups of an etcd that it did not install, or of database servers that require a client certificate: remove it, and back the datastore up by its own means, as docs/backups.md describes",
};
/** Settings without those that are not set. */
function present<Settings extends object>(settings: Settings): Partial<Settings> {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)) as Partial<Settings>;
}

/** Whether backups of an endpoint are taken: of PostgreSQL those that are asked for, as it was given without them for long. */
function takesBackups({ section, endpoint, hasBackupSection }: DatastoreConfiguration): boolean {
  if (section.endpoint?.certFile !== undefined) return false;
  const kind = datastoreKindOf(endpoint);
  return kind === "mysql" || (kind === "postgres" && hasBackupSection);
}

/** A snapshot of an etcd is read from the member on the same host, with that member's certificate. */
function memberTakesBackups(
  members: readonly string[],
  { backupHost }: Pick<DatastoreConfiguration, "backupHost">,
): Problem[] {
  if (backupHost === undefined || members.includes(backupHost)) return [];
  const fault = `is ${JSON.stringify(backupHost)}, but a member of etcd takes its backups: write one of ${listed(members)}, and copy the backups elsewhere with backup.copy`;
  return [{ path: configPath("backup", "host"), fault }];
}

/** Backups are taken by a host that is named, unless the database has one of this stack's; or by none, of other kinds. */
function backupHostProblems(
  hasBackups: boolean,
  { backupHost, hasBackupSection }: Pick<DatastoreConfiguration, "backupHost" | "hasBackupSection">,
): Problem[] {
  if (hasBackups && backupHost === undefined) {
    const fault =
      "is missing, but only a managed datastore has its own host for backups: name a host of this stack that reaches the datastore, such as a server";
    return [{ path: configPath("backup", "host"), fault }];
  }
  return !hasBackups && hasBackupSection ? [noBackups] : [];
}

/** Reads the private key of a client certificate, as PEM and without a passphrase, which K3s could not give. */
function readKeyFile(file: string, surroundings: Surroundings): { secret: Secret } | { fault: string } {
  const resolved = absolutePath(file, surroundings);
  if (resolved === undefined) return { fault: unresolvableFault(file) };
  let text: string;
  try {
    text = readFileSync(resolved, "utf8");
  } catch (error) {
    return { fault: unreadableFault(file, resolved, error) };
  }
  try {
    createPrivateKey(text);
  } catch {
    const what = "a file without a usable private key: name one with a PEM key without a passphrase";
    return { fault: fileFault(file, resolved, what) };
  }
  return { secret: pulumi.secret(text) };
}
