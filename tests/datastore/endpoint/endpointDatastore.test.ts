// Proves what a datastore gives of which nothing but its endpoint is known, by its engine, and what is made of a stack in
// which MySQLDatastore was the component of every engine. That K3s lives on each, the sandbox proves.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import type { ProvisionedDatastore } from "../../../components/datastore/datastore.ts";
import { provisionDatastore } from "../../../components/datastore/datastoreKinds.ts";
import type { EndpointKindArgs } from "../../../components/datastore/endpoint/endpointKind.ts";
import { exampleCa } from "../../config/exampleCa.ts";
import { assertSafeCommands } from "../../support/commandRules.ts";
import { deploy, leaks, resourceNamed, scriptOf, tree } from "../../support/deploy.ts";
import { valueOf } from "../../support/outputs.ts";
import { sampleHost } from "../../support/sampleHosts.ts";

const token = "0123456789abcdef-token";
const caCertificate = readFileSync(exampleCa, "utf8");
const servers = { "server-1": sampleHost(11), "server-2": sampleHost(12) };

function makeEndpoint(changes: Partial<EndpointKindArgs> = {}): ProvisionedDatastore {
  const endpoint = {
    engine: "mysql" as const,
    endpoint: "mysql://mine:hunter2@tcp(db.example.com:3307)/mine",
    caCertificate,
    ...changes,
  };
  return provisionDatastore("datastore", { endpoint }, { servers, token: pulumi.secret(token) });
}

const clientCertificate = { certificate: "(certificate mine)\n", privateKey: pulumi.secret("(private key mine)\n") };

describe("an endpoint of MySQL", () => {
  it("is checked and backed up as K3s's user, and nothing is created on it", async () => {
    const deployment = await deploy(() => makeEndpoint());
    assert.equal(
      tree(deployment),
      "datastore  k3s-ha:index:MySQLDatastore\n  datastore-preflight  command:remote:Command\n",
    );
    assertSafeCommands(deployment, [token, "hunter2"]);
    const { backup, endpoint, admits } = deployment.result;
    assert.ok(backup !== undefined);
    assert.equal(await pulumi.isSecret(endpoint), true);
    assert.deepEqual(admits, {});
    const { database, source } = await valueOf(backup.settings);
    assert.deepEqual([database, source], ["mine", "db.example.com:3307"]);
    assert.match((await valueOf(backup.secretFiles))[0]?.content ?? "", /^user="mine"\npassword="hunter2"$/m);
    assert.equal(await pulumi.isSecret(backup.settings), false);
    assert.equal(await pulumi.isSecret(backup.secretFiles), true);
    assert.match(
      scriptOf(resourceNamed(deployment, "datastore-preflight")),
      /^database_setting=k3s-ha:datastoreEndpoint$/m,
    );
  });

  it("has no backup where K3s logs in with a certificate", async () => {
    const deployment = await deploy(() => makeEndpoint({ clientCertificate }));
    assert.equal(deployment.result.backup, undefined);
  });
});

const others: [engine: EndpointKindArgs["engine"], type: string, endpoint: string, shows: RegExp][] = [
  [
    "postgres",
    "k3s-ha:index:PostgresDatastore",
    "postgres://mine:hunter2@db-1.example.com:5432/mine",
    /^login=\(PGHOST=db-1\.example\.com PGPORT=5432 PGUSER=mine /m,
  ],
  [
    "etcd",
    "k3s-ha:index:EtcdDatastore",
    "https://etcd-1:2379,https://etcd-2:2379",
    /^addresses=\(etcd-1:2379 etcd-2:2379\)$/m,
  ],
];
for (const [engine, type, endpoint, shows] of others) {
  describe(`an endpoint of ${engine}`, () => {
    it("has a component of its own, takes a client certificate, and has no backup", async () => {
      const deployment = await deploy(() => makeEndpoint({ engine, endpoint, clientCertificate }));
      assert.equal(tree(deployment), `datastore  ${type}\n  datastore-preflight  command:remote:Command\n`);
      const script = scriptOf(resourceNamed(deployment, "datastore-preflight"));
      assert.match(script, shows);
      assert.match(script, /^client_certificate=.*certificate mine/m);
      assert.match(script, /^client_key=.*private key mine/m);
      assert.deepEqual(leaks(deployment, ["(private key mine)", "hunter2"]), []);
      const { servers: needs, backup } = deployment.result;
      assert.deepEqual(needs.config, {
        "datastore-cafile": "/etc/rancher/k3s/datastore-ca.crt",
        "datastore-certfile": "/etc/rancher/k3s/datastore-client.crt",
        "datastore-keyfile": "/etc/rancher/k3s/datastore-client.key",
      });
      assert.deepEqual(
        (await valueOf(needs.secretFiles)).map(({ content }) => content),
        [caCertificate, "(certificate mine)\n", "(private key mine)\n"],
      );
      assert.equal(backup, undefined);
    });
  });
}
