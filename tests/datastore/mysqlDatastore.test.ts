// Proves how the datastore is set up, in which order, and that its passwords and keys are nowhere in the clear. That
// MariaDB takes settings and accounts, tests/datastore/{engine,managed} prove; that K3s lives on it, the sandbox.
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { renderAccessSql } from "../../components/datastore/engine/accessSql.ts";
import { shellQuote } from "../../components/host/shell.ts";
import type { ManagedDatastoreArgs } from "../../components/datastore/managed/managedDatastore.ts";
import { MySQLDatastore, type MySQLDatastoreArgs } from "../../components/datastore/mysqlDatastore.ts";
import { assertSafeCommands, isShown } from "../support/commandRules.ts";
import { commandsOf, deploy, type Deployment, resourceNamed, scriptOf, tree } from "../support/deploy.ts";
import { fileOf } from "../support/hostFiles.ts";
import { assertRegistersItsFields, valueOf } from "../support/outputs.ts";
import { sampleHost } from "../support/sampleHosts.ts";
import { isSecret, isUnknown, reveal } from "../support/wire.ts";

const token = "0123456789abcdef-token";

const servers = { "server-1": sampleHost(11), "server-2": sampleHost(12) };

function makeDatastore(
  managed: Partial<ManagedDatastoreArgs> = {},
  changes: Partial<MySQLDatastoreArgs> = {},
): MySQLDatastore {
  return new MySQLDatastore("datastore", {
    managed: { host: sampleHost(20), hostName: "db-1", ...managed },
    servers,
    token: pulumi.secret(token),
    ...changes,
  });
}

const commandNames = [
  "packages",
  "tls",
  "server",
  "schema-db-1-k3s",
  "access",
  "client-198.51.100.11",
  "preflight",
].map((name) => `datastore-${name}`);

