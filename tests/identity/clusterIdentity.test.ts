// Proves which keys and certificates are asked for, and that what joins or opens the cluster is secret. That K3s takes
// them, the sandbox proves.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { before, describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { ClusterIdentity } from "../../components/identity/clusterIdentity.ts";
import { deploy, type Deployment, leaks, resourceNamed, tree } from "../support/deploy.ts";
import { assertRegistersItsFields, valueOf } from "../support/outputs.ts";
import { isSecret, reveal } from "../support/wire.ts";

describe("ClusterIdentity", () => {
  let deployment: Deployment<ClusterIdentity>;
  before(async () => {
    deployment = await deploy(() => new ClusterIdentity("cluster"));
  });
  const inputsOf = (name: string) => resourceNamed(deployment, name).inputs;

  it("is made of these", () => {
    assert.equal(
      tree(deployment),
      `cluster  k3s-ha:index:ClusterIdentity
  cluster-admin  tls:index/locallySignedCert:LocallySignedCert
  cluster-admin-key  tls:index/privateKey:PrivateKey
  cluster-admin-request  tls:index/certRequest:CertRequest
  cluster-agent-token  random:index/randomPassword:RandomPassword
  cluster-client-ca  tls:index/selfSignedCert:SelfSignedCert
  cluster-client-ca-key  tls:index/privateKey:PrivateKey
  cluster-health  tls:index/locallySignedCert:LocallySignedCert
  cluster-health-key  tls:index/privateKey:PrivateKey
  cluster-health-request  tls:index/certRequest:CertRequest
  cluster-id  random:index/randomUuid:RandomUuid
  cluster-request-header-ca  tls:index/selfSignedCert:SelfSignedCert
  cluster-request-header-ca-key  tls:index/privateKey:PrivateKey
  cluster-server-ca  tls:index/selfSignedCert:SelfSignedCert
  cluster-server-ca-key  tls:index/privateKey:PrivateKey
  cluster-service-account-key  tls:index/privateKey:PrivateKey
  cluster-token  random:index/randomPassword:RandomPassword
`,
    );
  });

  it("touches no host", () => {
    assert.deepEqual(
      deployment.resources.filter(({ type }) => type.startsWith("command:")),
      [],
    );
  });

  it("makes tokens that no tool has to quote, of far more than 128 bits", () => {
    for (const name of ["cluster-token", "cluster-agent-token"]) {
      assert.deepEqual(inputsOf(name), { length: 48, special: false });
    }
  });

  it("makes authorities with what K3s asks of one", () => {
    for (const authority of ["server-ca", "client-ca", "request-header-ca"]) {
      const key = inputsOf(`cluster-${authority}-key`);
      assert.deepEqual([key["algorithm"], key["ecdsaCurve"]], ["ECDSA", "P256"]);
      const certificate = inputsOf(`cluster-${authority}`);
      assert.deepEqual(certificate["subject"], { commonName: `k3s-${authority}`, organization: "test" });
      assert.equal(certificate["isCaCertificate"], true);
      assert.deepEqual(certificate["allowedUses"], ["cert_signing", "crl_signing", "digital_signature"]);
      assert.equal(reveal(certificate["privateKeyPem"]), `(private key cluster-${authority}-key)\n`);
    }
    const key = inputsOf("cluster-service-account-key");
    assert.deepEqual([key["algorithm"], key["rsaBits"]], ["RSA", 2048]);
  });

  it("signs the load balancer's certificate and the administrator's with the client authority, for clients only", () => {
    for (const client of ["health", "admin"]) {
      const certificate = inputsOf(`cluster-${client}`);
      assert.equal(certificate["caCertPem"], "(certificate cluster-client-ca)\n");
      assert.equal(reveal(certificate["caPrivateKeyPem"]), "(private key cluster-client-ca-key)\n");
      assert.deepEqual(certificate["allowedUses"], ["client_auth", "digital_signature", "key_encipherment"]);
      assert.notEqual(certificate["isCaCertificate"], true);
    }
  });

  it("gives the load balancer no group, and the administrator the one that may do everything", () => {
    assert.deepEqual(inputsOf("cluster-health-request")["subject"], { commonName: "haproxy-health" });
    assert.deepEqual(inputsOf("cluster-admin-request")["subject"], {
      commonName: "k3s-ha-admin",
      organization: "system:masters",
    });
  });

  it("renews a certificate in whole hours, before it ends, and no authority ever", () => {
    for (const client of ["health", "admin"]) {
      const { validityPeriodHours: valid, earlyRenewalHours: early } = inputsOf(`cluster-${client}`);
      assert.ok(Number.isInteger(valid) && Number.isInteger(early), client);
      assert.ok(Number(early) > 24 * 30 && Number(early) < Number(valid), client);
    }
    for (const authority of ["server-ca", "client-ca", "request-header-ca"]) {
      assert.equal(inputsOf(`cluster-${authority}`)["earlyRenewalHours"], undefined);
    }
  });

  it("pins what servers and agents join with to the server authority", async () => {
    const { joinToken, agentJoinToken } = deployment.result;
    const hash = createHash("sha256").update("(certificate cluster-server-ca)\n").digest("hex");
    assert.equal(await valueOf(joinToken), `K10${hash}::server:cluster-token-result`);
    assert.equal(await valueOf(agentJoinToken), `K10${hash}::node:cluster-agent-token-result`);
  });

  it("keeps tokens and keys secret, and certificates readable", async () => {
    const { result } = deployment;
    const secret = [
      result.token,
      result.agentToken,
      result.joinToken,
      result.agentJoinToken,
      result.serviceAccountKey,
      ...[result.serverAuthority, result.clientAuthority, result.requestHeaderAuthority].map((each) => each.privateKey),
      ...[result.healthCertificate, result.adminCertificate].map((each) => each.privateKey),
    ];
    for (const output of secret) assert.equal(await pulumi.isSecret(output), true);
    for (const output of [result.serverAuthority.certificate, result.id])
      assert.equal(await pulumi.isSecret(output), false);
    assert.deepEqual(leaks(deployment), []);
    for (const { name, inputs } of deployment.resources) {
      for (const [input, value] of Object.entries(inputs)) {
        if (/[kK]eyPem$/.test(input)) assert.ok(isSecret(value), `${name}.${input}`);
      }
    }
  });

  it("registers its fields as its outputs", () => {
    assertRegistersItsFields(deployment, "cluster", deployment.result);
  });

  it("takes another organization than the stack's name", async () => {
    const other = await deploy(() => new ClusterIdentity("cluster", { organization: "example" }));
    assert.deepEqual(resourceNamed(other, "cluster-server-ca").inputs["subject"], {
      commonName: "k3s-server-ca",
      organization: "example",
    });
  });

  it("can be previewed when nothing exists", async () => {
    const preview = await deploy(() => new ClusterIdentity("cluster"), { preview: "first" });
    assert.equal(tree(preview), tree(deployment));
  });
});
