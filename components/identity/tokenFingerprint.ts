import { createHash, hkdfSync } from "node:crypto";

/**
 * What K3s names a cluster's row of keys in the datastore after, `/bootstrap/<fingerprint>`: the first 12 hexadecimal
 * digits of the sha256 of the server token, without the CA hash that may stand before it.
 */
export function tokenFingerprint(token: string): string {
  return createHash("sha256").update(passwordOf(token)).digest("hex").slice(0, 12);
}

/**
 * The key that backups of a cluster are signed with: 64 bytes in hexadecimal, by HKDF-SHA256 from the server token.
 * Its holder can sign; the token cannot be derived from it.
 */
export function manifestKey(token: string): string {
  return Buffer.from(hkdfSync("sha256", passwordOf(token), "", "k3s-ha backup manifest", 64)).toString("hex");
}

function passwordOf(token: string): string {
  return token.replace(/^K10[0-9a-f]{64}::(?:server:)?/, "");
}
