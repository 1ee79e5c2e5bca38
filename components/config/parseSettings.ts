import * as pulumi from "@pulumi/pulumi";
import type { HostArgs } from "../host/host.ts";
import { backupSettings } from "./backupSettings.ts";
import { copyCredentialsFault, drillIdentityFault, drillIdentityProblems, webhookFault } from "./backupSecrets.ts";
import { configPath, namespace } from "./configPath.ts";
import { leftExamples } from "./exampleKeys.ts";
import { type ReadDatastore, readDatastore } from "./datastore.ts";
import type { Surroundings } from "./filePath.ts";
import type { ResolvedHosts } from "./hostReference.ts";
import { hostsOf, inNameOrder, ownHosts } from "./hosts.ts";
import { readManifests } from "./manifestFiles.ts";
import { readNodeFiles } from "./nodeFileSources.ts";
import { InvalidConfiguration, type Problem, sentenceOf, tenable } from "./problem.ts";
import { proxyCredentialsFault } from "./proxy.ts";
import { parseRegistryCredentials } from "./registries.ts";
import { registriesWith } from "./registriesWithLogins.ts";
import { officialReleases } from "../k3s/k3sRelease.ts";
import { loginsInTheClear } from "./rules/k3sSources.ts";
import { proxyProblems } from "./rules/proxy.ts";
import { problemsTogether } from "./rules/rules.ts";
import { type Configuration, keyNames, type SecretKey, type SectionKey, secretKeys, sections } from "./schema.ts";
import { parseSection, unknownSettingFault } from "./schemaProblems.ts";
import type { Settings } from "./settings.ts";
import { sshAccess } from "./sshAccess.ts";
import { listed } from "./schemaTypes.ts";
import { warningsAbout } from "./warnings.ts";

/** The configuration of a stack as Pulumi hands it over, and what it is read in. */
export interface ConfigurationSource extends Surroundings {
  /** All values by full key (`k3s-ha:servers`); those that are maps as JSON. Keys of other namespaces are left alone. */
  readonly values: Readonly<Record<string, string>>;
  /** The full keys whose values are encrypted. */
  readonly secretKeys: readonly string[];
  /** The hosts from other stacks or from files. Default: none. */
  readonly resolved?: Pick<ResolvedHosts, "origins" | "problems" | "warnings">;
  /** Whether nothing will be changed: a secret that only changes take may be missing then. Default: false. */
  readonly isPreview?: boolean;
  /** Today, for schedules. Default: now. */
  readonly now?: Date;
}

/** The parsed configuration. */
export interface ParsedSettings {
  readonly settings: Settings;
  /** Warnings about valid but probably unintended settings, one sentence each. */
  readonly warnings: readonly string[];
}

/**
 * Turns the configuration into settings that are complete and checked.
 *
 * @throws InvalidConfiguration with everything that is wrong.
 */
export function parseSettings(source: ConfigurationSource): ParsedSettings {
  const { configuration, problems } = parseSections(source);
  const hosts = hostsOf(configuration);
  const access = sshAccess(
    ownHosts(hosts),
    { ssh: configuration.ssh, sshPrivateKey: source.values[configPath("sshPrivateKey")] ?? "" },
    source,
  );
  const now = source.now ?? new Date();
  const { backup } = configuration;
  const datastore = readDatastore(
    {
      section: configuration.datastore ?? {},
      endpoint: source.values[configPath("datastoreEndpoint")] ?? "",
      adminPassword: source.values[configPath("datastoreAdminPassword")] ?? "",
      isPreview: source.isPreview === true,
      hosts,
      backupHost: backup?.dedicated?.name ?? backup?.host,
      // Pulumi.yaml makes an empty one of none.
      hasBackupSection: !["", "{}"].includes(source.values[configPath("backup")] ?? ""),
    },
    source,
    now,
  );
  const manifests = readManifests(configuration.k3s?.manifests ?? [], source);
  const nodeFiles = readNodeFiles(configuration.k3s?.files ?? [], source);
  // What a broken section lacks was only left out.
  const isDatastoreBroken = problems.some(({ path }) => /^k3s-ha:(datastore|backup)\b/.test(path));
  const examples = leftExamples(configuration, ownHosts(hosts));
  const all = [
    ...unknownKeys(source.values),
    ...(source.resolved?.problems ?? []),
    ...withoutResolved(problems, source),
    ...secretKeyProblems(source),
    ...(isDatastoreBroken ? [] : datastore.problems),
    ...drillIdentityProblems(configuration.backup, source.values[configPath("backupDrillIdentity")] ?? ""),
    ...tenable(problemsTogether(configuration, now), problems),
    ...loginsInTheClear(configuration, source.values[configPath("registryCredentials")] ?? ""),
    ...proxyProblems(configuration, source.values[configPath("proxyCredentials")] ?? ""),
    ...access.problems,
    ...manifests.problems,
    ...nodeFiles.problems,
    ...(source.isPreview === true ? [] : examples),
  ];
  if (all.length > 0 || !isWhole(configuration)) {
    throw new InvalidConfiguration(inReadingOrder(all).map((problem) => withOrigin(problem, source)));
  }
  const settings = assemble(configuration, access.hosts, source.values, datastore, {
    manifests: manifests.manifests,
    files: nodeFiles.files,
  });
  const warnings = [
    ...(source.resolved?.warnings ?? []),
    ...datastore.warnings,
    ...examples.map((problem) => `An update would stop: ${sentenceOf(problem)}`),
    ...warningsAbout(settings),
  ];
  return { settings, warnings };
}

