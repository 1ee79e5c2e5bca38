/**
 * Proves, on a real MariaDB with kine's table, what the exchange of a restore does to revisions: whatever was lost, none
 * that a client may have seen comes again, and all older ones are too old. tests/sandbox/restore.test.ts has clients see it.
 */
import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { beforeEach, describe, test } from "node:test";
import { execa } from "execa";
import { renderBackupOptionFile } from "../../../components/datastore/engine/backupOptionFile.ts";
import { renderHostScript } from "../../../components/host/hostScript.ts";
import { tokenFingerprint } from "../../../components/identity/tokenFingerprint.ts";
import { eventually } from "../../support/eventually.ts";
import { datastore, host, root, rows, token, useBackupHost } from "./fixture.ts";
import { engineScripts } from "../../../components/datastore/engine/scripts.ts";

useBackupHost();

let state: string;
const dump = () => join(state, "restore/kine.sql.zst");

beforeEach(async () => {
  const left = await datastore.sql("SHOW DATABASES LIKE 'k3s\\_%'");
  await datastore.sql(
    left
      .split("\n")
      .filter(Boolean)
      .map((name) => `DROP DATABASE ${name};`)
      .join("\n"),
  );
  state = await mkdtemp(join(root, "restore-"));
  await mkdir(join(state, "restore"), { mode: 0o700 });
  // The script logs in as root over the database's default socket.
  await writeFile(join(state, ".my.cnf"), `[client]\nsocket=${datastore.socket}\n`);
});

async function phase(name: string, changes: Readonly<Record<string, string | number>> = {}) {
  const script = renderHostScript({
    body: engineScripts.datastoreRestore,
    parts: [engineScripts.sqlImport, engineScripts.raisedRevision, engineScripts.datastoreExchange],
    variables: {
      host_name: "db-1",
      database: "k3s",
      k3s_user: "k3s",
      safety_directory: join(state, "before"),
      started: "20261127T120000Z",
      phase: name,
      expected_rows: rows.length,
      expected_revision: rows.length,
      expected_at: new Date().toISOString(),
      expected_bytes: 4_000_000,
      packed_bytes: 2_000_000,
      token_fingerprint: tokenFingerprint(token),
      ...changes,
    },
  });
  const input = script
    .replace("state_directory=/var/lib/k3s-ha", `state_directory=${state}`)
    .replace("runtime_directory=/run/k3s-ha", `runtime_directory=${join(state, "run")}`)
    .replaceAll("/run/lock/k3s-ha.lock", join(state, "lock"))
    .replaceAll("/var/lib/mysql", join(datastore.directory, "data"));
  return execa("bash", ["-s", "apply"], { input, env: { HOME: state }, reject: false });
}

async function must(name: string, changes: Readonly<Record<string, string | number>> = {}): Promise<string> {
  const { stdout, stderr, exitCode } = await phase(name, changes);
  assert.equal(exitCode, 0, stderr);
  return stdout;
}

/** The dump of what the datastore holds, where a restore has it. */
async function takeDump(): Promise<void> {
  const { stdout } = await execa(
    "mariadb-dump",
    ["--no-defaults", `--socket=${datastore.socket}`, "--hex-blob", "--max-allowed-packet=64M", "k3s", "kine"],
    { maxBuffer: 1e9 },
  );
  await execa("zstd", ["--quiet", "--force", "-o", dump()], { input: stdout });
}

/** Restores the dump, after `meanwhile` happened to the datastore; returns what was reported. */
async function restore(
  meanwhile: () => Promise<unknown>,
  changes: Readonly<Record<string, string | number>> = {},
): Promise<string> {
  await must("room", changes);
  await takeDump();
  await meanwhile();
  const current = await must("lock", changes);
  await must("prepare", changes);
  await must("swap", changes);
  await must("open", changes);
  return current;
}

const write = (text: string) => datastore.sql(text, "k3s");
const revisions = async () =>
  (
    await write(
      "SELECT MAX(id) FROM kine; SELECT MAX(prev_revision) FROM kine WHERE name = 'compact_rev_key'; SELECT COUNT(*) FROM kine WHERE name LIKE 'gap-%'",
    )
  )
    .split("\n")
    .map(Number);
const addRows = (count: number) =>
  write(
    `INSERT INTO kine (name, created, deleted, create_revision, prev_revision, lease, value) SELECT CONCAT('/registry/later/', seq), 1, 0, 0, 0, 0, 'x' FROM seq_1_to_${count}`,
  );

