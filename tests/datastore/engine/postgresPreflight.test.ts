// Proves, on a real PostgreSQL, what is said of one that is not as K3s needs it, and that any password that the
// configuration accepts survives to a login. That K3s lives on one, the sandbox proves.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import { datastoreEndpointFault } from "../../../components/config/datastoreEndpoint.ts";
import { parseDatastoreEndpoint } from "../../../components/datastore/engine/datastoreEndpoint.ts";
import { libpqEnvironment } from "../../../components/datastore/engine/libpqEnvironment.ts";
import { renderHostScript } from "../../../components/host/hostScript.ts";
import { type BashResult, runBash } from "../../support/bash.ts";
import { makeAuthority, makeCertificate } from "../../support/certificates.ts";
import { definitionsOf } from "../../support/hostFiles.ts";
import { hostilePassword } from "../../support/hostilePassword.ts";
import { PostgresServer } from "../../support/postgresServer.ts";
import { engineScripts } from "../../../components/datastore/engine/scripts.ts";

let directory: string;
let server: PostgresServer;
let authority: string;
let stranger: string;
let client: { certificate: string; key: string };

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "postgres-preflight-"));
  const text = (path: string) => readFile(path, "utf8");
  const [ca, clientAuthority] = [await makeAuthority(directory, "ca"), await makeAuthority(directory, "clients")];
  const own = await makeCertificate(directory, "database", ca, "IP:127.0.0.1");
  const certified = await makeCertificate(directory, "certified", clientAuthority);
  client = { certificate: await text(certified.certificate), key: await text(certified.key) };
  authority = await text(ca.certificate);
  stranger = await text((await makeAuthority(directory, "stranger")).certificate);
  server = await PostgresServer.start({ own, clientAuthority });
  await server.query(`CREATE ROLE k3s LOGIN PASSWORD 'secret';
CREATE ROLE certified LOGIN PASSWORD 'secret';
CREATE ROLE stranger LOGIN PASSWORD 'secret';
CREATE ROLE someone;
CREATE DATABASE k3s OWNER k3s;
GRANT ALL ON DATABASE k3s TO certified;`);
  await server.query("GRANT CREATE ON SCHEMA public TO certified", "k3s");
});

after(async () => {
  await server.stop();
  await rm(directory, { recursive: true });
});

interface Look {
  ca?: string;
  client?: { certificate: string; key: string };
  servers?: number;
}

/** Checks the server as a host would, by an endpoint. */
function preflight(endpoint: string, look: Look = {}): Promise<BashResult> {
  assert.equal(datastoreEndpointFault(endpoint), undefined);
  const parts = parseDatastoreEndpoint(endpoint);
  assert.ok(parts !== undefined);
  const { user, database } = parts;
  const script = renderHostScript({
    body: engineScripts.postgresPreflight,
    parts: [engineScripts.clientFiles],
    variables: {
      host_name: "server-1",
      database,
      database_user: user,
      login: libpqEnvironment(parts),
      database_address: "its address",
      database_setting: "k3s-ha:datastoreEndpoint",
      needed_connections: 60 * (look.servers ?? 1),
      connections_per_server: 60,
      token_fingerprint: "0123456789ab",
      ca_certificate: look.ca ?? authority,
      client_certificate: look.client?.certificate ?? "",
      client_key: look.client?.key ?? "",
    },
  });
  return runBash(`${definitionsOf(script)}lock_host() { :; }\ninstall_packages() { :; }\napply\n`);
}

const endpointOf = ({
  user = "k3s",
  password = "secret",
  host = "127.0.0.1",
  port = server.port,
  database = "k3s",
} = {}) => `postgres://${user}:${encoded(password)}@${host}:${port}/${database}`;

/** Percent-encoded as the configuration asks for it. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** The sentence about a slow connection: on a busy machine it comes with any other. */
const slowness = /: a connection to PostgreSQL at its address takes \d+ s, /;

/** The sentences of a refusal. */
async function sentences(endpoint: string, look: Look = {}): Promise<string[]> {
  const { exitCode, stderr } = await preflight(endpoint, look);
  assert.equal(exitCode, 1);
  assert.doesNotMatch(stderr, /secret|hunter2/);
  return stderr
    .trimEnd()
    .split("\n")
    .filter((sentence) => !slowness.test(sentence));
}

/** What is refused while `sql` holds. */
async function whileTrue(sql: string, undo: string, endpoint = endpointOf(), look: Look = {}): Promise<string[]> {
  await server.query(sql, "k3s");
  try {
    return await sentences(endpoint, look);
  } finally {
    await server.query(undo, "k3s");
  }
}

