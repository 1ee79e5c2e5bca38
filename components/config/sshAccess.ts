import type { BastionArgs, HostArgs } from "../host/host.ts";
import { canonicalAddress } from "./address.ts";
import { configPath } from "./configPath.ts";
import type { Surroundings } from "./filePath.ts";
import { pinnedKeyOf, readKnownHosts } from "./hostKeyPin.ts";
import type { ConfiguredHost } from "./hosts.ts";
import { givenPrivateKey, type PrivateKey, readPrivateKeyFile } from "./privateKey.ts";
import type { Problem, Tell } from "./problem.ts";
import type { BastionEntry, SshSection } from "./schema.ts";
import type { Secret } from "./settings.ts";

/** The SSH settings of the configuration. */
export interface SshConfiguration {
  /** The section `ssh`; undefined if it could not be parsed. */
  readonly ssh: SshSection | undefined;
  /** Text of `sshPrivateKey`; empty if there is none. */
  readonly sshPrivateKey: string;
}

/** The hosts with everything that a connection to them takes, and the problems of those that cannot be had. */
export interface SshAccess {
  /** By path of the host. */
  readonly hosts: ReadonlyMap<string, HostArgs>;
  readonly problems: readonly Problem[];
}

/** A bastion, and where the configuration has it. */
interface ConfiguredBastion {
  readonly path: string;
  readonly entry: BastionEntry;
}

/** Finds the private key, the host key and the bastion for every host. Reads files; each once. */
export function sshAccess(
  hosts: readonly ConfiguredHost[],
  { ssh, sshPrivateKey }: SshConfiguration,
  surroundings: Surroundings,
): SshAccess {
  const problems: Problem[] = [];
  const tell = (path: string, fault: string) => void problems.push({ path, fault });
  const through = new Map(hosts.map((host) => [host.path, bastionOf(host, ssh)]));
  const bastions = new Map([...through.values()].flatMap((bastion) => (bastion ? [[bastion.path, bastion]] : [])));
  const needsDefaultKey =
    hosts.some(({ entry }) => entry.privateKeyFile === undefined) ||
    [...bastions.values()].some(({ entry }) => entry.privateKeyFile === undefined);
  const defaultKey = defaultPrivateKey(needsDefaultKey, ssh, sshPrivateKey, surroundings, tell);
  const knownHosts = readKnownHosts(ssh?.knownHostsFile, surroundings, tell);
  const keyFiles = new Map<string, PrivateKey>();

  const privateKeyOf = (path: string, file: string | undefined): Secret | undefined => {
    if (file === undefined) return defaultKey;
    const key = keyFiles.get(file) ?? readPrivateKeyFile(file, surroundings);
    // Told once, where the file is named first.
    if ("fault" in key && !keyFiles.has(file)) tell(`${path}.privateKeyFile`, key.fault);
    keyFiles.set(file, key);
    return "secret" in key ? key.secret : undefined;
  };
  // Without the section that names the file of known hosts, every host would lack its key: that is told already.
  const hostKeyOf = (peer: Parameters<typeof pinnedKeyOf>[0]) =>
    ssh === undefined && peer.hostKey === undefined ? "" : pinnedKeyOf(peer, knownHosts, tell);

  const bastionArgs = new Map(
    [...bastions.values()].map(({ path, entry }): [string, BastionArgs] => {
      const { address, port, hostKey, user } = entry;
      const privateKey = privateKeyOf(path, entry.privateKeyFile);
      return [
        path,
        {
          address,
          port,
          user: user ?? ssh?.user ?? "root",
          hostKey: hostKeyOf({ path, address, port, hostKey, bastion: undefined }),
          ...(privateKey === undefined ? {} : { privateKey }),
        },
      ];
    }),
  );

  const complete = hosts.map((host): [string, HostArgs] => {
    const { path, port } = host;
    const { address, nodeAddress, secondaryNodeAddress, user, hostKey, labels, taints, config } = host.entry;
    const privateKey = privateKeyOf(path, host.entry.privateKeyFile);
    const bastion = through.get(path);
    return [
      path,
      {
        address,
        ...(nodeAddress === undefined ? {} : { nodeAddress }),
        ...(secondaryNodeAddress === undefined ? {} : { secondaryNodeAddress }),
        port,
        user: user ?? ssh?.user ?? "root",
        hostKey: hostKeyOf({ path, address, port, hostKey, bastion: bastion?.entry.address }),
        ...(privateKey === undefined ? {} : { privateKey }),
        ...(bastion === undefined ? {} : { bastion: bastionArgs.get(bastion.path) }),
        connectSeconds: ssh?.connectSeconds ?? 10,
        commandSeconds: ssh?.commandSeconds ?? 600,
        ...(host.entry.adopt ? { adopt: true } : {}),
        ...(labels === undefined ? {} : { labels }),
        ...(taints === undefined ? {} : { taints }),
        ...(config === undefined ? {} : { config }),
      },
    ];
  });
  return { hosts: new Map(complete), problems };
}

/** The bastion before a host: its own, or that of all hosts, unless the host is that bastion itself. */
function bastionOf({ path, entry, port }: ConfiguredHost, ssh: SshSection | undefined): ConfiguredBastion | undefined {
  if (entry.bastion !== undefined) return { path: `${path}.bastion`, entry: entry.bastion };
  const shared = ssh?.bastion;
  if (shared === undefined) return undefined;
  const isItself = canonicalAddress(shared.address) === canonicalAddress(entry.address) && shared.port === port;
  return isItself ? undefined : { path: configPath("ssh", "bastion"), entry: shared };
}

/** The key of everything that has none of its own; undefined means the SSH agent's. */
function defaultPrivateKey(
  isNeeded: boolean,
  ssh: SshSection | undefined,
  sshPrivateKey: string,
  surroundings: Surroundings,
  tell: Tell,
): Secret | undefined {
  const filePath = configPath("ssh", "privateKeyFile");
  const textPath = configPath("sshPrivateKey");
  const file = ssh?.privateKeyFile;
  if (sshPrivateKey !== "") {
    if (file !== undefined)
      tell(textPath, `contradicts ${filePath}, which also sets a private key: remove one of them`);
    const key = givenPrivateKey(sshPrivateKey);
    if ("secret" in key) return key.secret;
    tell(textPath, key.fault);
    return undefined;
  }
  if (file !== undefined) {
    const key = readPrivateKeyFile(file, surroundings);
    if ("secret" in key) return key.secret;
    tell(filePath, key.fault);
    return undefined;
  }
  if (ssh !== undefined && isNeeded && (surroundings.environment["SSH_AUTH_SOCK"] ?? "") === "") {
    tell(
      filePath,
      `is missing, and so are ${textPath} and an SSH agent (SSH_AUTH_SOCK is not set): name the file of a private key, set the secret ${textPath}, or start an SSH agent with the key`,
    );
  }
  return undefined;
}
