import type * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";

const hoursPerYear = 8766;

/** The certificate of a datastore's server. */
export interface DatastoreCertificate {
  /** PEM of the CA, which signs nothing else. */
  caCertificate: pulumi.Output<string>;
  /** PEM. */
  certificate: pulumi.Output<string>;
  /** PEM. Secret. */
  privateKey: pulumi.Output<string>;
}

/** A CA of the datastore's own, and a certificate for exactly the address that stands in the endpoint. */
export function datastoreCertificate(
  component: pulumi.Resource,
  name: string,
  address: pulumi.Output<string>,
  rotation?: string,
): DatastoreCertificate {
  const parent = { parent: component, protect: false };
  const caKey = new tls.PrivateKey(`${name}-ca-key`, { algorithm: "ECDSA", ecdsaCurve: "P256" }, parent);
  const ca = new tls.SelfSignedCert(
    `${name}-ca`,
    {
      privateKeyPem: caKey.privateKeyPem,
      subject: { commonName: "k3s-ha datastore CA" },
      isCaCertificate: true,
      setSubjectKeyId: true,
      allowedUses: ["cert_signing", "crl_signing", "digital_signature"],
      validityPeriodHours: 10 * hoursPerYear,
    },
    parent,
  );
  const keyName = `${name}-key${rotation === undefined ? "" : `-${rotation}`}`;
  const key = new tls.PrivateKey(keyName, { algorithm: "ECDSA", ecdsaCurve: "P256" }, parent);
  const request = new tls.CertRequest(
    `${name}-request`,
    { privateKeyPem: key.privateKeyPem, subject: { commonName: "k3s-ha datastore" }, ipAddresses: [address] },
    parent,
  );
  const certificate = new tls.LocallySignedCert(
    `${name}-certificate`,
    {
      certRequestPem: request.certRequestPem,
      caCertPem: ca.certPem,
      caPrivateKeyPem: caKey.privateKeyPem,
      allowedUses: ["server_auth", "digital_signature", "key_encipherment"],
      // Its end would take the API down, so it lives as long as the CA, and an `up` in its second half renews it.
      validityPeriodHours: 10 * hoursPerYear,
      earlyRenewalHours: 5 * hoursPerYear,
    },
    parent,
  );
  return { caCertificate: ca.certPem, certificate: certificate.certPem, privateKey: key.privateKeyPem };
}
