/** Public keys in the forms of OpenSSH: the authorized_keys line and the fingerprints. */
import { createHash, createPublicKey, type KeyObject } from "node:crypto";
import { publicKeyOf } from "../../../components/host/opensshKey.ts";

/** What OpenSSH shows of a public key; all empty for a curve that it does not know. */
export function opensshPublicKey(key: KeyObject): { line: string; md5: string; sha256: string } {
  const known = supportsOpenssh(key);
  if (!known) return { line: "", md5: "", sha256: "" };
  const { type, blob } = publicKeyOf(createPublicKey(key).export({ format: "jwk" }));
  const md5 = createHash("md5").update(blob).digest("hex").match(/../g) ?? [];
  const sha256 = createHash("sha256").update(blob).digest("base64").replace(/=+$/, "");
  return { line: `${type} ${blob.toString("base64")}\n`, md5: md5.join(":"), sha256: `SHA256:${sha256}` };
}

/** False for a curve that OpenSSH does not know. */
export function supportsOpenssh(key: KeyObject): boolean {
  return key.asymmetricKeyDetails?.namedCurve !== "secp224r1";
}
