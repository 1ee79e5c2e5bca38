import { readFileSync, statSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import { absolutePath, type Surroundings, unreadableFault, unresolvableFault } from "./filePath.ts";
import type { Secret } from "./settings.ts";

/** A private key, or why it cannot be used, with the remedy. */
export type PrivateKey = { readonly secret: Secret } | { readonly fault: string };

/** Reads a private key's file as ssh does: it may be nobody's but its owner's to read. */
export function readPrivateKeyFile(path: string, surroundings: Surroundings): PrivateKey {
  const resolved = absolutePath(path, surroundings);
  if (resolved === undefined) return { fault: unresolvableFault };
  try {
    const { mode, uid } = statSync(resolved);
    // Like ssh, which leaves the files of others to them; where there are no user ids there are no such modes either.
    if (uid === process.getuid?.() && (mode & 0o077) !== 0) {
      const octal = (mode & 0o777).toString(8).padStart(4, "0");
      return {
        fault: `names a private key that others can read (${resolved}, mode ${octal}), which ssh refuses: run chmod 600 on it`,
      };
    }
    return privateKeyOf(readFileSync(resolved, "utf8"), "names a file that");
  } catch (error) {
    return { fault: unreadableFault(error, resolved) };
  }
}

/**
 * The key as a secret.
 *
 * @param subject begins the fault: what holds the text.
 */
export function privateKeyOf(text: string, subject: string): PrivateKey {
  if (/^(ssh-|ecdsa-|sk-)\S+ \S/.test(text.trimStart())) {
    return { fault: `${subject} holds a public key: name the private one, which is the file without .pub` };
  }
  const label = /^-----BEGIN ((?:[A-Z]+ )*)PRIVATE KEY-----\r?\n([\s\S]+?)-----END \1PRIVATE KEY-----/m.exec(text);
  if (label === null) {
    return {
      fault: `${subject} does not hold a private key: it has to begin with -----BEGIN … PRIVATE KEY----- and be whole`,
    };
  }
  const [, kind = "", body = ""] = label;
  if (isEncrypted(kind, body)) {
    return {
      fault: `${subject} holds a key with a passphrase, which nobody is there to type: use the SSH agent, or a key without one`,
    };
  }
  // A key without its last line break, as some secret stores return it, is not accepted by all SSH libraries.
  return { secret: pulumi.secret(text.endsWith("\n") ? text : `${text}\n`) };
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
