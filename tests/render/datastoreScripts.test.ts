// Proves what the scripts on the datastore's host say when the database is not as K3s needs it, and that no password
// gets out with an error. The database's answers are the test's; tests/render/datastoreAccess asks a real one.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { renderHostScript } from "../../components/render/hostScript.ts";
import { shellQuote } from "../../components/render/shell.ts";
import { type BashResult, runBash } from "../support/bash.ts";
import { definitionsOf } from "../support/hostFiles.ts";

/** What a server answers to `SELECT @@name` when all is well. */
const goodSettings = {
  version: "11.8.3-MariaDB-log",
  wsrep_on: "0",
  auto_increment_increment: "1",
  binlog_format: "ROW",
  innodb_snapshot_isolation: "0",
  max_connections: "186",
};

const variables = {
  host_name: "server-1",
  database: "k3s",
  database_address: "198.51.100.20:3306",
  database_setting: "k3s-ha:datastore.managed.database",
  database_user: "k3s",
  engine: "",
  expected_plugin: "",
  client_options: "",
  client_certificate: "",
  client_key: "",
  ca_certificate: "",
  needed_connections: 120,
  token_fingerprint: "0123456789ab",
};
const allPrivileges = "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, INDEX ON `k3s`.* TO `k3s`@`198.51.100.11`";

interface Server {
  settings?: Partial<typeof goodSettings>;
  /** What `SHOW GRANTS` tells. */
  grant?: string;
  /** A row of another cluster's keys. */
  bootstrap?: string;
  /** What the client says instead of letting in. */
  refusal?: string;
  /** Seconds that a connection takes. */
  delay?: number;
}

function preflight({
  settings = {},
  grant = allPrivileges,
  bootstrap,
  refusal,
  delay = 0,
}: Server): Promise<BashResult> {
  const script = renderHostScript({ body: "datastorePreflight", parts: ["databaseClient"], variables });
  const answers = Object.entries({ ...goodSettings, ...settings, schema: "k3s" }).map(
    ([name, value]) => `${name}\t${value}`,
  );
  const text = [...answers, grant, ...(bootstrap === undefined ? [] : [`bootstrap\t${bootstrap}`])].join("\n");
  return runBash(`${definitionsOf(script)}lock_host() { :; }
install_packages() { :; }
sql() {
  sleep ${delay}
  ${refusal === undefined ? "" : `printf '%s\\n' ${shellQuote(refusal)}; return 1`}
  [[ $1 == --execute ]] || printf '%s\\n' ${shellQuote(text)}
}
apply
`);
}

