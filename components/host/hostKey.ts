/** The types of host key that can be pinned, the preferred first. */
export const hostKeyTypes = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "ssh-rsa",
] as const;

/** A public key as authorized_keys and known_hosts write it. */
export interface PublicKey {
  readonly type: string;
  /** The key in SSH's wire format, base64. */
  readonly blob: string;
}

/** Reads `type base64 [comment]`; undefined when the base64 is not a key of that type. */
export function parsePublicKey(text: string): PublicKey | undefined {
  const [type, blob] = text.trim().split(/\s+/);
  if (type === undefined || blob === undefined || blobType(blob) !== type) return undefined;
  return { type, blob };
}

/** The line that pins a host to a key. */
export function renderPublicKey(key: PublicKey): string {
  return `${key.type} ${key.blob}`;
}

/** The type that a key's wire format names in its first field, or undefined when it is not a whole key. */
function blobType(blob: string): string | undefined {
  const bytes = Buffer.from(blob, "base64");
  // Node skips what is not base64; a key that does not come back the same was cut or mistyped.
  if (bytes.toString("base64") !== blob) return undefined;
  const fields: Buffer[] = [];
  for (let offset = 0; offset < bytes.length;) {
    if (offset + 4 > bytes.length) return undefined;
    const end = offset + 4 + bytes.readUInt32BE(offset);
    if (end > bytes.length) return undefined;
    fields.push(bytes.subarray(offset + 4, end));
    offset = end;
  }
  return fields.length < 2 ? undefined : fields[0]?.toString("latin1");
}

/** Why text cannot pin a host, with the remedy, or undefined. */
export function hostKeyFault(text: string): string | undefined {
  const type = text.trim().split(/\s+/)[0] ?? "";
  if (!(hostKeyTypes as readonly string[]).includes(type)) {
    return `has to begin with a type of key (${hostKeyTypes.join(", ")}): copy the whole line of the host's /etc/ssh/ssh_host_ed25519_key.pub`;
  }
  if (/[\r\n]/.test(text.trim()) || parsePublicKey(text) === undefined) {
    return `has to be a complete ${type} key, but its base64 part is not: copy the whole line of the host's /etc/ssh/ssh_host_*_key.pub again`;
  }
  return undefined;
}
