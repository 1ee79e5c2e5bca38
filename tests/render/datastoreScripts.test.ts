// Proves what the scripts on the datastore's host say when the database is not as K3s needs it, and that no password
// gets out with an error. The database's answers are the test's; tests/render/datastoreAccess asks a real one.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { renderHostScript } from "../../components/render/hostScript.ts";
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

function preflight(settings: Partial<Record<keyof typeof goodSettings, string>>, rows = ""): Promise<BashResult> {
  const script = renderHostScript({
    body: "datastorePreflight",
    variables: { host_name: "db-1", database: "k3s", needed_connections: 120, token_fingerprint: "0123456789ab" },
  });
  const answers = Object.entries({ ...goodSettings, ...settings }).map(
    ([name, value]) => `    *"@@${name}") printf '%s\\n' '${value}' ;;`,
  );
  return runBash(`${definitionsOf(script)}lock_host() { :; }
mariadb() {
  case "$*" in
${answers.join("\n")}
    *kine*) printf '${rows}' ;;
  esac
}
apply
`);
}

describe("datastorePreflight", () => {
  it("finds nothing wrong with a server that is as K3s needs it", async () => {
    assert.deepEqual(await preflight({}), { exitCode: 0, stdout: "", stderr: "" });
    assert.equal((await preflight({}, "/bootstrap/0123456789ab\\n")).exitCode, 0);
  });

  const faults: [what: string, settings: Parameters<typeof preflight>[0], sentence: RegExp][] = [
    ["an old version", { version: "10.5.29-MariaDB" }, /^db-1: MariaDB 10\.5\.29-MariaDB is older than 10\.6/],
    ["Galera", { wsrep_on: "1" }, /^db-1: MariaDB runs as a Galera cluster/],
    [
      "gaps between numbers",
      { auto_increment_increment: "3" },
      /^db-1: auto_increment_increment is 3; .* Set it to 1\.$/m,
    ],
    ["statements in the binary log", { binlog_format: "STATEMENT" }, /^db-1: binlog_format is STATEMENT/],
    ["snapshot isolation", { innodb_snapshot_isolation: "1" }, /^db-1: innodb_snapshot_isolation is ON/],
    ["too few connections", { max_connections: "100" }, /^db-1: max_connections is 100; these servers need 120/],
  ];
  for (const [what, settings, sentence] of faults) {
    it(`refuses ${what} with the remedy`, async () => {
      const { exitCode, stderr } = await preflight(settings);
      assert.equal(exitCode, 1);
      assert.match(stderr, sentence);
      assert.equal(stderr.trimEnd().split("\n").length, 1);
    });
  }

  it("tells everything that is wrong at once", async () => {
    const { stderr } = await preflight({ binlog_format: "STATEMENT", max_connections: "1" });
    assert.equal(stderr.trimEnd().split("\n").length, 2);
  });

  it("refuses a schema that holds another cluster", async () => {
    const { exitCode, stderr } = await preflight({}, "/bootstrap/ba9876543210\\n");
    assert.equal(exitCode, 1);
    assert.match(stderr, /^db-1: the database "k3s" holds another cluster, or this one under another token\./);
  });

  it("says so when the server does not answer", async () => {
    const script = renderHostScript({
      body: "datastorePreflight",
      variables: { host_name: "db-1", database: "k3s", needed_connections: 120, token_fingerprint: "0" },
    });
    const { exitCode, stderr } = await runBash(
      `${definitionsOf(script)}lock_host() { :; }\nmariadb() { return 1; }\napply\n`,
    );
    assert.equal(exitCode, 1);
    assert.equal(stderr, "db-1: MariaDB does not answer on its local socket; see: journalctl --unit mariadb\n");
  });
});

describe("datastoreAccess", () => {
  it("tells why MariaDB refused, without the password in the statement", async () => {
    const script = renderHostScript({
      body: "datastoreAccess",
      variables: { host_name: "db-1", access_sql: "CREATE USER …", remove_sql: "" },
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