describe("the exchange", () => {
  test("continues above the replaced content, and is compacted up to there", async () => {
    assert.equal(await restore(() => addRows(500)), `${rows.length + 500}\t${rows.length + 500}`);
    const raised = rows.length + 500 + 1000;
    assert.deepEqual(await revisions(), [raised, raised, 1]);
    assert.equal(
      await write(
        `SELECT name, created, deleted, create_revision, prev_revision, lease, value, old_value FROM kine WHERE id = ${raised}`,
      ),
      `gap-${raised}\t0\t1\t0\t0\t0\tNULL\tNULL`,
    );
    await addRows(1);
    assert.equal((await revisions())[0], raised + 1, "kine would have a gap to fill");
    assert.equal(await write("SELECT COUNT(*) FROM kine WHERE name LIKE '/registry/later/%'"), "1");
  });

  test("continues above itself when it is repeated", async () => {
    await restore(() => Promise.resolve());
    const kept = await readFile(join(state, "before/before-restore-20261127T120000Z.sql.zst"));
    await restore(() => writeFile(dump(), kept), { started: "20261127T120100Z" });
    const raised = rows.length + 2000;
    assert.deepEqual(await revisions(), [raised, raised, 1]);
  });

  for (const [what, loss] of [
    ["a datastore that was lost", "DROP TABLE kine"],
    ["an emptier history", `DELETE FROM kine WHERE id > 20`],
  ] as const) {
    test(`continues above everything that could be written since the backup, over ${what}`, async () => {
      const hours = 3;
      await restore(() => write(loss), { expected_at: new Date(Date.now() - hours * 3_600_000).toISOString() });
      const [raised = 0, compacted] = await revisions();
      const least = rows.length + hours * 3_600_000 + 1000;
      assert.ok(raised >= least && raised < least + 60_000, String(raised));
      assert.equal(compacted, raised);
    });
  }

  test("makes the schema when that is gone as well", async () => {
    assert.equal(await restore(() => datastore.sql("DROP DATABASE k3s")), "");
    assert.equal(Number(await write("SELECT COUNT(*) FROM kine")), rows.length + 1);
  });

  test("leaves the datastore as it was when the backup has no compaction mark", async () => {
    await must("room");
    await write("DELETE FROM kine WHERE name = 'compact_rev_key'");
    await takeDump();
    const before = await revisions();
    const { exitCode, stderr } = await phase("prepare", { expected_rows: rows.length - 1 });
    assert.equal(exitCode, 1);
    assert.match(stderr, /^db-1: the backup has no row compact_rev_key, .*; [Tt]he datastore is unchanged$/m);
    assert.deepEqual(await revisions(), before);
  });
});

describe("before anything is stopped", () => {
  test("removes what an interrupted restore left in the clear", async () => {
    await writeFile(dump(), "secrets");
    await mkdir(join(state, "before"));
    await writeFile(join(state, "before/before-restore-20261127T110000Z.sql.zst.new"), "secrets");
    await datastore.sql("CREATE DATABASE k3s_restoring");
    await must("room");
    assert.deepEqual([await readdir(dirname(dump())), await readdir(join(state, "before"))], [[], []]);
    assert.equal(await datastore.sql("SHOW DATABASES LIKE 'k3s_restoring'"), "");
  });

  test("refuses a disk that the restore would fill", async () => {
    const { exitCode, stderr } = await phase("room", { expected_bytes: 2 ** 50 });
    assert.equal(exitCode, 1);
    assert.match(
      stderr,
      /^db-1: \S+ has \d+ MiB free, but a restore needs \d+ MiB there; free some space, then run it again\. Nothing was changed\.$/,
    );
  });
});

describe("k3s-ha-backup replace", () => {
  const login = () => join(host.root, "administrator.cnf");
  let id: string;

  beforeEach(async () => {
    const account = `'administrator'@'127.0.0.1'`;
    await datastore.sql(
      `CREATE OR REPLACE USER ${account} IDENTIFIED BY 'a password' REQUIRE SSL; GRANT ALL ON *.* TO ${account};`,
    );
    const address = { address: "127.0.0.1", port: datastore.port, caPath: datastore.caPath };
    const text = renderBackupOptionFile({ ...address, user: "administrator", password: "a password" });
    await writeFile(login(), text, { mode: 0o600 });
    assert.equal((await host.start(["run"])).exitCode, 0);
    id = (await host.start(["latest"])).stdout;
  });

  test("restores an existing datastore, above both histories, and keeps the old content", async () => {
    await addRows(500);
    const { exitCode, all } = await host.start(["replace", id, "--login", login()]);
    assert.equal(exitCode, 0, all);
    const raised = rows.length + 500 + 1000;
    assert.deepEqual(await revisions(), [raised, raised, 1]);
    assert.equal(await write("SELECT COUNT(*) FROM kine WHERE name LIKE '/registry/later/%'"), "0");
    assert.match(all, /^the old content of the datastore is kept in \S+\/before-restore-\S+\.sql\.zst$/m);
    assert.match(all, /^the replaced table is k3s_replaced_\S+\.kine; /m);
  });

  test("refuses a login that others can read, and a datastore that is in use, and changes nothing", async () => {
    await chmod(login(), 0o644);
    assert.match((await host.start(["replace", id, "--login", login()])).all, /others can read the login in/);
    await chmod(login(), 0o600);
    const before = await revisions();
    const server = datastore.sql("SELECT SLEEP(8)", "k3s");
    await eventually(async () => {
      assert.notEqual(await datastore.sql("SELECT COUNT(*) FROM information_schema.processlist WHERE db = 'k3s'"), "0");
    });
    const { exitCode, all } = await host.start(["replace", id, "--login", login()]);
    assert.equal(exitCode, 1);
    assert.match(all, /1 connections use the schema k3s: stop K3s on every server first/);
    await server;
    assert.deepEqual(await revisions(), before);
  });
});
