/** Private keys: made, read, written. */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  type KeyPairKeyObjectResult,
} from "node:crypto";
import { promisify } from "node:util";

/** The names of key algorithms in inputs and outputs. */
export type Algorithm = "RSA" | "ECDSA" | "ED25519";

/** OpenSSL's names of the curves. */
const curves: Record<string, string> = {
  P224: "secp224r1",
  P256: "prime256v1",
  P384: "secp384r1",
  P521: "secp521r1",
};

/** The names that `ecdsaCurve` may have. */
export const curveNames = Object.keys(curves);

/** Makes a key. `rsaBits` counts for RSA only, `curve` (a name of `curveNames`) for ECDSA only. */
export async function generateKey(algorithm: Algorithm, rsaBits: number, curve: string): Promise<KeyObject> {
  const generate = promisify(generateKeyPair) as unknown as (
    type: string,
    options: object,
  ) => Promise<KeyPairKeyObjectResult>;
  if (algorithm === "RSA") return (await generate("rsa", { modulusLength: rsaBits })).privateKey;
  if (algorithm === "ED25519") return (await generate("ed25519", {})).privateKey;
  return (await generate("ec", { namedCurve: curves[curve] })).privateKey;
}

/** Reads a PEM key. Throws what the official plugin says about text that is not one. */
export function parseKey(pem: string): KeyObject {
  if (!/-----BEGIN [A-Z ]+-----/.test(pem)) {
    throw new Error(`failed to decode PEM block: decoded bytes 0, undecoded ${Buffer.byteLength(pem)}`);
  }
  const key = createPrivateKey(pem);
  algorithmOf(key);
  return key;
}

/** The algorithm of a key. */
export function algorithmOf(key: KeyObject): Algorithm {
  if (key.asymmetricKeyType === "rsa") return "RSA";
  if (key.asymmetricKeyType === "ec") return "ECDSA";
  if (key.asymmetricKeyType === "ed25519") return "ED25519";
  throw new Error(`unsupported private key type: ${key.asymmetricKeyType ?? "secret"}`);
}

/** The key in the form that is usual for its algorithm. */
export function privateKeyPem(key: KeyObject): string {
  const type = ({ RSA: "pkcs1", ECDSA: "sec1", ED25519: "pkcs8" } as const)[algorithmOf(key)];
  return key.export({ format: "pem", type }).toString();
}

/** The public half, as DER of SubjectPublicKeyInfo. */
export function publicKeyDer(key: KeyObject): Buffer {
  return publicHalf(key).export({ format: "der", type: "spki" });
}

/** The public half of a private key; a public key as it is. */
export function publicHalf(key: KeyObject): KeyObject {
  return key.type === "public" ? key : createPublicKey(key);
}
