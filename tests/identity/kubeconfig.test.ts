// Proves what the kubeconfig says. That kubectl gets in with it, the sandbox proves.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { renderKubeconfig } from "../../components/identity/kubeconfig.ts";
import { assertGolden } from "../support/golden.ts";

const kubeconfig = {
  name: "k3s-dev",
  server: "https://198.51.100.30:6443",
  caCertificate: "(PEM of the CA)\n",
  clientCertificate: "(PEM of the certificate)\n",
  clientKey: "(PEM of the key)\n",
};

describe("renderKubeconfig", () => {
  it("reads like this", () => {
    assertGolden("kubeconfig", renderKubeconfig(kubeconfig));
  });

  it("holds the PEM texts as kubectl decodes them", () => {
    const { clusters, users } = JSON.parse(renderKubeconfig(kubeconfig)) as {
      clusters: { cluster: Record<string, string> }[];
      users: { user: Record<string, string> }[];
    };
    const decoded = (text?: string) => Buffer.from(text ?? "", "base64").toString();
    assert.equal(decoded(clusters[0]?.cluster["certificate-authority-data"]), kubeconfig.caCertificate);
    assert.equal(decoded(users[0]?.user["client-certificate-data"]), kubeconfig.clientCertificate);
    assert.equal(decoded(users[0]?.user["client-key-data"]), kubeconfig.clientKey);
  });
});