describe("datastorePreflight", () => {
  it("finds nothing wrong with a server that is as K3s needs it", async () => {
    assert.deepEqual(await preflight({}), { exitCode: 0, stdout: "datastore-preflight\n", stderr: "" });
  });

  const at = "the database at 198.51.100.20:3306";
  const faults: [what: string, server: Server, sentence: string][] = [
    [
      "an old version",
      { settings: { version: "10.5.29-MariaDB" } },
      "MariaDB 10.5.29-MariaDB is older than 10.6, the oldest that K3s is tested on. Upgrade it.",
    ],
    [
      "an old MySQL",
      { settings: { version: "5.6.51" } },
      "MySQL 5.6.51 is not one of 5.7 to 9, which K3s is tested on. Use one of these.",
    ],
    [
      "Galera",
      { settings: { wsrep_on: "1" } },
      "MariaDB runs as a Galera cluster, which K3s does not support. Use a single primary.",
    ],
    [
      "gaps between numbers",
      { settings: { auto_increment_increment: "3" } },
      "auto_increment_increment is 3; K3s would fill every gap with a row. Set it to 1.",
    ],
    [
      "statements in the binary log",
      { settings: { binlog_format: "STATEMENT" } },
      "binlog_format is STATEMENT, with which K3s can lose writes. Set it to ROW.",
    ],
    [
      "snapshot isolation",
      { settings: { innodb_snapshot_isolation: "1" } },
      "innodb_snapshot_isolation is ON; K3s could not compact its table, which would grow for ever. Set it to OFF.",
    ],
    [
      "too few connections",
      { settings: { max_connections: "100" } },
      "max_connections is 100; these servers need 120. Raise it.",
    ],
    [
      "missing privileges",
      { grant: "GRANT SELECT, INSERT ON `k3s`.* TO `k3s`@`%`" },
      'the user k3s lacks UPDATE DELETE CREATE INDEX on the schema "k3s". As the database\'s administrator: GRANT UPDATE, DELETE, CREATE, INDEX ON `k3s`.* TO that user.',
    ],
    [
      "another cluster",
      { bootstrap: "/bootstrap/ba9876543210" },
      'the schema "k3s" holds another cluster, or this one under another token. Choose another k3s-ha:datastore.managed.database, or, if that cluster is gone for good, drop it: DROP DATABASE `k3s`',
    ],
    [
      "a login that is not let in",
      { refusal: "ERROR 1045 (28000): Access denied for user 'k3s'@'198.51.100.11' (using password: YES)" },
      `${at} does not let the user k3s in from this host (Access denied for user 'k3s'@'198.51.100.11' (using password: YES)). Check the user's password, and that it may log in from here and use the schema "k3s".`,
    ],
    [
      "a server that does not prove itself",
      { refusal: "ERROR 2026 (HY000): TLS/SSL error: self-signed certificate in certificate chain" },
      `${at} does not prove over TLS that it is the one (TLS/SSL error: self-signed certificate in certificate chain). Its certificate has to be signed by the configured CA and to name just the configured address.`,
    ],
    [
      "a server that does not answer",
      { refusal: "ERROR 2002 (HY000): Can't connect to server on '198.51.100.20' (111)" },
      `${at} cannot be reached from this host (Can't connect to server on '198.51.100.20' (111)). Check its address and port, that it is up, and the firewalls in between.`,
    ],
  ];
  for (const [what, server, sentence] of faults) {
    it(`refuses ${what} with the remedy`, async () => {
      const { exitCode, stderr } = await preflight(server);
      assert.equal(exitCode, 1);
      assert.equal(stderr, `server-1: ${sentence}\n`);
    });
  }

  it("tells a server that resolves names backwards by its slow connections", async () => {
    const { exitCode, stderr } = await preflight({ delay: 2.1 });
    assert.equal(exitCode, 1);
    assert.match(
      stderr,
      /^server-1: a connection to the database at 198\.51\.100\.20:3306 takes 2\.\d s while a query takes 0 ms: .* Set skip-name-resolve on the database/,
    );
  });

  it("tells everything that is wrong at once", async () => {
    const { stderr } = await preflight({ settings: { binlog_format: "STATEMENT", max_connections: "1" } });
    assert.equal(stderr.trimEnd().split("\n").length, 2);
  });
});

describe("datastoreAccess", () => {
  it("tells why MariaDB refused, without the password in the statement", async () => {
    const script = renderHostScript({
      body: "datastoreAccess",
      parts: ["databaseClient"],
      variables: {
        host_name: "db-1",
        database_name: "MariaDB",
        packages: [],
        client_options: "",
        ca_certificate: "",
        access_sql: "CREATE USER …",
        remove_sql: "",
      },
    });
    const answer = `ERROR 1064 (42000) at line 4: You have an error in your SQL syntax; check the manual for the right syntax to use near 'IDENTIFY BY 'a-password' REQUIRE SSL' at line 1`;
    const { exitCode, stderr } = await runBash(
      `${definitionsOf(script)}lock_host() { :; }\nmariadb() { cat <<'END' >&2\n${answer}\nEND\nreturn 1; }\napply\n`,
    );
    assert.equal(exitCode, 1);
    assert.match(stderr, /^db-1: MariaDB refused to set up schema and users: ERROR 1064/);
    assert.doesNotMatch(stderr, /password/);
  });
});