describe("the preflight of a real PostgreSQL", () => {
  it("finds nothing wrong", async () => {
    const good = { exitCode: 0, stdout: "", stderr: "" };
    assert.deepEqual(await preflight(endpointOf()), good);
    assert.deepEqual(await preflight(endpointOf({ user: "certified" }), { client }), good);
    const own =
      "CREATE TABLE kine (name TEXT COLLATE \"C\"); ALTER TABLE kine OWNER TO k3s; INSERT INTO kine VALUES ('/bootstrap/0123456789ab')";
    await server.query(own, "k3s");
    try {
      assert.deepEqual(await preflight(endpointOf()), good);
    } finally {
      await server.query("DROP TABLE kine", "k3s");
    }
  });

  it("tells a certificate of another CA, and one for another address", async () => {
    const look =
      /^server-1: the certificate of PostgreSQL at its address cannot be verified \(.+\)\. The configured CA has to have signed it, and it has to name exactly the configured address\.$/;
    for (const found of [
      await sentences(endpointOf(), { ca: stranger }),
      await sentences(endpointOf({ host: "localhost" })),
    ]) {
      assert.equal(found.length, 1);
      assert.match(found[0] ?? "", look);
    }
  });

  it("tells a wrong password without showing it, who may not log in, and a client certificate that is missing", async () => {
    for (const [login, answer] of [
      [{ password: "hunter2" }, /password authentication failed for user "k3s"/],
      [{ user: "stranger" }, /pg_hba\.conf rejects connection for .* user "stranger"/],
      [{ user: "certified" }, /connection requires a valid client certificate/],
    ] as const) {
      const [sentence = "", ...others] = await sentences(endpointOf(login));
      assert.deepEqual(others, []);
      assert.match(sentence, answer);
      assert.match(sentence, /^server-1: PostgreSQL at its address refuses the user \w+ from this host \(/);
      assert.match(
        sentence,
        /\)\. Check the user's password, that pg_hba\.conf has a line "hostssl" for it and this host's address, and whether that line requires a client certificate\.$/,
      );
    }
  });

  it("tells a database that is not there, and a server that is not", async () => {
    assert.match(
      (await sentences(endpointOf({ database: "other" }))).join("\n"),
      /^server-1: PostgreSQL at its address has no such database or user \(.*database "other" does not exist\)\. Create it: CREATE DATABASE "other" OWNER "k3s"\.$/,
    );
    assert.match(
      (await sentences(endpointOf({ port: 1 }))).join("\n"),
      /^server-1: PostgreSQL at its address cannot be reached from this host \(.*\)\. Check its address and port, that it is up, and the firewalls in between\.$/,
    );
  });

  it("tells too few connections, of the server and of the role", async () => {
    assert.deepEqual(await sentences(endpointOf(), { servers: 3 }), [
      "server-1: max_connections leaves 147; these servers need 180, 60 each. Raise it, or lower k3s-ha:datastore.connectionsPerServer.",
    ]);
    assert.deepEqual(await whileTrue("ALTER ROLE k3s CONNECTION LIMIT 10", "ALTER ROLE k3s CONNECTION LIMIT -1"), [
      'server-1: the role k3s may have 10 connections; these servers need 60, 60 each. Raise its limit (ALTER ROLE "k3s" CONNECTION LIMIT -1), or lower k3s-ha:datastore.connectionsPerServer.',
    ]);
  });

  it("tells a database that only answers reads", async () => {
    assert.deepEqual(
      await whileTrue(
        "ALTER ROLE k3s SET default_transaction_read_only = on",
        "ALTER ROLE k3s RESET default_transaction_read_only",
      ),
      ["server-1: PostgreSQL is read-only, like a standby. Use the address of the primary."],
    );
  });

  it("tells hosts of which none is what the endpoint asks for, and what each of several said", async () => {
    assert.match(
      (
        await whileTrue(
          "ALTER ROLE k3s SET default_transaction_read_only = on",
          "ALTER ROLE k3s RESET default_transaction_read_only",
          `${endpointOf()}?target_session_attrs=read-write`,
        )
      ).join("\n"),
      /^server-1: no PostgreSQL at its address matches target_session_attrs in the endpoint \(.*session is read-only\)\. Use the address of the primary\.$/,
    );
    const several = `postgres://k3s:secret@127.0.0.1:1,127.0.0.1:2/k3s`;
    assert.match(
      (await sentences(several)).join("\n"),
      /\(.*port 1 failed: .*; .*port 2 failed: [^;]*\)\. Check its address/,
    );
  });

  it("tells a user who may not make the table", async () => {
    assert.deepEqual(
      await whileTrue(
        "GRANT CONNECT ON DATABASE k3s TO certified; REVOKE CREATE ON SCHEMA public FROM certified",
        "GRANT CREATE ON SCHEMA public TO certified",
        endpointOf({ user: "certified" }),
        { client },
      ),
      [
        'server-1: the user certified may not create K3s\'s table in the database "k3s". As its owner: GRANT CREATE, USAGE ON SCHEMA "public" TO "certified".',
      ],
    );
  });

  it("tells another cluster's state beside this one's own, whichever comes first", async () => {
    for (const other of ["000000000000", "ba9876543210"]) {
      const [sentence = "", ...others] = await whileTrue(
        `CREATE TABLE kine (name TEXT COLLATE "C"); ALTER TABLE kine OWNER TO k3s;
INSERT INTO kine VALUES ('/bootstrap/0123456789ab'), ('/bootstrap/${other}')`,
        "DROP TABLE kine",
      );
      assert.deepEqual(others, []);
      assert.match(sentence, /^server-1: the database "k3s" holds another cluster, or this one under another token\./);
    }
  });

  it("tells another's table with another collation that holds another cluster, all at once", async () => {
    assert.deepEqual(
      await whileTrue(
        "CREATE TABLE kine (name TEXT COLLATE \"POSIX\"); INSERT INTO kine VALUES ('/bootstrap/ba9876543210'); ALTER TABLE kine OWNER TO someone; GRANT SELECT ON kine TO k3s",
        "DROP TABLE kine",
      ),
      [
        'server-1: the table kine in the database "k3s" does not belong to the role k3s. As the administrator: ALTER TABLE kine OWNER TO "k3s".',
        'server-1: the column name of the table kine has the collation POSIX, with which newer releases of K3s do not start. With K3s stopped: ALTER TABLE kine ALTER COLUMN name SET DATA TYPE TEXT COLLATE "C".',
        'server-1: the database "k3s" holds another cluster, or this one under another token. Choose another database in k3s-ha:datastoreEndpoint, or, if that cluster no longer exists, drop its table: DROP TABLE kine',
      ],
    );
  });
});

