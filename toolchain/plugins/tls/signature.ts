/** Signatures as Go's X.509 library chooses them: by the signing key alone. */
import { sign, type KeyObject } from "node:crypto";
import { AlgorithmIdentifier } from "@peculiar/asn1-x509";

interface Scheme {
  algorithm: string;
  /** undefined where the scheme brings its own hash. */
  hash?: string;
  /** RSA algorithms have an explicit null parameter, the others none. */
  nullParameter?: boolean;
}

const ecdsa: Record<string, Scheme> = {
  secp224r1: { algorithm: "1.2.840.10045.4.3.2", hash: "sha256" },
  prime256v1: { algorithm: "1.2.840.10045.4.3.2", hash: "sha256" },
  secp384r1: { algorithm: "1.2.840.10045.4.3.3", hash: "sha384" },
  secp521r1: { algorithm: "1.2.840.10045.4.3.4", hash: "sha512" },
};
const rsa: Scheme = { algorithm: "1.2.840.113549.1.1.11", hash: "sha256", nullParameter: true };
const ed25519: Scheme = { algorithm: "1.3.101.112" };

/** How `key` signs. */
export function signatureAlgorithm(key: KeyObject): AlgorithmIdentifier {
  const { algorithm, nullParameter } = schemeOf(key);
  return new AlgorithmIdentifier(nullParameter ? { algorithm, parameters: null } : { algorithm });
}

/** Signs `content`. */
export function signature(key: KeyObject, content: ArrayBuffer): ArrayBuffer {
  const signed = sign(schemeOf(key).hash ?? null, Buffer.from(content), key);
  return new Uint8Array(signed).buffer;
}

function schemeOf(key: KeyObject): Scheme {
  if (key.asymmetricKeyType === "rsa") return rsa;
  if (key.asymmetricKeyType === "ed25519") return ed25519;
  const scheme = ecdsa[key.asymmetricKeyDetails?.namedCurve ?? ""];
  if (!scheme) throw new Error("x509: unsupported elliptic curve");
  return scheme;
}
