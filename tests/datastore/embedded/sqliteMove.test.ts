// Proves what the script that moves a cluster from SQLite does with an SQLite database, and what is made for a move. That a cluster
// survives it, the sandbox proves.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readlink, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import * as pulumi from "@pulumi/pulumi";
import { embeddedScripts } from "../../../components/datastore/embedded/scripts.ts";
import { ownDatastoreHost, provisionDatastore } from "../../../components/datastore/datastoreKinds.ts";
import { renderHostScript } from "../../../components/host/hostScript.ts";
import { type BashResult, runBash } from "../../support/bash.ts";
import { assertSafeCommands } from "../../support/commandRules.ts";
import { deploy, tree } from "../../support/deploy.ts";
import { definitionsOf } from "../../support/hostFiles.ts";
import { sampleHost } from "../../support/sampleHosts.ts";
import { inTemporaryDirectory } from "../../support/temporaryDirectory.ts";

const table =
  "CREATE TABLE kine (id INTEGER PRIMARY KEY AUTOINCREMENT, name INTEGER, created INTEGER, deleted INTEGER, create_revision INTEGER, prev_revision INTEGER, lease INTEGER, value BLOB, old_value BLOB);";

/** Runs shell text with the script's functions on a database with these rows; what `sql` is given goes to standard output. */
async function run(directory: string, rows: string, text: string): Promise<BashResult> {
  const database = join(directory, "db", "state.db");
  await mkdir(dirname(database), { recursive: true });
  await promisify(execFile)("sqlite3", [database, `${table}${rows}`]);
  await writeFile(join(directory, "mark"), "server-1");
  const script = renderHostScript({
    body: embeddedScripts.sqliteMove,
    variables: {
      host_name: "server-1",
      database_file: database,
      mark: join(directory, "mark"),
      safety_directory: join(directory, "kept"),
      target: "198.51.100.20:3306/k3s",
      database: "k3s",
      token_fingerprint: "0123",
    },
  });
  return runBash(`${definitionsOf(script)}
state_directory=${directory} begun=${directory}/sqlite.moving client_directory=${directory}
systemctl() { printf 'systemctl %s\\n' "$*" >&2; }
lock_host() { :; }
${text}
`);
}

const insert = (name: string, value = "NULL") =>
  `INSERT INTO kine (name, created, deleted, create_revision, prev_revision, lease, value, old_value) VALUES (${name}, 1, 0, 0, 0, 0, ${value}, NULL);`;

describe("the move from SQLite", () => {
  it("refuses rows that MariaDB would not keep as they are, before anything is stopped", async () => {
    const cases = [
      [
        insert("'/registry/ä'"),
        "1 rows have names that MariaDB does not store: longer than 630 characters, or not ASCII. Delete these objects, then run up again.",
      ],
      [
        insert("'/registry/a'", "zeroblob(6291457)"),
        "1 rows are larger than 6 MiB, more than MariaDB takes in one statement. Delete these objects, then run up again.",
      ],
      [
        insert("'/registry/A'") + insert("'/registry/a'"),
        "/registry/A has a name that differs from another one only in capital letters, which K3s does not tell apart in MariaDB. Rename one of the two objects, then run up again.",
      ],
    ] as const;
    for (const [rows, sentence] of cases) {
      const { exitCode, stderr } = await inTemporaryDirectory((directory) => run(directory, rows, "check_rows"));
      assert.deepEqual([exitCode, stderr], [1, `server-1: ${sentence} Nothing was changed\n`]);
    }
    const { exitCode } = await inTemporaryDirectory((directory) =>
      run(directory, insert("'/registry/a'"), "check_rows"),
    );
    assert.equal(exitCode, 0);
  });

  it("refuses a schema with rows, unless they are those of its own copy that did not end", async () => {
    const text = `ask_target() { case $* in *tables*) echo 1 ;; *) echo 7 ;; esac; }`;
    await inTemporaryDirectory(async (directory) => {
      const { exitCode, stderr } = await run(directory, "", `${text}; check_target`);
      assert.deepEqual(
        [exitCode, stderr],
        [
          1,
          'server-1: the schema "k3s" of the new datastore is not empty: its table kine has 7 rows. Choose another k3s-ha:datastore.managed.database, or drop that schema. Nothing was changed\n',
        ],
      );
    });
    await inTemporaryDirectory(async (directory) => {
      const { exitCode } = await run(directory, "", `${text}; echo 198.51.100.20:3306/k3s >"$begun"; check_target`);
      assert.equal(exitCode, 0);
    });
  });

  it("writes every row with its revision, in hexadecimal digits, and many in a statement", async () => {
    await inTemporaryDirectory(async (directory) => {
      const rows = insert("'/registry/a'", "X'00275C'") + "UPDATE kine SET id = 41;" + insert("'/b'", "''");
      const { stdout } = await run(directory, rows, "kept=$database_file; insert_statements");
      assert.equal(
        stdout,
        "INSERT INTO kine (id, name, created, deleted, create_revision, prev_revision, lease, value, old_value) VALUES (41,X'2F72656769737472792F61',1,0,0,0,0,X'00275C',NULL),(42,X'2F62',1,0,0,0,0,X'',NULL);\n",
      );
    });
  });

  it("puts the old database aside, read-only, behind which K3s finds nothing", async () => {
    await inTemporaryDirectory(async (directory) => {
      const { exitCode, stderr } = await run(directory, insert("'/a'"), "put_aside; is_moved");
      assert.deepEqual([exitCode, stderr], [0, ""]);
      assert.equal(await readlink(join(directory, "db/state.db")), "/moved-to/198.51.100.20:3306/k3s/state.db");
      assert.equal((await stat(join(directory, "db/before-move/state.db"))).mode & 0o777, 0o400);
    });
  });

  it("starts K3s on SQLite again when it fails before that, and not after it", async () => {
    const failing = (step: string) =>
      inTemporaryDirectory((directory) =>
        run(directory, insert("'/a'"), `stop_k3s; ${step}; client_directory=${directory}/none; die broken`),
      );
    const back =
      "server-1: the move was taken back: K3s starts on its SQLite database again, which is unchanged. Correct the cause, then run up again\n";
    assert.equal((await failing(":")).stderr, `systemctl stop k3s\nbroken\nsystemctl start --no-block k3s\n${back}`);
    assert.equal((await failing("put_aside")).stderr, "systemctl stop k3s\nbroken\n");
  });

  it("is a command on the first server that it starts after, and only when it is asked for", async () => {
    const servers = { "server-1": sampleHost(11) };
    const token = pulumi.secret("0123456789abcdef-token");
    const managed = { hostName: "db-1", host: sampleHost(20) };
    const made = async (movingFrom?: string) =>
      deploy(() => provisionDatastore("datastore", { managed, movingFrom }, { servers, token }));
    const deployment = await made("sqlite");
    assert.match(tree(deployment), /^ {2}datastore-move-server-1 {2}command:remote:Command$/m);
    assertSafeCommands(deployment, []);
    assert.equal([deployment.result.admits["server-1"]].flat().length, 2);
    assert.doesNotMatch(tree(await made("198.51.100.9:3306/k3s")), /move/);
    assert.deepEqual(ownDatastoreHost({ managed, movingFrom: "sqlite" }).embedded, "sqlite");
  });
});
