/** The `privateKey` input: reads every form that the official plugin reads. */
import { createPrivateKey } from "node:crypto";
import ssh2, { type ParsedKey } from "ssh2";
import { opensshPrivateKey } from "../../../components/host/opensshKey.ts";

/** Parses a private key. Throws what Go's SSH library says about a key it cannot read. */
export function parsePrivateKey(text: string, password: string | undefined): ParsedKey {
  const parsed = ssh2.utils.parseKey(fromPkcs8(text), password);
  if (!(parsed instanceof Error)) {
    if (!parsed.isPrivateKey()) throw new Error("ssh: no key found");
    return parsed;
  }
  if (/no passphrase given/.test(parsed.message)) throw new Error("ssh: this private key is passphrase protected");
  if (/bad passphrase|bad decrypt|integrity check/i.test(parsed.message)) {
    throw new Error("x509: decryption password incorrect");
  }
  throw new Error("ssh: no key found");
}

/** ssh2 reads every private key format but PKCS#8, in which other tools write Ed25519 keys. */
function fromPkcs8(text: string): string {
  if (!/^-----BEGIN PRIVATE KEY-----/m.test(text)) return text;
  return opensshPrivateKey(createPrivateKey(text), "");
}
