import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import * as tls from "@pulumi/tls";

/** Options of {@link ClusterIdentity}. Every field has a default. */
export interface ClusterIdentityArgs {
  /** Organization in the subjects of the certificates. Default: the name of the stack. */
  organization?: string;
  /** Any value. A change rotates the health certificate and its key. Default: none. */
  healthRotation?: string | undefined;
  /** Hours that the health certificate is good for; an `up` in their second half renews it. Default: 87,660, ten years. */
  healthHours?: number;
}

/** A certificate authority: its certificate and the key that signs with it, as PEM. */
export interface CertificateAuthority {
  certificate: pulumi.Output<string>;
  privateKey: pulumi.Output<string>;
}

/** A client's certificate and key, as PEM. */
export interface ClientCertificate {
  certificate: pulumi.Output<string>;
  privateKey: pulumi.Output<string>;
}

const hoursPerYear = 8766;

/** As long as the CAs that K3s makes itself. A CA is not renewed by an `up`: the whole cluster trusts it. */
const authorityYears = 10;

/**
 * The load balancer's health certificate may read `/readyz` and nothing else, and its end would take every server out of
 * rotation. So it lives long, and any `up` in its second half renews it.
 */
const healthHoursByDefault = 10 * hoursPerYear;

/** The administrator's certificate opens everything: one year, renewed by an `up` in the last three months. */
const adminYears = 1;

/**
 * Who the cluster is: its tokens and certificate authorities, all made before any host is touched. Everything that a
 * client needs to trust the cluster, and a server to become part of it, is therefore known in advance, and a cluster
 * can be rebuilt from the stack's state and a dump of its datastore.
 */
export class ClusterIdentity extends pulumi.ComponentResource {
  /** A random id of this cluster, different from that of an earlier cluster of the same stack. Not secret. */
  readonly id: pulumi.Output<string>;
  /** The token that servers join with; it also encrypts the cluster's keys in the datastore. 48 letters and digits, about 285 bits. */
  readonly token: pulumi.Output<string>;
  /** The token that agents join with. It does not allow a host to become a server or to decrypt anything. */
  readonly agentToken: pulumi.Output<string>;
  /** The token with the hash of the server CA before it: who joins with it refuses any other cluster. */
  readonly joinToken: pulumi.Output<string>;
  /** The agent token, pinned to the server CA in the same way. */
  readonly agentJoinToken: pulumi.Output<string>;
  /** Signs what servers show to clients. */
  readonly serverAuthority: CertificateAuthority;
  /** Signs what clients show to servers. */
  readonly clientAuthority: CertificateAuthority;
  /** Signs what the API server shows to aggregated API servers. */
  readonly requestHeaderAuthority: CertificateAuthority;
  /** Signs service account tokens; PEM. */
  readonly serviceAccountKey: pulumi.Output<string>;
  /** For the load balancer's readiness check: any authenticated client may read `/readyz`. */
  readonly healthCertificate: ClientCertificate;
  /** For the kubeconfig: the group system:masters. */
  readonly adminCertificate: ClientCertificate;

  constructor(name: string, args: ClusterIdentityArgs = {}, opts?: pulumi.ComponentResourceOptions) {
    super("k3s-ha:index:ClusterIdentity", name, args, opts);
    const { organization = pulumi.getStack(), healthHours = healthHoursByDefault } = args;

    this.id = new random.RandomUuid(`${name}-id`, {}, { parent: this }).result;
    const token = (child: string) =>
      new random.RandomPassword(`${name}-${child}`, { length: 48, special: false }, { parent: this }).result;
    this.token = token("token");
    this.agentToken = token("agent-token");

    const authority = (child: string, commonName: string): CertificateAuthority => {
      const key = ecKey(`${name}-${child}-key`, this);
      const certificate = new tls.SelfSignedCert(
        `${name}-${child}`,
        {
          privateKeyPem: key,
          subject: { commonName, organization },
          isCaCertificate: true,
          setSubjectKeyId: true,
          allowedUses: ["cert_signing", "crl_signing", "digital_signature"],
          validityPeriodHours: authorityYears * hoursPerYear,
        },
        { parent: this },
      );
      return { certificate: certificate.certPem, privateKey: key };
    };
    this.serverAuthority = authority("server-ca", "k3s-server-ca");
    this.clientAuthority = authority("client-ca", "k3s-client-ca");
    this.requestHeaderAuthority = authority("request-header-ca", "k3s-request-header-ca");
    this.serviceAccountKey = new tls.PrivateKey(
      `${name}-service-account-key`,
      { algorithm: "RSA", rsaBits: 2048 },
      { parent: this },
    ).privateKeyPem;

    const client = (
      child: string,
      subject: tls.types.input.CertRequestSubject,
      hours: number,
      renewAtHours: number,
      rotation?: string,
    ) => {
      const key = ecKey(`${name}-${child}-key${rotation === undefined ? "" : `-${rotation}`}`, this);
      const request = new tls.CertRequest(
        `${name}-${child}-request`,
        { privateKeyPem: key, subject },
        { parent: this },
      );
      const certificate = new tls.LocallySignedCert(
        `${name}-${child}`,
        {
          certRequestPem: request.certRequestPem,
          caCertPem: this.clientAuthority.certificate,
          caPrivateKeyPem: this.clientAuthority.privateKey,
          allowedUses: ["client_auth", "digital_signature", "key_encipherment"],
          validityPeriodHours: hours,
          earlyRenewalHours: renewAtHours,
        },
        { parent: this },
      );
      return { certificate: certificate.certPem, privateKey: key };
    };
    this.healthCertificate = client(
      "health",
      { commonName: "haproxy-health" },
      healthHours,
      Math.ceil(healthHours / 2),
      args.healthRotation,
    );
    this.adminCertificate = client(
      "admin",
      { commonName: "k3s-ha-admin", organization: "system:masters" },
      adminYears * hoursPerYear,
      90 * 24,
    );

    // K3s hashes the file as it lies on the server, last newline included.
    const caHash = this.serverAuthority.certificate.apply((pem) => createHash("sha256").update(pem).digest("hex"));
    this.joinToken = pulumi.secret(pulumi.interpolate`K10${caHash}::server:${this.token}`);
    this.agentJoinToken = pulumi.secret(pulumi.interpolate`K10${caHash}::node:${this.agentToken}`);

    this.registerOutputs({
      id: this.id,
      token: this.token,
      agentToken: this.agentToken,
      joinToken: this.joinToken,
      agentJoinToken: this.agentJoinToken,
      serverAuthority: this.serverAuthority,
      clientAuthority: this.clientAuthority,
      requestHeaderAuthority: this.requestHeaderAuthority,
      serviceAccountKey: this.serviceAccountKey,
      healthCertificate: this.healthCertificate,
      adminCertificate: this.adminCertificate,
    });
  }
}

/** A P-256 key as PKCS#8-free "EC PRIVATE KEY" PEM, the form that K3s reads its CA keys in. */
function ecKey(name: string, parent: pulumi.Resource): pulumi.Output<string> {
  return new tls.PrivateKey(name, { algorithm: "ECDSA", ecdsaCurve: "P256" }, { parent }).privateKeyPem;
}
