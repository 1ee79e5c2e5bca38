import { readFileSync, statSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import { absolutePath, fileFault, type Surroundings, unreadableFault, unresolvableFault } from "./filePath.ts";
import type { Secret } from "./settings.ts";

/** A private key, or why it cannot be used, with the remedy. */
export type PrivateKey = { readonly secret: Secret } | { readonly fault: string };

/** Reads a private key's file as ssh does: only its owner may have read access. */
export function readPrivateKeyFile(path: string, surroundings: Surroundings): PrivateKey {
  const resolved = absolutePath(path, surroundings);
  if (resolved === undefined) return { fault: unresolvableFault(path) };
  let text: string;
  try {
    const { mode, uid } = statSync(resolved);
    text = readFileSync(resolved, "utf8");
    // Like ssh, which leaves the files of others to them; where there are no user ids there are no such modes either.
    if (uid === process.getuid?.() && (mode & 0o077) !== 0) {
      const octal = (mode & 0o777).toString(8).padStart(4, "0");
      const what = `a private key that others can read (mode ${octal}): run chmod 600 on it`;
      return { fault: fileFault(path, resolved, what) };
    }
  } catch (error) {
    return { fault: unreadableFault(path, resolved, error) };
  }
  const fault = privateKeyFault(text);
  return fault === undefined
    ? { secret: secretKey(text) }
    : { fault: fileFault(path, resolved, `a file that holds ${fault}`) };
}

/** The key whose text the configuration holds itself. */
export function givenPrivateKey(text: string): PrivateKey {
  const fault = privateKeyFault(text);
  return fault === undefined ? { secret: secretKey(text) } : { fault: `holds ${fault}` };
}

/** Some secret stores return a key without its last line break, which not all SSH libraries accept. */
function secretKey(text: string): Secret {
  return pulumi.secret(text.endsWith("\n") ? text : `${text}\n`);
}

/** The reason why a text is not a usable private key, with the remedy, or undefined. */
function privateKeyFault(text: string): string | undefined {
  if (/^(ssh-|ecdsa-|sk-)\S+ \S/.test(text.trimStart())) {
    return "a public key: use the private key, which is the file without .pub";
  }
  const label = /^-----BEGIN ((?:[A-Z]+ )*)PRIVATE KEY-----\r?\n([\s\S]+?)-----END \1PRIVATE KEY-----/m.exec(text);
  if (label === null) return "no private key: use a complete key, from -----BEGIN … to -----END …";
  const [, kind = "", body = ""] = label;
  return isEncrypted(kind, body)
    ? "a private key with a passphrase, which this program cannot enter: use the SSH agent, or a key without a passphrase"
    : undefined;
}

function isEncrypted(kind: string, body: string): boolean {
  if (kind === "ENCRYPTED " || body.includes("Proc-Type: 4,ENCRYPTED")) return true;
  if (kind !== "OPENSSH ") return false;
  // "openssh-key-v1\0", then the cipher's name with its length before it.
  const bytes = Buffer.from(body, "base64");
  const lengthAt = "openssh-key-v1\0".length;
  if (bytes.length < lengthAt + 4) return false;
  const cipherAt = lengthAt + 4;
  return bytes.subarray(cipherAt, cipherAt + bytes.readUInt32BE(lengthAt)).toString("latin1") !== "none";
}
