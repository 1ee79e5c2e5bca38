// Proves, on a real PostgreSQL and a real MariaDB over verified TLS, that `make status` asks a datastore that is none of the
// stack's exactly as K3s logs in to it, for every form of endpoint.
import assert from "node:assert/strict";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import { datastoreEndpointFault } from "../../components/config/datastoreEndpoint.ts";
import { renderK3sConfig } from "../../components/k3s/k3sConfig.ts";
import { type HostFacts, hostStatusScript, parseHostFacts } from "../../operations/status/hostFacts.ts";
import { runBash } from "../support/bash.ts";
import { type CertificateFiles, makeAuthority, makeCertificate } from "../support/certificates.ts";
import { definitionsOf } from "../support/hostFiles.ts";
import { hostilePassword } from "../support/hostilePassword.ts";
import { PostgresServer } from "../support/postgresServer.ts";
import { DatabaseServer } from "../toolchain/plugins/databaseServer.ts";

let directory: string;
let postgres: PostgresServer;
let mariadb: DatabaseServer;
/** What is in /etc/rancher/k3s of a server. */
let settings: string;
let client: CertificateFiles;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "remote-datastore-"));
  settings = join(directory, "k3s");
  await mkdir(join(settings, "config.yaml.d"), { recursive: true });
  const text = (path: string) => readFile(path, "utf8");
  const [ca, clientAuthority] = [await makeAuthority(directory, "ca"), await makeAuthority(directory, "clients")];
  const own = await makeCertificate(directory, "database", ca, "IP:127.0.0.1");
  client = await makeCertificate(directory, "certified", clientAuthority);
  await copyFile(ca.certificate, join(settings, "datastore-ca.crt"));
  [postgres, mariadb] = await Promise.all([
    PostgresServer.start({ own, clientAuthority }),
    DatabaseServer.start(
      await text(own.certificate),
      await text(own.key),
      "administrator",
      await text(clientAuthority.certificate),
    ),
  ]);
  const table = "CREATE TABLE kine (id BIGINT PRIMARY KEY, name VARCHAR(630), prev_revision BIGINT)";
  const rows = "INSERT INTO kine VALUES (1, 'compact_rev_key', 7), (9, '/registry/a', 0)";
  await postgres.query(`CREATE ROLE k3s LOGIN PASSWORD 'secret'; CREATE ROLE certified LOGIN PASSWORD 'secret';
CREATE ROLE "k3s@home:1/2" LOGIN PASSWORD 'secret'; CREATE DATABASE k3s`);
  await postgres.query(`${table}; ${rows}; GRANT SELECT ON kine TO PUBLIC`, "k3s");
  await mariadb.query("CREATE DATABASE k3s");
  await mariadb.query(table.replace("kine", "k3s.kine"));
  await mariadb.query(rows.replace("kine", "k3s.kine"));
  for (const [user, demand] of [
    ["k3s", "SSL"],
    ["certified", "X509"],
  ]) {
    await mariadb.query(`CREATE USER '${user}'@'127.0.0.1' IDENTIFIED BY 'secret' REQUIRE ${demand}`);
    await mariadb.query(`GRANT SELECT ON k3s.* TO '${user}'@'127.0.0.1'`);
  }
});

after(async () => {
  await Promise.all([postgres.stop(), mariadb.stop()]);
  await rm(directory, { recursive: true });
});

/** The report of a server whose K3s has this endpoint, with the logins `known`. */
async function ask(endpoint: string, known: readonly string[] = [endpoint]): Promise<HostFacts> {
  assert.equal(datastoreEndpointFault(endpoint), undefined);
  const secrets = renderK3sConfig({ token: "K10::server:hunter2", "datastore-endpoint": endpoint });
  await writeFile(join(settings, "config.yaml.d/90-k3s-ha-secrets.yaml"), secrets);
  const questions = { managedDatabase: undefined, datastoreEndpoints: known, virtualAddress: undefined };
  const script = hostStatusScript("server", questions, []).replaceAll("/etc/rancher/k3s", settings);
  const { stdout, stderr, exitCode } = await runBash(`${definitionsOf(script)}tell_remote_datastore\n`);
  assert.equal(exitCode, 0, stderr);
  assert.doesNotMatch(stdout + stderr, /secret|hunter2/);
  return parseHostFacts(stdout);
}

/** While the server has a client's certificate. */
async function certified(what: () => Promise<void>): Promise<void> {
  const files = [
    [client.certificate, join(settings, "datastore-client.crt")],
    [client.key, join(settings, "datastore-client.key")],
  ] as const;
  for (const [from, to] of files) await copyFile(from, to);
  try {
    await what();
  } finally {
    for (const [, path] of files) await rm(path);
  }
}

/** Asks as K3s would, and demands an answer. */
async function answers(endpoint: string, engine: string, known?: readonly string[]): Promise<void> {
  const { datastore, datastoreFault, hasUnknownDatastore } = await ask(endpoint, known);
  assert.equal(datastoreFault, undefined);
  assert.equal(hasUnknownDatastore, false);
  assert.deepEqual(
    [datastore?.engine, datastore?.rows, datastore?.revision, datastore?.compactionLag, datastore?.address],
    [engine, 2, 9, 2, engine === "PostgreSQL" ? `127.0.0.1:${postgres.port}` : undefined],
  );
}

const faultOf = async (endpoint: string) => (await ask(endpoint)).datastoreFault ?? "";

