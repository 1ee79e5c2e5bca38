/** PEM, as Go writes and reads it: lines of 64 characters and a newline at the end. */

/** Wraps DER. */
export function toPem(label: string, der: Uint8Array | ArrayBuffer): string {
  const lines = Buffer.from(der as Uint8Array)
    .toString("base64")
    .match(/.{1,64}/g);
  return [`-----BEGIN ${label}-----`, ...(lines ?? []), `-----END ${label}-----`, ""].join("\n");
}

/** The DER of the first block, which must have this label. Throws what the official plugin says. */
export function fromPem(label: string, pem: string): Buffer {
  const block = /-----BEGIN ([^-]+)-----([\s\S]*?)-----END \1-----/.exec(pem);
  if (!block) throw new Error(`failed to decode PEM of expected type "${label}" from bytes`);
  if (block[1] !== label) throw new Error(`invalid PEM type - expected "${label}", got "${block[1] ?? ""}"`);
  return Buffer.from(block[2] ?? "", "base64");
}
