/** Keys as OpenSSH writes them: what an SSH client takes where it reads no PKCS #8. */
import { randomBytes, type JsonWebKey, type KeyObject } from "node:crypto";

/** The names that OpenSSH has for curves, by their JWK names. It has none for P-224. */
const curves: Record<string, string> = { "P-256": "nistp256", "P-384": "nistp384", "P-521": "nistp521" };

/** A public key: its type, such as `ssh-ed25519`, and its wire form. */
export interface OpensshPublicKey {
  type: string;
  blob: Buffer;
}

/** The text of a private key file, unencrypted. Throws for a curve that OpenSSH does not know. */
export function opensshPrivateKey(key: KeyObject, comment: string): string {
  const jwk = key.export({ format: "jwk" });
  const { type, blob } = publicKeyOf(jwk);
  const check = randomBytes(4);
  const secret = Buffer.concat([check, check, text(type), ...privateFields(jwk), text(comment)]);
  // The secret part is padded with 1, 2, 3, … to the block size of the cipher, which is 8 for "none".
  const padding = Buffer.from(Array.from({ length: (8 - (secret.length % 8)) % 8 }, (_, index) => index + 1));
  const whole = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    text("none"),
    text("none"),
    text(""),
    uint32(1),
    bytes(blob),
    bytes(Buffer.concat([secret, padding])),
  ]);
  const lines = whole.toString("base64").match(/.{1,64}/g) ?? [];
  return ["-----BEGIN OPENSSH PRIVATE KEY-----", ...lines, "-----END OPENSSH PRIVATE KEY-----", ""].join("\n");
}

/** The public half of a key. Throws for a curve that OpenSSH does not know. */
export function publicKeyOf(jwk: JsonWebKey): OpensshPublicKey {
  if (jwk.kty === "OKP") {
    return { type: "ssh-ed25519", blob: Buffer.concat([text("ssh-ed25519"), bytes(part(jwk.x))]) };
  }
  if (jwk.kty === "RSA") {
    return { type: "ssh-rsa", blob: Buffer.concat([text("ssh-rsa"), integer(jwk.e), integer(jwk.n)]) };
  }
  const curve = curves[jwk.crv ?? ""];
  if (jwk.kty !== "EC" || !curve) throw new Error(`ssh: unsupported key type ${jwk.kty ?? ""} ${jwk.crv ?? ""}`);
  const type = `ecdsa-sha2-${curve}`;
  return { type, blob: Buffer.concat([text(type), text(curve), bytes(point(jwk))]) };
}

function privateFields(jwk: JsonWebKey): Buffer[] {
  if (jwk.kty === "OKP") return [bytes(part(jwk.x)), bytes(Buffer.concat([part(jwk.d), part(jwk.x)]))];
  if (jwk.kty === "RSA") return [jwk.n, jwk.e, jwk.d, jwk.qi, jwk.p, jwk.q].map(integer);
  return [text(curves[jwk.crv ?? ""] ?? ""), bytes(point(jwk)), integer(jwk.d)];
}

/** An uncompressed point. */
function point(jwk: JsonWebKey): Buffer {
  return Buffer.concat([Buffer.from([4]), part(jwk.x), part(jwk.y)]);
}

function part(base64url: string | undefined): Buffer {
  return Buffer.from(base64url ?? "", "base64url");
}

function uint32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(value);
  return buffer;
}

function bytes(value: Buffer): Buffer {
  return Buffer.concat([uint32(value.length), value]);
}

function text(value: string): Buffer {
  return bytes(Buffer.from(value));
}

/** A positive big number: no leading zero bytes but one where the first bit would make it negative. */
function integer(base64url: string | undefined): Buffer {
  const all = part(base64url);
  const start = all.findIndex((byte) => byte !== 0);
  const value = start < 0 ? Buffer.alloc(0) : all.subarray(start);
  return bytes((value[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), value]) : value);
}
