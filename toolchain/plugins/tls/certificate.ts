/** X.509 certificates, with the extensions of the official plugin in its order. */
import { createHash, createPublicKey, randomBytes, type KeyObject } from "node:crypto";
import { AsnConvert, OctetString } from "@peculiar/asn1-schema";
import {
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectKeyIdentifier,
  KeyIdentifier,
  KeyUsage,
  SubjectKeyIdentifier,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
  type GeneralNames,
  type Name,
} from "@peculiar/asn1-x509";
import { alternativeNamesExtension } from "./alternativeNames.ts";
import { publicHalf, publicKeyDer } from "./keys.ts";
import { fromPem, toPem } from "./pem.ts";
import { signature, signatureAlgorithm } from "./signature.ts";
import { extendedKeyUsages, keyUsageBits } from "./usages.ts";

/** What to certify. */
export interface Template {
  subject: Name;
  /** The holder's key, public or private. */
  key: KeyObject;
  alternativeNames: GeneralNames | undefined;
  /** Names out of `usageNames`. */
  allowedUses: string[];
  validityHours: number;
  isCa: boolean;
  /** How many authorities may follow below this one; undefined or 0: no limit is written. */
  maxPathLength: number | undefined;
  setSubjectKeyId: boolean;
  /** Only for self-signed certificates: others always name the authority's key, if it has an identifier. */
  setAuthorityKeyId: boolean;
}

/** Who signs. Self-signed without a certificate. */
export interface Issuer {
  key: KeyObject;
  certificate?: Certificate;
}

/** A certificate, and its outputs. */
export interface Issued {
  pem: string;
  /** Decimal. */
  serial: string;
  /** RFC 3339 with fractions of a second, UTC. */
  start: string;
  end: string;
}

/** Makes a certificate that is valid from now on. */
export function issue(template: Template, issuer: Issuer): Issued {
  if (template.isCa && template.subject.length === 0) {
    throw new Error(
      "Invalid Certificate Subject: Must contain at least one Distinguished Name when creating Certificate Authority (CA)",
    );
  }
  const parent = issuer.certificate?.tbsCertificate;
  if (parent && !publicKeyDer(issuer.key).equals(publicKeyOf(issuer.certificate as Certificate))) {
    throw new Error("Failed to create certificate: x509: provided PrivateKey doesn't match parent's PublicKey");
  }
  const start = microseconds();
  const end = start + BigInt(template.validityHours) * 3_600_000_000n;
  const serialNumber = randomSerial();
  const content = new TBSCertificate({
    version: Version.v3,
    serialNumber,
    signature: signatureAlgorithm(issuer.key),
    issuer: parent?.subject ?? template.subject,
    validity: new Validity({ notBefore: wholeSeconds(start), notAfter: wholeSeconds(end) }),
    subject: template.subject,
    subjectPublicKeyInfo: AsnConvert.parse(publicKeyDer(template.key), SubjectPublicKeyInfo),
    extensions: new Extensions(extensionsFor(template, issuer.certificate)),
  });
  const certificate = new Certificate({
    tbsCertificate: content,
    signatureAlgorithm: signatureAlgorithm(issuer.key),
    signatureValue: signature(issuer.key, AsnConvert.serialize(content)),
  });
  return {
    pem: toPem("CERTIFICATE", AsnConvert.serialize(certificate)),
    serial: BigInt(`0x${Buffer.from(serialNumber).toString("hex")}`).toString(),
    start: rfc3339(start),
    end: rfc3339(end),
  };
}

/** Reads a certificate. */
export function parseCertificate(pem: string): Certificate {
  return AsnConvert.parse(fromPem("CERTIFICATE", pem), Certificate);
}

/** True when a certificate says of itself that it is an authority. */
export function isAuthority(certificate: Certificate): boolean {
  const extension = extensionOf(certificate, id_ce_basicConstraints);
  return extension !== undefined && AsnConvert.parse(extension, BasicConstraints).cA;
}

