import { readFileSync } from "node:fs";
import type { HostArgs } from "../host/host.ts";
import { configPath } from "./configPath.ts";
import { absolutePath, type Surroundings, unreadableFault, unresolvableFault } from "./filePath.ts";
import { parsePublicKey, renderPublicKey } from "./hostKey.ts";
import type { ConfiguredHost } from "./hosts.ts";
import { findHostKey, type KnownHostsEntry, parseKnownHosts, revocationOf } from "./knownHosts.ts";
import { givenPrivateKey, type PrivateKey, readPrivateKeyFile } from "./privateKey.ts";
import type { Problem } from "./problem.ts";
import type { SshSection } from "./schema.ts";
import type { Secret } from "./settings.ts";

/** How hosts are logged in to, as the configuration has it. */
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

/** Finds the private key and the host key for every host. Reads files; each once. */
export function sshAccess(
  hosts: readonly ConfiguredHost[],
  { ssh, sshPrivateKey }: SshConfiguration,
  surroundings: Surroundings,
): SshAccess {
  const problems: Problem[] = [];
  const tell = (path: string, fault: string) => void problems.push({ path, fault });
  const defaultKey = defaultPrivateKey(hosts, ssh, sshPrivateKey, surroundings, tell);
  const knownHosts = readKnownHosts(ssh?.knownHostsFile, surroundings, tell);
  const keyFiles = new Map<string, PrivateKey>();

  const complete = hosts.map((host): [string, HostArgs] => {
    const { address, nodeAddress, user, privateKeyFile } = host.entry;
    let privateKey = defaultKey;
    if (privateKeyFile !== undefined) {
      const key = keyFiles.get(privateKeyFile) ?? readPrivateKeyFile(privateKeyFile, surroundings);
      // Told once, where the file is named first.
      if ("fault" in key && !keyFiles.has(privateKeyFile)) {
        tell(`${host.path}.privateKeyFile`, key.fault);
      }
      keyFiles.set(privateKeyFile, key);
      privateKey = "secret" in key ? key.secret : undefined;
    }
    return [
      host.path,
      {
        address,
        ...(nodeAddress === undefined ? {} : { nodeAddress }),
        port: host.port,
        user: user ?? ssh?.user ?? "root",
        hostKey: hostKeyOf(host, ssh, knownHosts, tell),
        ...(privateKey === undefined ? {} : { privateKey }),
      },
    ];
  });
  return { hosts: new Map(complete), problems };
}

type Tell = (path: string, fault: string) => void;

/** The key of all hosts that have none of their own; undefined means the SSH agent's. */
function defaultPrivateKey(
  hosts: readonly ConfiguredHost[],
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
      tell(textPath, `contradicts ${filePath}, which gives a private key too: remove one of them`);
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
  const needsAgent = ssh !== undefined && hosts.some(({ entry }) => entry.privateKeyFile === undefined);
  if (needsAgent && (surroundings.environment["SSH_AUTH_SOCK"] ?? "") === "") {
    tell(
      filePath,
      `is missing, and there is no ${textPath} and no SSH agent either (SSH_AUTH_SOCK is not set): name a private key's file, set the secret ${textPath}, or start an SSH agent that holds the key`,
    );
  }
  return undefined;
}

/** What the file of known hosts says; undefined without a file that can be read. */
function readKnownHosts(
  file: string | undefined,
  surroundings: Surroundings,
  tell: Tell,
): readonly KnownHostsEntry[] | undefined {
  if (file === undefined) return undefined;
  const path = configPath("ssh", "knownHostsFile");
  const resolved = absolutePath(file, surroundings);
  if (resolved === undefined) {
    tell(path, unresolvableFault(file));
    return undefined;
  }
  try {
    return parseKnownHosts(readFileSync(resolved, "utf8"));
  } catch (error) {
    tell(path, unreadableFault(file, resolved, error));
    return undefined;
  }
}

/** The key that a host is pinned to; empty when it has none, which is then told. */
function hostKeyOf(
  host: ConfiguredHost,
  ssh: SshSection | undefined,
  knownHosts: readonly KnownHostsEntry[] | undefined,
  tell: Tell,
): string {
  const { port, path } = host;
  const { address, hostKey } = host.entry;
  const file = ssh?.knownHostsFile;
  const pinned = hostKey === undefined ? undefined : parsePublicKey(hostKey);
  if (pinned !== undefined) {
    const line = revocationOf(knownHosts ?? [], address, port, pinned);
    if (line !== undefined) tell(`${path}.hostKey`, revokedFault(file, line));
    return renderPublicKey(pinned);
  }
  // Without the file, or the section that names it, every host would lack its key: that is told already.
  if (ssh === undefined || (file !== undefined && knownHosts === undefined)) return "";
  const found: ReturnType<typeof findHostKey> =
    knownHosts === undefined ? { outcome: "unknown" } : findHostKey(knownHosts, address, port);
  switch (found.outcome) {
    case "known":
      return renderPublicKey(found.key);
    case "revoked":
      tell(`${path}.hostKey`, revokedFault(file, found.line));
      return "";
    case "ambiguous":
      tell(
        `${path}.hostKey`,
        `is missing, and ${String(file)} has ${found.lines.length} different ${found.type} keys for ${address} (lines ${found.lines.join(", ")}): remove the lines that are out of date, or give hostKey`,
      );
      return "";
    case "unknown":
      tell(`${path}.hostKey`, missingHostKeyFault(address, port, file));
      return "";
  }
}

function revokedFault(file: string | undefined, line: number): string {
  return `is marked @revoked on line ${line} of ${String(file)}: give the host a new key, and use that`;
}

/** The key types to scan for, from best to worst: one command shows what to put into the configuration. */
function missingHostKeyFault(address: string, port: number, file: string | undefined): string {
  const elsewhere = file === undefined ? "ssh.knownHostsFile is not set" : `${file} has no key for it`;
  return `is missing and ${elsewhere}, but no host is trusted unseen: run "ssh-keyscan -t ed25519 -p ${port} ${address}", compare the key with /etc/ssh/ssh_host_ed25519_key.pub on the host itself, and put it here as "ssh-ed25519 AAAA…"`;
}