/** Without complaints that hosts are missing whose stack is complained about already. */
function withoutResolved(problems: readonly Problem[], { resolved }: ConfigurationSource): Problem[] {
  const told = resolved?.problems.map(({ path }) => path) ?? [];
  return problems.filter(({ path }) => !told.some((other) => other === path || other.startsWith(`${path}.`)));
}

/** A problem of a host from elsewhere names the stack or the file: it has to be corrected there. */
function withOrigin(problem: Problem, { resolved }: ConfigurationSource): Problem {
  for (const [path, origin] of resolved?.origins ?? []) {
    if (!/^(?:[.[]|$)/.test(problem.path.slice(path.length)) || !problem.path.startsWith(path)) continue;
    return { ...problem, path: `${problem.path} (${origin})` };
  }
  return problem;
}

/** Problems of one key together, and the keys in the order in which Pulumi.yaml declares them. */
function inReadingOrder(problems: readonly Problem[]): Problem[] {
  const rank = ({ path }: Problem) => {
    const key = path.slice(namespace.length + 1).split(/[.[]/)[0] ?? "";
    return (keyNames as readonly string[]).indexOf(key);
  };
  return problems.toSorted((a, b) => rank(a) - rank(b));
}

function unknownKeys(values: Readonly<Record<string, string>>): Problem[] {
  return Object.keys(values)
    .filter((key) => key.startsWith(`${namespace}:`))
    .map((key) => key.slice(namespace.length + 1))
    .filter((name) => !(keyNames as readonly string[]).includes(name))
    .map((name) => ({ path: `${namespace}:${name}`, fault: unknownSettingFault(name, keyNames) }));
}

function parseSections(source: ConfigurationSource): { configuration: Configuration; problems: Problem[] } {
  const problems: Problem[] = [];
  const parsed = Object.entries(sections).map(([name, schema]) => {
    const key = configPath(name);
    if (source.secretKeys.includes(key)) {
      const fault = `is encrypted, but only ${listed(Object.keys(secretKeys))} may hold secrets, because the program writes all other settings to the hosts in plain text: set it without --secret`;
      problems.push({ path: key, fault });
      return [name, undefined];
    }
    const raw = parseJson(source.values[key]);
    if (raw === undefined) {
      problems.push({
        path: key,
        fault: "is not a map: indent its settings below it, or set single ones with pulumi config set --path",
      });
      return [name, undefined];
    }
    const section = parseSection(schema, name, raw);
    problems.push(...section.problems);
    return [name, section.value];
  });
  const configuration = Object.fromEntries(parsed) as Configuration;
  return { configuration, problems };
}

/** The value of a key that holds a map; an absent key is an empty one. Undefined if it isn't JSON. */
function parseJson(text: string | undefined): unknown {
  if (text === undefined) return {};
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function secretKeyProblems({ values, secretKeys: encrypted }: ConfigurationSource): Problem[] {
  const given = Object.keys(secretKeys)
    .map((name) => configPath(name))
    .filter((key) => (values[key] ?? "") !== "");
  const plain = given
    .filter((key) => !encrypted.includes(key))
    .map((key) => ({
      path: key,
      fault: `is a secret in plain text in the stack's file: set it with "pulumi config set --secret ${key}", and replace the secret, because it was exposed`,
    }));
  const secretFault = (name: SecretKey, faultOf: (text: string) => string | undefined): Problem[] => {
    const text = values[configPath(name)] ?? "";
    const fault = text === "" ? undefined : faultOf(text);
    return fault === undefined ? [] : [{ path: configPath(name), fault }];
  };
  return [
    ...plain,
    ...secretFault("registryCredentials", (text) => {
      const parsed = parseRegistryCredentials(text);
      return "fault" in parsed ? parsed.fault : undefined;
    }),
    ...secretFault("proxyCredentials", proxyCredentialsFault),
    ...secretFault("backupCopyCredentials", copyCredentialsFault),
    ...secretFault("backupDrillIdentity", drillIdentityFault),
    ...secretFault("backupFailureWebhook", webhookFault),
  ];
}

/** The proxy with its login; undefined if there is none. */
function proxySettings({ http, https, noProxy }: WholeConfiguration["proxy"], credentials: string): Settings["proxy"] {
  if (http === undefined && https === undefined) return undefined;
  return { http, https, noProxy, ...(credentials === "" ? {} : { credentials: pulumi.secret(credentials) }) };
}

type WholeConfiguration = { readonly [Key in SectionKey]: NonNullable<Configuration[Key]> };

function isWhole(configuration: Configuration): configuration is WholeConfiguration {
  return Object.values(configuration).every((section) => section !== undefined);
}

function assemble(
  configuration: WholeConfiguration,
  access: ReadonlyMap<string, HostArgs>,
  values: Readonly<Record<string, string>>,
  read: ReadDatastore,
  contents: Pick<Settings["k3s"], "manifests" | "files">,
): Settings {
  const configured = hostsOf(configuration);
  const living = configured.find(({ role, entry }) => role === "server" && !entry.lost);
  const standIn = living === undefined ? undefined : access.get(living.path);
  const lost = new Set(configured.filter(({ entry }) => entry.lost).map(({ path }) => path));
  const hosts = new Map(
    [...access].map(([path, host]) => [path, lost.has(path) && standIn !== undefined ? { ...host, standIn } : host]),
  );
  // What shares a server's host is reached as the server is.
  const shared = new Map(
    configured.flatMap(({ path, on }): [string, string][] =>
      on === undefined ? [] : [[path, configPath("servers", on)]],
    ),
  );
  const at = (path: string): HostArgs => {
    const host = hosts.get(shared.get(path) ?? path);
    if (host === undefined) throw new Error(`no connection was made up for ${path}`);
    return host;
  };
  const inSection = (map: Readonly<Record<string, unknown>>, key: string, ...steps: string[]) =>
    Object.fromEntries(inNameOrder(map).map(([name]) => [name, at(configPath(key, ...steps, name))]));

  const { servers, agentPools, loadBalancer, datastore, backup, k3s, proxy, safety } = configuration;
  const { onServers, ...balancerSettings } = loadBalancer;
  const { agentVersion = k3s.version, ...k3sSettings } = k3s;
  const mirror = k3s.mirror ?? officialReleases;
  const registries = registriesWith(k3s.registries, values[configPath("registryCredentials")] ?? "");
  const all: Settings["hosts"] = Object.fromEntries(
    configured.map(({ name, path, role, on }) => [
      name,
      { host: at(path), path, role, ...(on === undefined ? {} : { on }) },
    ]),
  );
  return {
    servers: inSection(servers, "servers"),
    agentPools: Object.fromEntries(
      inNameOrder(agentPools).map(([name, pool]) => [
        name,
        { ...pool, hosts: inSection(pool.hosts, "agentPools", name, "hosts") },
      ]),
    ),
    loadBalancer: {
      ...balancerSettings,
      hosts: Object.fromEntries(
        inNameOrder({
          ...inSection(loadBalancer.hosts, "loadBalancer", "hosts"),
          ...inSection(onServers, "loadBalancer", "onServers"),
        }),
      ),
      virtualIp: loadBalancer.virtualIp,
      external: loadBalancer.external,
    },
    datastore: {
      ...read.settings(at),
      connectionsPerServer: datastore.connectionsPerServer,
      movingFrom: datastore.movingFrom,
    },
    backup: read.hasBackups ? backupSettings(backup, { hosts: all, standard: read.backupHost, values }) : undefined,
    k3s: {
      ...k3sSettings,
      ...contents,
      sha256: k3s.sha256,
      mirror,
      binary: k3s.binary,
      registries,
      goingBackFrom: k3s.goingBackFrom,
      agentRelease: {
        version: agentVersion,
        mirror,
        // It is that of the servers' release.
        sha256: agentVersion === k3s.version ? k3s.sha256 : undefined,
        binary: k3s.binary,
        images: k3s.images,
        registries,
      },
    },
    proxy: proxySettings(proxy, values[configPath("proxyCredentials")] ?? ""),
    safety: { ...safety, protectDatastore: safety.protectDatastore ?? safety.production },
    hosts: all,
  };
}
