import { createHash } from "node:crypto";

/**
 * What K3s names a cluster's row of keys in the datastore after, `/bootstrap/<fingerprint>`: the first 12 hexadecimal
 * digits of the sha256 of the server token, without the CA hash that may stand before it.
 */
export function tokenFingerprint(token: string): string {
  const password = token.replace(/^K10[0-9a-f]{64}::(?:server:)?/, "");
  return createHash("sha256").update(password).digest("hex").slice(0, 12);
}
