import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import { memberCommonName } from "./etcdConfig.ts";

/** The authority of one etcd. Each client with a certificate of it may read and change everything in that etcd. */
export interface EtcdAuthority {
  readonly certificate: pulumi.Output<string>;
  readonly privateKey: pulumi.Output<string>;
}

/** A certificate with its key. */
export interface EtcdCertificate {
  readonly certificate: pulumi.Output<string>;
  /** Secret. */
  readonly privateKey: pulumi.Output<string>;
}

const hoursPerYear = 8766;
const keyKind = { algorithm: "ECDSA", ecdsaCurve: "P256" };
// The end of a certificate would take the API down, so it lives as long as the authority, and an `up` in its second half renews it.
const lifetime = { validityPeriodHours: 10 * hoursPerYear, earlyRenewalHours: 5 * hoursPerYear };

/** An authority for one etcd alone. */
export function etcdAuthority(name: string, parent: pulumi.Resource): EtcdAuthority {
  const opts = { parent, protect: false };
  const key = new tls.PrivateKey(`${name}-ca-key`, keyKind, opts);
  const { certPem } = new tls.SelfSignedCert(
    `${name}-ca`,
    {
      privateKeyPem: key.privateKeyPem,
      subject: { commonName: "k3s-ha etcd CA" },
      isCaCertificate: true,
      setSubjectKeyId: true,
      allowedUses: ["cert_signing", "crl_signing", "digital_signature"],
      validityPeriodHours: 10 * hoursPerYear,
    },
    opts,
  );
  return { certificate: certPem, privateKey: key.privateKeyPem };
}

/** A member's certificate for exactly its address. It serves clients and other members with it, and connects to members with it. */
export function memberCertificate(
  name: string,
  authority: EtcdAuthority,
  address: pulumi.Input<string>,
  rotation: string | undefined,
  parent: pulumi.Resource,
): EtcdCertificate {
  return signed(name, authority, rotation, parent, {
    request: { subject: { commonName: memberCommonName }, ipAddresses: [address] },
    uses: ["server_auth", "client_auth", "digital_signature", "key_encipherment"],
  });
}

/** A client's certificate. */
export function clientCertificate(
  name: string,
  authority: EtcdAuthority,
  commonName: string,
  rotation: string | undefined,
  parent: pulumi.Resource,
): EtcdCertificate {
  return signed(name, authority, rotation, parent, {
    request: { subject: { commonName } },
    uses: ["client_auth", "digital_signature", "key_encipherment"],
  });
}

function signed(
  name: string,
  authority: EtcdAuthority,
  rotation: string | undefined,
  parent: pulumi.Resource,
  { request, uses }: { request: Omit<tls.CertRequestArgs, "privateKeyPem">; uses: string[] },
): EtcdCertificate {
  const opts = { parent, protect: false };
  const key = new tls.PrivateKey(`${name}-key${rotation === undefined ? "" : `-${rotation}`}`, keyKind, opts);
  const { certRequestPem } = new tls.CertRequest(
    `${name}-request`,
    { ...request, privateKeyPem: key.privateKeyPem },
    opts,
  );
  const { certPem } = new tls.LocallySignedCert(
    `${name}-certificate`,
    {
      certRequestPem,
      caCertPem: authority.certificate,
      caPrivateKeyPem: authority.privateKey,
      allowedUses: uses,
      ...lifetime,
    },
    opts,
  );
  return { certificate: certPem, privateKey: key.privateKeyPem };
}