describe("MySQLDatastore", () => {
  let deployment: Deployment<MySQLDatastore>;
  before(async () => {
    deployment = await deploy(makeDatastore);
  });
  const script = (name: string, of: Deployment<unknown> = deployment) => scriptOf(resourceNamed(of, name));

  it("is made of these", () => {
    assert.equal(
      tree(deployment),
      `datastore  k3s-ha:index:MySQLDatastore
  datastore-access  command:remote:Command
  datastore-backup-client-198.51.100.20  command:remote:Command
  datastore-backup-password  random:index/randomPassword:RandomPassword
  datastore-ca  tls:index/selfSignedCert:SelfSignedCert
  datastore-ca-key  tls:index/privateKey:PrivateKey
  datastore-certificate  tls:index/locallySignedCert:LocallySignedCert
  datastore-client-198.51.100.11  command:remote:Command
  datastore-client-198.51.100.12  command:remote:Command
  datastore-k3s-password  random:index/randomPassword:RandomPassword
  datastore-key  tls:index/privateKey:PrivateKey
  datastore-packages  command:remote:Command
  datastore-preflight  command:remote:Command
  datastore-request  tls:index/certRequest:CertRequest
  datastore-schema-db-1-k3s  command:remote:Command
  datastore-server  command:remote:Command
  datastore-tls  command:remote:Command
`,
    );
  });

  it("acts on its host safely", () => {
    assertSafeCommands(deployment, [token]);
  });

  it("installs, places its certificate, starts, lets users in, and is checked, one after the other", () => {
    for (const [index, name] of commandNames.slice(1).entries()) {
      const before = commandNames[index] ?? "";
      assert.ok(resourceNamed(deployment, name).dependencies.includes(before), `${name} after ${before}`);
      assert.ok(resourceNamed(deployment, name).started > resourceNamed(deployment, before).ended);
    }
  });

  it("has a certificate for exactly the address in its endpoint", async () => {
    const inputs = resourceNamed(deployment, "datastore-request").inputs;
    assert.deepEqual(inputs["ipAddresses"], ["198.51.100.20"]);
    assert.equal(inputs["dnsNames"], undefined);
    assert.equal(
      await valueOf(deployment.result.endpoint),
      "mysql://k3s:datastore-k3s-password-result@tcp(198.51.100.20:3306)/k3s",
    );
    assert.equal(await valueOf(deployment.result.caCertificate), "(certificate datastore-ca)\n");
  });

  it("signs its certificate with its own authority, for a server only", () => {
    const { inputs } = resourceNamed(deployment, "datastore-certificate");
    assert.equal(inputs["caCertPem"], "(certificate datastore-ca)\n");
    assert.deepEqual(inputs["allowedUses"], ["server_auth", "digital_signature", "key_encipherment"]);
    assert.equal(inputs["isCaCertificate"], undefined);
  });

  it("keeps the endpoint and the backup's password secret, and all else readable", async () => {
    const { endpoint, caCertificate, backup } = deployment.result;
    assert.ok(backup !== undefined);
    assert.equal(await pulumi.isSecret(endpoint), true);
    assert.equal(await pulumi.isSecret(backup.secretFiles), true);
    assert.equal(await pulumi.isSecret(caCertificate), false);
    assert.equal(await pulumi.isSecret(backup.settings), false);
  });

  it("gives no endpoint before the datastore has proved itself", async () => {
    const { resources } = await deploy(() => {
      const { endpoint } = makeDatastore();
      return new pulumi.ComponentResource("test:index:Neighbour", "neighbour", { endpoint });
    });
    const ended = (name: string) => resources.find((resource) => resource.name === name)?.ended ?? Infinity;
    const neighbour = resources.find(({ name }) => name === "neighbour");
    assert.ok(neighbour !== undefined && neighbour.started > ended("datastore-preflight"));
    assert.ok(neighbour.dependencies.includes("datastore-preflight"));
  });

  it("gives each user its own password, and the backup's a login that may only read", () => {
    const users = [
      {
        user: "k3s",
        password: "datastore-k3s-password-result",
        addresses: ["198.51.100.11", "198.51.100.12"],
        privileges: ["SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "INDEX"],
      },
      {
        user: "k3s_backup",
        password: "datastore-backup-password-result",
        addresses: ["198.51.100.20"],
        privileges: ["SELECT"],
      },
    ];
    const sql = shellQuote(renderAccessSql("k3s", users));
    assert.ok(script("datastore-access").includes(`\naccess_sql=${sql}\n`));
  });

  it("drops exactly these users when it is deleted, and no data", () => {
    const sql = ["'k3s'@'198.51.100.11'", "'k3s'@'198.51.100.12'", "'k3s_backup'@'198.51.100.20'"]
      .map((account) => `DROP USER IF EXISTS ${account};`)
      .join("\n");
    assert.ok(script("datastore-access").includes(`\nremove_sql=${shellQuote(sql)}\n`));
  });

  it("shows what it places, except its secrets", () => {
    const shown = commandNames.filter((name) => isShown(resourceNamed(deployment, name)));
    assert.deepEqual(shown, [
      "datastore-packages",
      "datastore-server",
      "datastore-schema-db-1-k3s",
      "datastore-client-198.51.100.11",
    ]);
    for (const name of ["tls", "access", "preflight"]) {
      assert.ok(isSecret(resourceNamed(deployment, `datastore-${name}`).inputs["stdin"]), name);
    }
  });

  it("never sends the token to its host: a fingerprint does for the preflight", () => {
    assert.ok(!script("datastore-preflight").includes(token));
    assert.match(script("datastore-preflight"), /^token_fingerprint=[0-9a-f]{12}$/m);
  });

  it("restarts MariaDB when its certificate has changed", () => {
    assert.match(script("datastore-server"), /^tls_revision=revision-of-datastore-tls$/m);
  });

  it("opens its port to the backup, and to each server by a separate rule, which is removed with the server", async () => {
    const rules = await fileOf(script("datastore-server"), "/etc/k3s-ha/datastore-firewall.nft");
    assert.match(
      rules ?? "",
      /saddr \{ 198\.51\.100\.20 \} accept\n {4}include "\/etc\/k3s-ha\/datastore-clients\/\*\.nft"/,
    );
    assert.equal(
      await fileOf(script("datastore-client-198.51.100.12"), "/etc/k3s-ha/datastore-clients/client-198.51.100.12.nft"),
      "tcp dport 3306 ip saddr 198.51.100.12 accept\n",
    );
    assert.deepEqual(Object.keys(deployment.result.admits), ["server-1", "server-2"]);
  });

  it("lets in a server with an address of each family at that of the datastore's own", async () => {
    const both = { nodeAddress: "fd00::11", secondaryNodeAddress: "198.51.100.11" };
    const clientsAt = async (address: string) => {
      const host = { ...sampleHost(20), nodeAddress: address };
      const of = await deploy(() => makeDatastore({ host }, { servers: { "server-1": sampleHost(11, both) } }));
      return commandsOf(of).flatMap(({ name }) => /^datastore-client-(.+)$/.exec(name)?.[1] ?? []);
    };
    assert.deepEqual(await clientsAt("198.51.100.20"), ["198.51.100.11"]);
    assert.deepEqual(await clientsAt("fd00::20"), ["fd00--11"]);
  });

  it("has one resource for each address, for any host, so that no account is dropped while a client uses it", async () => {
    const clientsOf = (of: Deployment<unknown>) =>
      commandsOf(of).filter(({ name }) => name.startsWith("datastore-client-"));
    const moved = await deploy(() =>
      makeDatastore({}, { servers: { "server-2": sampleHost(11), "server-3": sampleHost(12) } }),
    );
    const [before, after] = [clientsOf(deployment), clientsOf(moved)];
    assert.deepEqual(
      after.map(({ name }) => name),
      before.map(({ name }) => name),
    );
    const withoutServer = (script: string) => script.replace(/^earlier_entry=.*$/m, "");
    for (const [index, each] of after.entries()) {
      assert.equal(withoutServer(scriptOf(each)), withoutServer(scriptOf(before[index] ?? assert.fail())));
    }
  });

  it("gives each rotation users, passwords and clients of its own, and locks those of before only if they leaked", async () => {
    const first = await deploy(() => makeDatastore({ credentialRotation: "first" }));
    const leaked = await deploy(() => makeDatastore({ credentialRotation: "first", areCredentialsLeaked: true }));
    const namesOf = (deployed: Deployment<unknown>) => new Set(deployed.resources.map(({ name }) => name));
    const plain = namesOf(deployment);
    const ofRotation = [...namesOf(first)].filter((name) => !plain.has(name));
    assert.deepEqual(
      ofRotation.sort(),
      [...plain]
        .filter((name) => !namesOf(first).has(name))
        .map((name) => `${name}-a7937b64`)
        .sort(),
    );
    assert.deepEqual(
      [...namesOf(leaked)].filter((name) => !namesOf(first).has(name)),
      ["datastore-leaked-accounts-a7937b64"],
    );
  });

  it("places no firewall when there is another", async () => {
    const without = await deploy(() => makeDatastore({ firewall: false }));
    assert.equal(await fileOf(script("datastore-server", without), "/etc/k3s-ha/datastore-firewall.nft"), undefined);
    assert.match(script("datastore-server", without), /^firewall=false$/m);
  });

  it("takes a port, a schema, a node address and another host for backups", async () => {
    const other = await deploy(() =>
      makeDatastore(
        {
          host: sampleHost(20, { address: "db.example.com", nodeAddress: "198.51.100.21" }),
          port: 3307,
          database: "cluster",
        },
        { backupAddress: "198.51.100.90" },
      ),
    );
    const { endpoint, backup } = other.result;
    assert.ok(backup !== undefined);
    assert.equal(await valueOf(endpoint), "mysql://k3s:datastore-k3s-password-result@tcp(198.51.100.21:3307)/cluster");
    const { database, source } = await valueOf(backup.settings);
    assert.deepEqual([database, source], ["cluster", "198.51.100.21:3307"]);
    assert.match((await valueOf(backup.secretFiles))[0]?.content ?? "", /^port=3307\nuser="k3s_backup"$/m);
    assert.deepEqual(resourceNamed(other, "datastore-request").inputs["ipAddresses"], ["198.51.100.21"]);
    assert.match(
      script("datastore-access", other),
      /GRANT SELECT ON `cluster`\.\* TO \S*k3s_backup\S*198\.51\.100\.90/,
    );
    assert.equal(
      (reveal(resourceNamed(other, "datastore-tls").inputs["connection"]) as { host: unknown }).host,
      "db.example.com",
    );
    const rules = await fileOf(script("datastore-server", other), "/etc/k3s-ha/datastore-firewall.nft");
    assert.match(rules ?? "", /tcp dport 3307 ip saddr \{ 198\.51\.100\.90 \} accept/);
  });

  it("offers each server the connections that the configuration gives it, and demands them", async () => {
    const other = await deploy(() => makeDatastore({}, { connectionsPerServer: 20 }));
    assert.match(script("datastore-server", other), /^max_connections = 82$/m);
    assert.match(script("datastore-server", other), /^max_connections='?82'?$/m);
    assert.match(script("datastore-preflight", other), /^needed_connections='?40'?\nconnections_per_server='?20'?$/m);
  });

  it("registers its fields as its outputs", () => {
    assertRegistersItsFields(deployment, "datastore", deployment.result);
  });

  it("can be previewed when nothing exists, and shows its settings once its certificate does", async () => {
    const first = await deploy(makeDatastore, { preview: "first" });
    assert.equal(tree(first), tree(deployment));
    assert.ok(isUnknown(resourceNamed(first, "datastore-access").inputs["stdin"]));
    assert.ok(isShown(resourceNamed(first, "datastore-packages")));
    const again = await deploy(makeDatastore, { preview: "again" });
    assert.ok(isShown(resourceNamed(again, "datastore-server")));
    assert.match(script("datastore-server", again), /^max_connections = 186$/m);
  });
});
