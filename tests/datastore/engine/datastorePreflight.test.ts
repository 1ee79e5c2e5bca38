// Proves on a real MariaDB, over verified TLS, what the preflight finds out and how it says so, and that any password
// which the configuration accepts logs in.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import { datastoreEndpointFault } from "../../../components/config/datastoreEndpoint.ts";
import { renderClientOptions } from "../../../components/datastore/engine/clientOptions.ts";
import { renderMysqlDsn } from "../../../components/datastore/engine/datastoreDsn.ts";
import { parseDatastoreEndpoint } from "../../../components/datastore/engine/datastoreEndpoint.ts";
import { renderHostScript } from "../../../components/host/hostScript.ts";
import { DatabaseServer } from "../../toolchain/plugins/databaseServer.ts";
import { type BashResult, runBash } from "../../support/bash.ts";
import { makeAuthority, makeCertificate } from "../../support/certificates.ts";
import { definitionsOf } from "../../support/hostFiles.ts";
import { hostilePassword } from "../../support/hostilePassword.ts";
import { engineScripts } from "../../../components/datastore/engine/scripts.ts";

const privileges = "SELECT, INSERT, UPDATE, DELETE, CREATE, INDEX";

let directory: string;
let server: DatabaseServer;
let authority: string;
let stranger: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "datastore-preflight-"));
  const ca = await makeAuthority(directory, "ca");
  const own = await makeCertificate(directory, "database", ca, "IP:127.0.0.1");
  const text = (path: string) => readFile(path, "utf8");
  [authority, stranger] = await Promise.all([
    text(ca.certificate),
    makeAuthority(directory, "stranger").then(({ certificate }) => text(certificate)),
  ]);
  server = await DatabaseServer.start(await text(own.certificate), await text(own.key), "administrator");
  await server.query("CREATE DATABASE k3s CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci");
  await server.query("CREATE USER 'k3s'@'127.0.0.1' IDENTIFIED BY 'secret' REQUIRE SSL");
  await server.query(`GRANT ${privileges} ON k3s.* TO 'k3s'@'127.0.0.1'`);
});

after(async () => {
  await server.stop();
  await rm(directory, { recursive: true });
});

/** Checks the server as a host would, by an endpoint. */
function preflight(
  endpoint: string,
  { ca = authority, servers = 1 }: { ca?: string; servers?: number } = {},
): Promise<BashResult> {
  assert.equal(datastoreEndpointFault(endpoint), undefined);
  const parts = parseDatastoreEndpoint(endpoint);
  assert.ok(parts !== undefined);
  const { addresses, user, password, database } = parts;
  const script = renderHostScript({
    body: engineScripts.datastorePreflight,
    parts: [engineScripts.clientFiles, engineScripts.databaseClient],
    variables: {
      host_name: "server-1",
      database,
      database_user: user,
      database_address: "the database",
      database_setting: "k3s-ha:datastoreEndpoint",
      engine: "",
      expected_plugin: "",
      needed_connections: 60 * servers,
      connections_per_server: 60,
      token_fingerprint: "0123456789ab",
      client_options: renderClientOptions({ address: addresses[0].host, port: addresses[0].port, user, password }),
      ca_certificate: ca,
      client_certificate: "",
      client_key: "",
    },
  });
  return runBash(`${definitionsOf(script)}lock_host() { :; }\ninstall_packages() { :; }\napply\n`);
}

const endpointOf = (login: Partial<Parameters<typeof renderMysqlDsn>[0]> = {}) =>
  renderMysqlDsn({
    address: "127.0.0.1",
    port: server.port,
    database: "k3s",
    user: "k3s",
    password: "secret",
    ...login,
  });

describe("the preflight of a real MariaDB", () => {
  it("finds nothing wrong", async () => {
    assert.deepEqual(await preflight(endpointOf()), { exitCode: 0, stdout: "", stderr: "" });
  });

  it("tells a certificate of another CA, and one for another address", async () => {
    const { stderr } = await preflight(endpointOf(), { ca: stranger });
    assert.match(
      stderr,
      /^server-1: the certificate of the database server at the database cannot be verified \(.*certificate.*\)\. The configured CA has to have signed it, and it has to name exactly the configured address\.$/m,
    );
    assert.match(
      (await preflight(endpointOf({ address: "localhost" }))).stderr,
      /the certificate of the database server at the database cannot be verified/,
    );
  });

  it("tells a wrong password without showing it, and a server that is not there", async () => {
    const { stderr } = await preflight(endpointOf({ password: "hunter2" }));
    assert.match(stderr, /^server-1: .* refuses the user k3s from this host \(Access denied .*\)\. Check the/);
    assert.doesNotMatch(stderr, /hunter2/);
    assert.match(
      (await preflight(endpointOf({ port: 1 }))).stderr,
      /^server-1: .* cannot be reached from this host \(/,
    );
  });

  it("tells a missing schema, missing privileges, gaps, too few connections and another cluster, all with a remedy", async () => {
    assert.match((await preflight(endpointOf({ database: "other" }))).stderr, /the schema "other" does not exist, or/);
    await server.query("REVOKE INDEX ON k3s.* FROM 'k3s'@'127.0.0.1'");
    await server.query("SET GLOBAL auto_increment_increment = 2");
    await server.query("CREATE TABLE k3s.kine (name VARCHAR(630))");
    await server.query("INSERT INTO k3s.kine VALUES ('/bootstrap/ba9876543210')");
    try {
      const { stderr } = await preflight(endpointOf(), { servers: 3 });
      const sentences = stderr.trimEnd().split("\n");
      assert.deepEqual(
        sentences.map((sentence) => sentence.replace(/^server-1: /, "").slice(0, 24)),
        [
          "auto_increment_increment",
          "max_connections is 151; ",
          "the user k3s lacks INDEX",
          'the schema "k3s" holds a',
        ],
      );
    } finally {
      await server.query("SET GLOBAL auto_increment_increment = 1");
      await server.query("DROP TABLE k3s.kine");
      await server.query(`GRANT ${privileges} ON k3s.* TO 'k3s'@'127.0.0.1'`);
    }
  });
});

describe("any password that the configuration accepts", () => {
  it("logs in to MariaDB, from the endpoint as it is", async () => {
    await server.query("CREATE USER 'any'@'127.0.0.1' IDENTIFIED BY 'x' REQUIRE SSL");
    await server.query(`GRANT ${privileges} ON k3s.* TO 'any'@'127.0.0.1'`);
    await fc.assert(
      fc.asyncProperty(hostilePassword, async (password) => {
        const endpoint = endpointOf({ user: "any", password });
        fc.pre(datastoreEndpointFault(endpoint) === undefined);
        await server.query(`SET PASSWORD FOR 'any'@'127.0.0.1' = PASSWORD(${sqlString(password)})`);
        assert.equal((await preflight(endpoint)).stderr, "");
      }),
      { numRuns: 25 },
    );
  });
});

function sqlString(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
}
