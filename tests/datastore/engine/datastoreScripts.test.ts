// Proves what is said of a database that is not as K3s needs it, and that no password gets out with an error. The
// database's answers are the test's; datastorePreflight.test.ts asks real ones.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { renderHostScript } from "../../../components/host/hostScript.ts";
import { type BashResult, runBash } from "../../support/bash.ts";
import { definitionsOf } from "../../support/hostFiles.ts";
import { engineScripts } from "../../../components/datastore/engine/scripts.ts";

/** What a server answers when all is well, by the name of the question. */
const goodAnswers = {
  version: "11.8.3-MariaDB-log",
  wsrep_on: "0",
  auto_increment_increment: "1",
  binlog_format: "ROW",
  innodb_snapshot_isolation: "0",
  max_connections: "186",
  read_only: "0",
  group_replication_group_name: "NULL",
  group_replication_single_primary_mode: "1",
  max_user_connections: "0",
  Threads_connected: "5",
  own_connections: "2",
  schema: "k3s",
  bootstrap: "",
  grants: "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, INDEX ON `k3s`.* TO `k3s`@`198.51.100.11`",
  account: "CREATE USER `k3s`@`198.51.100.11` IDENTIFIED WITH 'caching_sha2_password' AS 'x' REQUIRE SSL",
};

type Answers = Partial<Record<keyof typeof goodAnswers, string>>;

function preflight(answers: Answers, variables: Readonly<Record<string, string>> = {}): Promise<BashResult> {
  const script = renderHostScript({
    body: engineScripts.datastorePreflight,
    parts: [engineScripts.clientFiles, engineScripts.databaseClient],
    variables: {
      host_name: "server-1",
      database: "k3s",
      database_user: "k3s",
      database_address: "198.51.100.20:3306",
      database_setting: "k3s-ha:datastore.managed.database",
      engine: "",
      expected_plugin: "",
      needed_connections: 120,
      connections_per_server: 60,
      token_fingerprint: "0123456789ab",
      client_options: "[client]\n",
      ca_certificate: "",
      client_certificate: "",
      client_key: "",
      ...variables,
    },
  });
  const { grants, account, ...values } = { ...goodAnswers, ...answers };
  const lines = [...Object.entries(values).map(([name, value]) => `${name}\t${value}`), grants, account];
  return runBash(`${definitionsOf(script)}lock_host() { :; }
install_packages() { :; }
mariadb() {
  case "$*" in
    *--force*) cat <<'END'
${lines.filter((line) => !/\t$|^$/.test(line)).join("\n")}
END
    ;;
  esac
}
apply
`);
}

