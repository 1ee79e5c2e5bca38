// Proves which resources a managed PostgreSQL is made of, in which order, and what each script is given. That a host accepts
// them, the sandbox proves.
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import type { ProvisionedDatastore } from "../../../components/datastore/datastore.ts";
import { ownDatastoreHost, provisionDatastore, statusPlace } from "../../../components/datastore/datastoreKinds.ts";
import type { ManagedPostgresArgs } from "../../../components/datastore/postgres/managedPostgres.ts";
import { assertSafeCommands } from "../../support/commandRules.ts";
import { deploy, type Deployment, resourceNamed, scriptOf, tree } from "../../support/deploy.ts";
import { valueOf } from "../../support/outputs.ts";
import { sampleHost } from "../../support/sampleHosts.ts";

const token = "0123456789abcdef-token";
const servers = { "server-1": sampleHost(11), "server-2": sampleHost(12) };

const managed = (changes: Partial<ManagedPostgresArgs> = {}) => ({
  managed: { engine: "postgres" as const, host: sampleHost(20), hostName: "db-1", ...changes },
});

const make = (changes: Partial<ManagedPostgresArgs> = {}): ProvisionedDatastore =>
  provisionDatastore("datastore", managed(changes), { servers, token: pulumi.secret(token) });

describe("a managed PostgreSQL", () => {
  let deployment: Deployment<ProvisionedDatastore>;
  before(async () => {
    deployment = await deploy(() => make());
  });

  const script = (name: string, of: Deployment<unknown> = deployment) => scriptOf(resourceNamed(of, name));

  it("consists of its host's steps, its certificate and its passwords", () => {
    assert.equal(
      tree(deployment),
      `datastore  k3s-ha:index:PostgresDatastore
  datastore-backup-password  random:index/randomPassword:RandomPassword
  datastore-ca  tls:index/selfSignedCert:SelfSignedCert
  datastore-ca-key  tls:index/privateKey:PrivateKey
  datastore-certificate  tls:index/locallySignedCert:LocallySignedCert
  datastore-k3s-password  random:index/randomPassword:RandomPassword
  datastore-key  tls:index/privateKey:PrivateKey
  datastore-postgres-backup-client-198.51.100.20  command:remote:Command
  datastore-postgres-client-198.51.100.11  command:remote:Command
  datastore-postgres-client-198.51.100.12  command:remote:Command
  datastore-postgres-database-db-1-k3s  command:remote:Command
  datastore-postgres-packages  command:remote:Command
  datastore-postgres-roles  command:remote:Command
  datastore-postgres-server  command:remote:Command
  datastore-postgres-tls  command:remote:Command
  datastore-preflight  command:remote:Command
  datastore-request  tls:index/certRequest:CertRequest
`,
    );
  });

  it("acts on its host safely", () => {
    assertSafeCommands(deployment, [token]);
  });

  it("is reached by K3s over verified TLS, with the password as a secret", async () => {
    const { endpoint, admits } = deployment.result;
    assert.equal(await pulumi.isSecret(endpoint), true);
    assert.equal(
      await valueOf(endpoint),
      "postgres://k3s:datastore-k3s-password-result@198.51.100.20:5432/k3s?sslmode=verify-full",
    );
    assert.deepEqual(Object.keys(admits), ["server-1", "server-2"]);
  });

  it("is checked from a server once its logins exist and every server is admitted", () => {
    const preflight = resourceNamed(deployment, "datastore-preflight");
    for (const name of ["roles", "client-198.51.100.11", "client-198.51.100.12"])
      assert.ok(preflight.dependencies.includes(`datastore-postgres-${name}`), name);
    assert.match(scriptOf(preflight), /^database_setting=k3s-ha:datastore\.managed\.database$/m);
  });

  it("keeps the database when the stack forgets it", () => {
    assert.equal(resourceNamed(deployment, "datastore-postgres-database-db-1-k3s").retainOnDelete, true);
  });

  it("is protected, except for what is renewed by being replaced", async () => {
    const isProtected = await deploy(() =>
      provisionDatastore("datastore", managed(), { servers, token: pulumi.secret(token) }, { protect: true }),
    );
    const free = isProtected.resources.filter(({ protect }) => !protect).map(({ name }) => name);
    assert.deepEqual(free.toSorted(), [
      "datastore-backup-password",
      "datastore-ca",
      "datastore-ca-key",
      "datastore-certificate",
      "datastore-k3s-password",
      "datastore-key",
      "datastore-postgres-database-db-1-k3s",
      "datastore-request",
    ]);
  });

  it("has no firewall where none is wanted", async () => {
    const open = await deploy(() => make({ firewall: false }));
    assert.match(script("datastore-postgres-server", open), /^firewall=false$/m);
    assert.doesNotMatch(script("datastore-postgres-server", open), /chain input/);
    assert.match(script("datastore-postgres-server"), /chain input/);
  });

  it("says of its host what has to be known of it", () => {
    assert.deepEqual(ownDatastoreHost(managed({ port: 5433 })), {
      databaseEngine: "postgres",
      schema: undefined,
      databasePort: 5433,
    });
    assert.deepEqual(statusPlace(managed()).ownDatabase, { engine: "postgres", name: "k3s" });
  });
});
