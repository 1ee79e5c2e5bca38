import { createPrivateKey } from "node:crypto";
import ssh2, { type ParsedKey } from "ssh2";
import { opensshPrivateKey } from "./opensshKey.ts";

/**
 * The key to log in with, of an OpenSSH or PEM text.
 *
 * @throws an error without any part of the text when it cannot be read.
 */
export function loginKey(text: string): ParsedKey {
  // ssh2 reads every form of private key but PKCS#8, which other tools write.
  const readable = /^-----BEGIN PRIVATE KEY-----/m.test(text) ? opensshPrivateKey(createPrivateKey(text), "") : text;
  const key = ssh2.utils.parseKey(readable);
  if (key instanceof Error) throw new Error("the configured private key cannot be read");
  return key;
}