describe("datastorePreflight", () => {
  it("finds nothing wrong with a server that is as K3s needs it", async () => {
    assert.deepEqual(await preflight({}), { exitCode: 0, stdout: "", stderr: "" });
    const mysql = { version: "9.7.4-2", wsrep_on: "", innodb_snapshot_isolation: "" };
    assert.equal((await preflight(mysql, { engine: "mysql", expected_plugin: "caching_sha2_password" })).stderr, "");
    assert.equal((await preflight({ grants: "GRANT ALL PRIVILEGES ON *.* TO `k3s`@`%`" })).stderr, "");
    assert.equal((await preflight({ grants: goodAnswers.grants.replace("`k3s`.*", "`k%`.*") })).stderr, "");
  });

  const faults: [what: string, answers: Answers, sentence: RegExp, variables?: Readonly<Record<string, string>>][] = [
    ["an old MariaDB", { version: "10.5.29-MariaDB" }, /^server-1: MariaDB 10\.5\.29-MariaDB is older than 10\.6/],
    [
      "an old MySQL",
      { version: "5.6.51" },
      /^server-1: MySQL 5\.6\.51 is not one of 5\.7 to 9, .* Use one of them\.$/m,
    ],
    ["a MySQL of the future", { version: "10.0.1" }, /^server-1: MySQL 10\.0\.1 is not one of 5\.7 to 9/],
    [
      "another engine than was configured",
      {},
      /^server-1: the database server is MariaDB 11\.8\.3-MariaDB-log, but k3s-ha:datastore\.existing\.engine is mysql\. Correct the setting\.$/m,
      { engine: "mysql" },
    ],
    [
      "an old authentication plugin",
      { version: "8.0.40", account: "CREATE USER `k3s`@`%` IDENTIFIED WITH 'mysql_native_password' AS '*0'" },
      /^server-1: the database server gives new users an old authentication plugin instead of caching_sha2_password\. Set its /,
      { expected_plugin: "caching_sha2_password" },
    ],
    ["Galera", { wsrep_on: "1" }, /^server-1: MariaDB runs as a Galera cluster/],
    [
      "several primaries",
      { group_replication_group_name: "aaaa", group_replication_single_primary_mode: "0" },
      /^server-1: MySQL runs group replication with several primaries, .* Switch it to single-primary mode\.$/m,
    ],
    [
      "a replica",
      { read_only: "1" },
      /^server-1: the database server is read-only, like a replica\. Use the address of the/,
    ],
    [
      "gaps between numbers",
      { auto_increment_increment: "3" },
      /^server-1: auto_increment_increment is 3; .* Set it to 1\.$/m,
    ],
    ["statements in the binary log", { binlog_format: "STATEMENT" }, /^server-1: binlog_format is STATEMENT/],
    ["snapshot isolation", { innodb_snapshot_isolation: "1" }, /^server-1: innodb_snapshot_isolation is ON/],
    [
      "too few connections",
      { max_connections: "100" },
      /^server-1: max_connections is 100; these servers need 120, 60 each\. Raise it, or lower k3s-ha:datastore\.connectionsPerServer\.$/m,
    ],
    [
      "connections that others have",
      { Threads_connected: "150" },
      /^server-1: others use 148 of the datastore's 186 connections; these servers need 120, 60 each\. Raise max_connections, or lower k3s-ha:datastore\.connectionsPerServer\.$/m,
    ],
    ["a limit of the user's", { max_user_connections: "10" }, /^server-1: the user k3s may have 10 connections; these/],
    [
      "privileges that are missing",
      { grants: "GRANT SELECT, INSERT ON `k3s`.* TO `k3s`@`%`" },
      /^server-1: the user k3s lacks UPDATE DELETE CREATE INDEX on the schema "k3s"\. As the administrator: GRANT UPDATE, DELETE, CREATE, INDEX ON `k3s`\.\* TO that user\.$/m,
    ],
    [
      "privileges on another schema",
      { grants: "GRANT ALL PRIVILEGES ON `k3s\\_old`.* TO `k3s`@`%`" },
      /^server-1: the user k3s lacks SELECT INSERT UPDATE DELETE CREATE INDEX on/,
    ],
    [
      "no schema",
      { schema: "" },
      /^server-1: the schema "k3s" does not exist, or the user k3s may not see it\. Create it: /,
    ],
    [
      "a schema that holds another cluster",
      { bootstrap: "/bootstrap/ba9876543210" },
      /^server-1: the schema "k3s" holds another cluster, or this one under another token\. Choose another k3s-ha:datastore\.managed\.database, or, .* DROP DATABASE `k3s`$/m,
    ],
  ];
  for (const [what, answers, sentence, variables] of faults) {
    it(`refuses ${what} with the remedy`, async () => {
      const { exitCode, stderr } = await preflight(answers, variables);
      assert.equal(exitCode, 1);
      assert.match(stderr, sentence);
      assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
    });
  }

  it("tells everything that is wrong at once", async () => {
    const { stderr } = await preflight({ binlog_format: "STATEMENT", max_connections: "1" });
    assert.equal(stderr.trimEnd().split("\n").length, 2);
  });
});

describe("datastoreAccess", () => {
  it("tells why MariaDB refused, without the password in the statement", async () => {
    const script = renderHostScript({
      body: engineScripts.datastoreAccess,
      parts: [engineScripts.clientFiles, engineScripts.databaseClient],
      variables: {
        host_name: "db-1",
        database_name: "MariaDB",
        packages: [],
        client_options: "",
        ca_certificate: "",
        client_certificate: "",
        client_key: "",
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
