import { createHmac } from "node:crypto";
import { hostKeyTypes, parsePublicKey, type PublicKey } from "../host/hostKey.ts";

/** One line of a known_hosts file that says something about a key. */
export interface KnownHostsEntry {
  /** Number of the line, from 1. */
  readonly line: number;
  /** The first field: a comma list of patterns, or one hashed name. */
  readonly hosts: string;
  readonly marker: "@revoked" | "@cert-authority" | undefined;
  readonly key: PublicKey;
}

/** The key that a file gives for a host, or why there is none. */
export type KnownKey =
  | { readonly outcome: "known"; readonly key: PublicKey }
  | { readonly outcome: "unknown" }
  | { readonly outcome: "revoked"; readonly line: number }
  | { readonly outcome: "ambiguous"; readonly type: string; readonly lines: readonly number[] };

/** The lines of a known_hosts file (sshd(8)). Comments, empty and damaged lines are left out, as ssh does. */
export function parseKnownHosts(text: string): KnownHostsEntry[] {
  return text.split("\n").flatMap((line, index) => {
    const fields = line.trim().split(/\s+/);
    const marker = fields[0]?.startsWith("@") ? fields.shift() : undefined;
    const [hosts = "", ...keyFields] = fields;
    const key = parsePublicKey(keyFields.join(" "));
    if (hosts.startsWith("#") || key === undefined) return [];
    if (marker !== undefined && marker !== "@revoked" && marker !== "@cert-authority") return [];
    return [{ line: index + 1, hosts, marker, key }];
  });
}

/** The name that ssh looks a host up by: with its port only if that is not SSH's own. */
export function knownHostsName(address: string, port: number): string {
  return port === 22 ? address : `[${address}]:${port}`;
}

/**
 * The key of a host, of the best type that the file has for it. Two keys of that type are no answer: which of them is
 * the host's cannot be told here.
 */
export function findHostKey(entries: readonly KnownHostsEntry[], address: string, port: number): KnownKey {
  const name = knownHostsName(address.toLowerCase(), port);
  const about = entries.filter((entry) => entry.marker !== "@cert-authority" && matches(entry.hosts, name));
  const revoked = about.filter(({ marker }) => marker === "@revoked");
  const usable = about.filter(
    (entry) => entry.marker === undefined && !revoked.some((other) => isSameKey(other.key, entry.key)),
  );
  for (const type of hostKeyTypes) {
    const ofType = usable.filter(({ key }) => key.type === type);
    const [first] = ofType;
    if (first === undefined) continue;
    if (ofType.every(({ key }) => isSameKey(key, first.key))) return { outcome: "known", key: first.key };
    return { outcome: "ambiguous", type, lines: ofType.map(({ line }) => line) };
  }
  const [revocation] = revoked;
  return revocation === undefined ? { outcome: "unknown" } : { outcome: "revoked", line: revocation.line };
}

/** The line on which the file revokes this key for the host, or undefined. */
export function revocationOf(
  entries: readonly KnownHostsEntry[],
  address: string,
  port: number,
  key: PublicKey,
): number | undefined {
  const name = knownHostsName(address.toLowerCase(), port);
  return entries.find((entry) => entry.marker === "@revoked" && matches(entry.hosts, name) && isSameKey(entry.key, key))
    ?.line;
}

function isSameKey(a: PublicKey, b: PublicKey): boolean {
  return a.type === b.type && a.blob === b.blob;
}

function matches(hosts: string, name: string): boolean {
  if (hosts.startsWith("|")) return matchesHash(hosts, name);
  const patterns = hosts.toLowerCase().split(",");
  // A pattern with "!" that matches beats all others.
  if (patterns.some((pattern) => pattern.startsWith("!") && matchesPattern(pattern.slice(1), name))) return false;
  return patterns.some((pattern) => !pattern.startsWith("!") && matchesPattern(pattern, name));
}

function matchesPattern(pattern: string, name: string): boolean {
  if (!/[*?]/.test(pattern)) return pattern === name;
  const expression = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${expression}$`).test(name);
}

/** A hashed name is `|1|salt|HMAC-SHA1 of the name`, both base64. */
function matchesHash(hosts: string, name: string): boolean {
  const [, version, salt = "", hash = ""] = hosts.split("|");
  if (version !== "1") return false;
  return createHmac("sha1", Buffer.from(salt, "base64")).update(name).digest().equals(Buffer.from(hash, "base64"));
}
