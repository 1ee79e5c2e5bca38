/** Certificate requests (PKCS #10). */
import { createPublicKey, type KeyObject } from "node:crypto";
import { CertificationRequest, CertificationRequestInfo, Attributes } from "@peculiar/asn1-csr";
import { AsnConvert } from "@peculiar/asn1-schema";
import {
  Attribute,
  Extensions,
  GeneralNames,
  id_ce_subjectAltName,
  SubjectPublicKeyInfo,
  type Name,
} from "@peculiar/asn1-x509";
import { alternativeNamesExtension, takenOver } from "./alternativeNames.ts";
import { normalized } from "./distinguishedName.ts";
import { publicKeyDer } from "./keys.ts";
import { fromPem } from "./pem.ts";
import { signature, signatureAlgorithm } from "./signature.ts";

const extensionRequest = "1.2.840.113549.1.9.14";

/** The DER of a request, signed with its own key. */
export function makeRequest(subject: Name, names: GeneralNames | undefined, key: KeyObject): ArrayBuffer {
  const attributes = new Attributes();
  if (names) {
    const extensions = new Extensions([alternativeNamesExtension(names, subject.length === 0)]);
    attributes.push(new Attribute({ type: extensionRequest, values: [AsnConvert.serialize(extensions)] }));
  }
  const content = new CertificationRequestInfo({
    version: 0,
    subject,
    subjectPKInfo: AsnConvert.parse(publicKeyDer(key), SubjectPublicKeyInfo),
    attributes,
  });
  return AsnConvert.serialize(
    new CertificationRequest({
      certificationRequestInfo: content,
      signatureAlgorithm: signatureAlgorithm(key),
      signature: signature(key, AsnConvert.serialize(content)),
    }),
  );
}

/** What an authority takes from a request. */
export interface Requested {
  subject: Name;
  alternativeNames: GeneralNames | undefined;
  key: KeyObject;
}

/** Reads a request. */
export function parseRequest(pem: string): Requested {
  const { certificationRequestInfo: info } = AsnConvert.parse(
    fromPem("CERTIFICATE REQUEST", pem),
    CertificationRequest,
  );
  const attribute = info.attributes.find(({ type }) => type === extensionRequest);
  const extensions = attribute?.values[0] ? AsnConvert.parse(attribute.values[0], Extensions) : undefined;
  const names = extensions?.find(({ extnID }) => extnID === id_ce_subjectAltName);
  const der = Buffer.from(AsnConvert.serialize(info.subjectPKInfo));
  return {
    subject: normalized(info.subject),
    alternativeNames: names && takenOver(AsnConvert.parse(names.extnValue.buffer, GeneralNames)),
    key: createPublicKey({ key: der, format: "der", type: "spki" }),
  };
}