describe("a PostgreSQL is asked", () => {
  const at = () => `127.0.0.1:${postgres.port}`;

  it("with a client's certificate", () =>
    certified(() => answers(`postgres://certified:secret@${at()}/k3s`, "PostgreSQL")));

  it("at several hosts, and which one answered is told", () =>
    answers(`postgresql://k3s:secret@127.0.0.1:1,${at()}/k3s`, "PostgreSQL"));

  it("as a user whose name is percent-encoded", () =>
    answers(`postgres://k3s%40home%3A1%2F2:secret@${at()}/k3s`, "PostgreSQL"));

  it("at the host that the endpoint's parameters ask for", async () => {
    await answers(`postgres://k3s:secret@${at()}/k3s?target_session_attrs=primary`, "PostgreSQL");
    assert.match(
      await faultOf(`postgres://k3s:secret@${at()}/k3s?target_session_attrs=read-only`),
      /^connection to server at "127\.0\.0\.1", port \d+ failed: session is not read-only$/,
    );
  });

  it("at its own port where the endpoint has none, and at an IPv6 address", async () => {
    assert.match(await faultOf("postgres://k3s:secret@127.0.0.1/k3s"), /server at "127\.0\.0\.1", port 5432 failed: /);
    assert.match(await faultOf("postgres://k3s:secret@[::1]:1/k3s"), /server at "::1", port 1 failed: /);
  });

  it("in vain, and what each of its hosts said is told", async () => {
    assert.match(
      await faultOf(`postgres://k3s:wrong@127.0.0.1:1,${at()}/k3s`),
      /^connection to server at "127\.0\.0\.1", port 1 failed: Connection refused; connection to server at "127\.0\.0\.1", port \d+ failed: FATAL: +password authentication failed for user "k3s"$/,
    );
  });

  it("with any password that the configuration accepts", async () => {
    await postgres.query("CREATE ROLE anyone LOGIN");
    await fc.assert(
      fc.asyncProperty(hostilePassword, async (password) => {
        const sign = (each: string) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`;
        const encoded = encodeURIComponent(password).replace(/[!'()*]/g, sign);
        const endpoint = `postgres://anyone:${encoded}@${at()}/k3s`;
        fc.pre(datastoreEndpointFault(endpoint) === undefined);
        await postgres.query(`ALTER ROLE anyone PASSWORD '${password.replaceAll("'", "''")}'`);
        await answers(endpoint, "PostgreSQL");
      }),
      { numRuns: 10 },
    );
  });
});

describe("a MySQL or MariaDB is asked", () => {
  const at = () => `tcp(127.0.0.1:${mariadb.port})`;

  it("with a client's certificate", () =>
    certified(() => answers(`mysql://certified:secret@${at()}/k3s?timeout=5s`, "MariaDB")));

  it("where the endpoint has no port, and at an IPv6 address", async () => {
    assert.match(await faultOf("mysql://k3s:secret@tcp(127.0.0.1)/k3s"), /^ERROR \d+/);
    assert.match(await faultOf("mysql://k3s:secret@tcp([::1]:1)/k3s"), /^ERROR \d+ .*'::1'/);
  });

  it("with any password that the configuration accepts", async () => {
    await mariadb.query("CREATE USER 'anyone'@'127.0.0.1' REQUIRE SSL");
    await mariadb.query("GRANT SELECT ON k3s.* TO 'anyone'@'127.0.0.1'");
    await fc.assert(
      fc.asyncProperty(hostilePassword, async (password) => {
        const endpoint = `mysql://anyone:${password}@${at()}/k3s`;
        fc.pre(datastoreEndpointFault(endpoint) === undefined);
        const quoted = password.replaceAll("\\", "\\\\").replaceAll("'", "\\'");
        await mariadb.query(`ALTER USER 'anyone'@'127.0.0.1' IDENTIFIED BY '${quoted}'`);
        await answers(endpoint, "MariaDB");
      }),
      { numRuns: 10 },
    );
  });
});

describe("of the endpoints that are known", () => {
  const endpoint = () => `mysql://k3s:secret@tcp(127.0.0.1:${mariadb.port})/k3s`;
  const other = "postgres://k3s:hunter2@127.0.0.1:1/other";

  it("the one that K3s has there is asked, whichever that is", async () => {
    await answers(endpoint(), "MariaDB", [other, endpoint()]);
    await answers(endpoint(), "MariaDB", [endpoint(), other]);
  });

  it("none is asked when K3s has another one, and that is told", async () => {
    const { datastore, datastoreFault, hasUnknownDatastore } = await ask(endpoint(), [other]);
    assert.deepEqual([datastore, datastoreFault, hasUnknownDatastore], [undefined, undefined, true]);
  });

  it("an etcd is not queried, and not reported", async () => {
    const { datastore, datastoreFault, hasUnknownDatastore } = await ask("https://127.0.0.1:1,https://127.0.0.2:1");
    assert.deepEqual([datastore, datastoreFault, hasUnknownDatastore], [undefined, undefined, false]);
  });

  it("none reaches a host that is no server", () => {
    const questions = { managedDatabase: undefined, datastoreEndpoints: [other], virtualAddress: undefined };
    for (const role of ["agent", "loadBalancer", "datastore", "backup"] as const)
      assert.doesNotMatch(hostStatusScript(role, questions, []), /hunter2/);
    assert.match(hostStatusScript("server", questions, []), /hunter2/);
  });
});