describe("any password that the configuration accepts", () => {
  it("logs in to PostgreSQL, from the endpoint as it is", async () => {
    await server.query("CREATE ROLE anyone LOGIN; GRANT ALL ON DATABASE k3s TO anyone");
    await server.query("GRANT CREATE ON SCHEMA public TO anyone", "k3s");
    await fc.assert(
      fc.asyncProperty(hostilePassword, async (password) => {
        const endpoint = endpointOf({ user: "anyone", password });
        fc.pre(datastoreEndpointFault(endpoint) === undefined);
        await server.query(`ALTER ROLE anyone PASSWORD '${password.replaceAll("'", "''")}'`);
        assert.equal((await preflight(endpoint)).stderr, "");
        assert.notEqual((await preflight(endpointOf({ user: "anyone", password: `${password}x` }))).exitCode, 0);
      }),
      { numRuns: 25 },
    );
  });
});

describe("examples/raiseRevisions.sql", () => {
  it("raises what was restored above both histories, and compacts it up to there", async () => {
    const raise = await readFile(join(import.meta.dirname, "../../../examples/raiseRevisions.sql"), "utf8");
    await server.query("CREATE DATABASE restored");
    const told = await server.query(
      `CREATE TABLE kine (id BIGSERIAL PRIMARY KEY, name text COLLATE "C", created INTEGER, deleted INTEGER,
  create_revision BIGINT, prev_revision BIGINT, lease INTEGER, value bytea, old_value bytea);
INSERT INTO kine (name, created, deleted, create_revision, prev_revision, lease) VALUES
  ('compact_rev_key', 1, 0, 0, 0, 0), ('/registry/a', 1, 0, 0, 0, 0);
\\set replaced 500
${raise}
INSERT INTO kine (name, created, deleted, create_revision, prev_revision, lease) VALUES ('/registry/b', 1, 0, 0, 0, 0);
SELECT name, id, prev_revision FROM kine WHERE id > 2 OR name = 'compact_rev_key' ORDER BY id;`,
      "restored",
    );
    assert.deepEqual(told.split("\n").slice(-3), ["compact_rev_key|1|1500", "gap-1500|1500|0", "/registry/b|1501|0"]);
  });
});
