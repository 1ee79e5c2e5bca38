/** The `hostKey` input: a public key in the form of an authorized_keys line. */

/** A public key: its type, e.g. `ssh-ed25519`, and its wire form. */
export interface HostKey {
  type: string;
  blob: Buffer;
}

/** Reads a line `[options] type base64 [comment]`. Throws what the official plugin says about other text. */
export function parseHostKey(line: string): HostKey {
  const words = line.trim().split(/\s+/);
  for (const [index, type] of words.entries()) {
    const blob = Buffer.from(words[index + 1] ?? "", "base64");
    // The wire form begins with the type, preceded by its length in four bytes.
    if (blob.length > 4 && blob.subarray(4, 4 + blob.readUInt32BE(0)).toString() === type) return { type, blob };
  }
  throw new Error("ssh: no key found");
}