function extensionsFor(template: Template, parent: Certificate | undefined): Extension[] {
  const extensions: Extension[] = [];
  const add = (extnID: string, critical: boolean, value: object): void => {
    extensions.push(new Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) }));
  };
  const bits = template.allowedUses.flatMap((use) => keyUsageBits[use] ?? []);
  if (bits.length > 0) add(id_ce_keyUsage, true, new KeyUsage(bits.reduce((flags, bit) => flags | (1 << bit), 0)));
  const extended = template.allowedUses.flatMap((use) => extendedKeyUsages[use] ?? []);
  if (extended.length > 0) add(id_ce_extKeyUsage, false, new ExtendedKeyUsage(extended));
  const limit = template.isCa && template.maxPathLength ? { pathLenConstraint: template.maxPathLength } : {};
  add(id_ce_basicConstraints, true, new BasicConstraints({ cA: template.isCa, ...limit }));
  const own = template.isCa || template.setSubjectKeyId ? subjectKeyId(template.key) : undefined;
  if (own) add(id_ce_subjectKeyIdentifier, false, new SubjectKeyIdentifier(own));
  const authority = authorityKeyId(template, own, parent);
  if (authority) {
    const keyIdentifier = new KeyIdentifier(authority);
    add(id_ce_authorityKeyIdentifier, false, new AuthorityKeyIdentifier({ keyIdentifier }));
  }
  if (template.alternativeNames) {
    extensions.push(alternativeNamesExtension(template.alternativeNames, template.subject.length === 0));
  }
  return extensions;
}

function authorityKeyId(
  template: Template,
  own: ArrayBuffer | undefined,
  parent: Certificate | undefined,
): ArrayBuffer | undefined {
  if (!parent) {
    if (template.setAuthorityKeyId && !own) {
      throw new Error("Invalid Certificate Authority: Could not determine Authority Key Identifier");
    }
    return template.setAuthorityKeyId ? own : undefined;
  }
  const sameName = Buffer.from(AsnConvert.serialize(parent.tbsCertificate.subject)).equals(
    Buffer.from(AsnConvert.serialize(template.subject)),
  );
  const extension = extensionOf(parent, id_ce_subjectKeyIdentifier);
  if (sameName || !extension) return undefined;
  return AsnConvert.parse(extension, SubjectKeyIdentifier).buffer;
}

function extensionOf(certificate: Certificate, id: string): ArrayBuffer | undefined {
  return certificate.tbsCertificate.extensions?.find(({ extnID }) => extnID === id)?.extnValue.buffer;
}

/** The SHA-1 of the public key's bits; for Ed25519, like the official plugin, of those bits as an octet string. */
function subjectKeyId(key: KeyObject): ArrayBuffer {
  const bits = Buffer.from(AsnConvert.parse(publicKeyDer(key), SubjectPublicKeyInfo).subjectPublicKey);
  const wrapped = Buffer.from(AsnConvert.serialize(new OctetString(bits)));
  const hashed = publicHalf(key).asymmetricKeyType === "ed25519" ? wrapped : bits;
  return new Uint8Array(createHash("sha1").update(hashed).digest()).buffer;
}

function publicKeyOf(certificate: Certificate): Buffer {
  const der = Buffer.from(AsnConvert.serialize(certificate.tbsCertificate.subjectPublicKeyInfo));
  return publicKeyDer(createPublicKey({ key: der, format: "der", type: "spki" }));
}

/** 128 random bits as the content of a positive ASN.1 integer: shortest form, first bit clear. */
function randomSerial(): ArrayBuffer {
  const bytes = randomBytes(16);
  const start = bytes.findIndex((byte) => byte !== 0);
  const value = bytes.subarray(Math.max(start, 0));
  const positive = (value[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), value]) : value;
  return new Uint8Array(positive).buffer;
}

/** Now, in microseconds since 1970. */
function microseconds(): bigint {
  return BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000));
}

function wholeSeconds(time: bigint): Date {
  return new Date(Number(time / 1_000_000n) * 1000);
}

function rfc3339(time: bigint): string {
  const fraction = (time % 1_000_000n).toString().padStart(6, "0").replace(/0+$/, "");
  return wholeSeconds(time)
    .toISOString()
    .replace(".000Z", fraction === "" ? "Z" : `.${fraction}Z`);
}
