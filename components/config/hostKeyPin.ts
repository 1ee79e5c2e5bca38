import { readFileSync } from "node:fs";
import { configPath } from "./configPath.ts";
import { absolutePath, type Surroundings, unreadableFault, unresolvableFault } from "./filePath.ts";
import { parsePublicKey, renderPublicKey } from "../host/hostKey.ts";
import { findHostKey, type KnownHostsEntry, parseKnownHosts, revocationOf } from "./knownHosts.ts";
import type { Tell } from "./problem.ts";

/** Something that SSH connects to, as the configuration has it. */
export interface SshPeer {
  /** Such as `k3s-ha:servers.server-1` or `k3s-ha:ssh.bastion`. */
  readonly path: string;
  readonly address: string;
  readonly port: number;
  readonly hostKey: string | undefined;
  /** Address of the bastion that it is reached through, if it is. */
  readonly bastion: string | undefined;
}

/** The file of known hosts, as far as it is there. */
export interface KnownHosts {
  /** Its name in the configuration; undefined when none is named. */
  readonly file: string | undefined;
  /** Its content; undefined if none is named, or if it could not be read, which is then already reported. */
  readonly entries: readonly KnownHostsEntry[] | undefined;
}

/** Reads the file of known hosts. */
export function readKnownHosts(file: string | undefined, surroundings: Surroundings, tell: Tell): KnownHosts {
  if (file === undefined) return { file, entries: undefined };
  const path = configPath("ssh", "knownHostsFile");
  const resolved = absolutePath(file, surroundings);
  if (resolved === undefined) {
    tell(path, unresolvableFault(file));
    return { file, entries: undefined };
  }
  try {
    return { file, entries: parseKnownHosts(readFileSync(resolved, "utf8")) };
  } catch (error) {
    tell(path, unreadableFault(file, resolved, error));
    return { file, entries: undefined };
  }
}

/** The key that a host is pinned to; empty when it has none, which is then told. */
export function pinnedKeyOf(peer: SshPeer, { file, entries }: KnownHosts, tell: Tell): string {
  const { path, address, port, hostKey } = peer;
  const pinned = hostKey === undefined ? undefined : parsePublicKey(hostKey);
  if (pinned !== undefined) {
    const line = revocationOf(entries ?? [], address, port, pinned);
    if (line !== undefined) tell(`${path}.hostKey`, revokedFault(file, line));
    return renderPublicKey(pinned);
  }
  // Without the file, every host would lack its key: that is told already.
  if (file !== undefined && entries === undefined) return "";
  const found: ReturnType<typeof findHostKey> =
    entries === undefined ? { outcome: "unknown" } : findHostKey(entries, address, port);
  switch (found.outcome) {
    case "known":
      return renderPublicKey(found.key);
    case "revoked":
      tell(`${path}.hostKey`, revokedFault(file, found.line));
      return "";
    case "ambiguous":
      tell(
        `${path}.hostKey`,
        `is missing, and ${String(file)} has ${found.lines.length} different ${found.type} keys for ${address} (lines ${found.lines.join(", ")}): remove the outdated lines, or set hostKey`,
      );
      return "";
    case "unknown":
      tell(`${path}.hostKey`, missingHostKeyFault(peer, file));
      return "";
  }
}

function revokedFault(file: string | undefined, line: number): string {
  return `is marked @revoked on line ${line} of ${String(file)}: give the host a new key, and use it`;
}

/** The key types to scan for, from best to worst: one command shows what to put into the configuration. */
function missingHostKeyFault({ address, port, bastion }: SshPeer, file: string | undefined): string {
  const elsewhere = file === undefined ? "ssh.knownHostsFile is not set" : `${file} has no key for it`;
  const from = bastion === undefined ? "" : ` on the bastion ${bastion}`;
  return `is missing and ${elsewhere}, but every host key has to be pinned: run "ssh-keyscan -t ed25519 -p ${port} ${address}"${from}, compare the key with /etc/ssh/ssh_host_ed25519_key.pub on the host itself, and write it here as "ssh-ed25519 AAAA…"`;
}
