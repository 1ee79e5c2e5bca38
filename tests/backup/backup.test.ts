// Proves the backup program against a real MariaDB over TLS: that what it keeps can be restored, that it tells in one
// sentence why it keeps nothing, and that no failure costs an earlier backup. It does not prove the systemd units, nor
// a restore into a running cluster: the sandbox does.
import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { tokenFingerprint } from "../../components/render/tokenFingerprint.ts";
import { BackupHost, programPath } from "./backupHost.ts";
import { insertRows, kineRows, kineSchema } from "./kineRows.ts";
import { TestDatastore } from "./testDatastore.ts";

const token = "a-token-of-the-cluster-0123456789abcdef";
const password = `p"a's#s\\w/o%r d;`;
const rows = kineRows(token);

let root: string;
let datastore: TestDatastore;
let host: BackupHost;

before(async () => {
  root = await mkdtemp(join(tmpdir(), "k3s-ha-backup-"));
  // The verification server, which is not root, has to get to its directory.
  await chmod(root, 0o711);
  datastore = await TestDatastore.create(join(root, "datastore"));
  const quoted = password.replaceAll("\\", "\\\\").replaceAll("'", "''");
  await datastore.sql(`
    CREATE DATABASE k3s CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
    CREATE USER 'reader'@'127.0.0.1' IDENTIFIED BY '${quoted}' REQUIRE SSL;
    GRANT SELECT ON k3s.* TO 'reader'@'127.0.0.1';
    CREATE USER 'nobody'@'127.0.0.1' IDENTIFIED BY '${quoted}' REQUIRE SSL;`);
});

after(async () => {
  await datastore.stop();
  await rm(root, { recursive: true });
});

beforeEach(async () => {
  await datastore.sql(`DROP TABLE IF EXISTS kine; ${kineSchema} ${insertRows(rows)}`, "k3s");
  host = await BackupHost.create(await mkdtemp(join(root, "host-")).then(open), {
    address: "127.0.0.1",
    port: datastore.port,
    user: "reader",
    password,
    caPath: datastore.caPath,
    token,
    keep: 3,
  });
});

afterEach(async () => {
  assert.deepEqual(await verificationServers(), [], "a verification server was left running");
});

describe("a good run", { timeout: 120_000 }, () => {
  it("keeps a dump from which the datastore comes back row by row", async () => {
    const id = await host.takeBackup();
    await datastore.sql("DROP DATABASE IF EXISTS restored; CREATE DATABASE restored");
    const dump = join(host.settings.directory, id, "kine.sql.gz");
    await execa("bash", [
      "-c",
      `set -o pipefail; gzip -dc ${dump} | mariadb --no-defaults --socket=${datastore.socket} restored`,
    ]);
    const sums = await datastore.sql("CHECKSUM TABLE k3s.kine, restored.kine");
    const [source, restored] = sums.split("\n").map((line) => line.split("\t")[1]);
    assert.equal(restored, source);
    assert.notEqual(restored, "NULL");
  });

  it("describes the backup in a manifest", async () => {
    const id = await host.takeBackup();
    const { stdout } = await host.start(["latest", "--json"]);
    const manifest = JSON.parse(stdout) as Record<string, unknown>;
    const dump = await readFile(join(host.settings.directory, id, "kine.sql.gz"));
    const { sha256, size, startedAt, finishedAt, serverVersion, ...rest } = manifest;
    assert.deepEqual(rest, {
      id,
      engine: "mariadb",
      k3sVersion: "v1.35.0+k3s1",
      source: `127.0.0.1:${datastore.port}/k3s`,
      rows: rows.length,
      revision: rows.length,
      tokenFingerprint: tokenFingerprint(token),
      file: "kine.sql.gz",
    });
    assert.equal(size, dump.length);
    assert.equal(sha256, (await execa("sha256sum", { input: dump })).stdout.split(" ")[0]);
    assert.match(String(serverVersion), /^\d+\.\d+\.\d+-MariaDB/);
    assert.match(id, new RegExp(`^\\d{8}T\\d{6}Z-${rows.length}$`));
    assert.equal(id.slice(0, 16), String(startedAt).replaceAll(/[-:]/g, ""));
    assert.ok(String(finishedAt) >= String(startedAt));
    assert.ok(Math.abs(Date.parse(String(finishedAt)) - Date.now()) < 60_000, "times are in UTC");
  });

  it("leaves nothing else in the directory, and lets nobody but root read the backup", async () => {
    const id = await host.takeBackup();
    const directory = host.settings.directory;
    assert.deepEqual(Object.keys(await host.content()), [
      join(directory, ".lock"),
      join(directory, id, "kine.sql.gz"),
      join(directory, id, "manifest.json"),
    ]);
    assert.equal((await stat(join(directory, id))).mode & 0o777, 0o700);
    for (const file of ["kine.sql.gz", "manifest.json"]) {
      assert.equal((await stat(join(directory, id, file))).mode & 0o777, 0o600);
    }
  });

  it("never shows the password: not in arguments, nor in what it prints or keeps", async () => {
    const seen = join(host.root, "arguments");
    for (const name of ["mariadb", "mariadb-dump", "mariadbd"]) {
      await host.shim(
        name,
        `printf '%s\\n' "$0 $*" >>${seen}; tr '\\0' '\\n' </proc/self/environ >>${seen}; exec ${name} "$@"`,
      );
    }
    // The shim of the verification server runs as somebody else.
    await writeFile(seen, "", { mode: 0o666 });
    await chmod(seen, 0o666);
    const { all } = await host.start(["run"]);
    const texts = [
      all,
      await readFile(seen, "utf8"),
      ...(await Promise.all(Object.keys(await host.content()).map((path) => readFile(path, "latin1")))),
    ];
    assert.match(texts[1] ?? "", /mariadbd .*--skip-networking/);
    assert.match(texts[1] ?? "", /mariadb-dump /);
    for (const text of texts) {
      assert.ok(!text.includes(password));
      assert.ok(!text.includes(token));
    }
  });

  it("takes rows that are written during the run", async () => {
    await host.shim(
      "mariadb-dump",
      `${asRoot("INSERT INTO kine SELECT 0, CONCAT(name, '-new'), 1, 0, 0, 0, 0, value, NULL FROM kine WHERE name LIKE '/registry/namespaces/%'")}; real "$@"`,
    );
    assert.match(await host.takeBackup(), new RegExp(`Z-${rows.length + 4}$`));
  });

  it("takes a compaction during the run for what it is", async () => {
    const target = rows.length - 10;
    await host.shim("mariadb-dump", `${asRoot(compaction(target))}; real "$@"`);
    await host.takeBackup();
    const manifest = JSON.parse((await host.start(["latest", "--json"])).stdout) as { rows: number };
    assert.ok(manifest.rows < rows.length - 90, "the compaction freed rows");
  });

  it("cleans up what a killed run left, and goes on", async () => {
    const stale = join(host.settings.directory, ".partial", "server");
    await mkdir(stale, { recursive: true });
    await writeFile(join(stale, "ibdata1"), "half");
    await host.takeBackup();
    assert.ok(!Object.keys(await host.content()).some((path) => path.includes(".partial")));
  });
});

describe("retention", { timeout: 120_000 }, () => {
  it("keeps the newest verified backups of this cluster, and never one of another", async () => {
    await host.configure({ keep: 2 });
    const first = await host.takeBackup();
    // Another cluster's backup, a damaged one, and one from the future of a wrong clock.
    await copyBackup(first, "20200101T000000Z-7", (manifest) =>
      manifest.replace(tokenFingerprint(token), "000000000000"),
    );
    await copyBackup(first, "20200102T000000Z-8", (manifest) => manifest.replace(/"size": \d+/, '"size": 1'));
    await copyBackup(first, "20990101T000000Z-9", (manifest) => manifest);
    await sleep(1100);
    const second = await host.takeBackup();
    assert.deepEqual(await host.ids(), ["20200101T000000Z-7", "20200102T000000Z-8", second, "20990101T000000Z-9"]);
  });

  it("removes nothing before there are more than are kept", async () => {
    await host.configure({ keep: 2 });
    const first = await host.takeBackup();
    await sleep(1100);
    const second = await host.takeBackup();
    assert.deepEqual(await host.ids(), [first, second]);
    await sleep(1100);
    const third = await host.takeBackup();
    assert.deepEqual(await host.ids(), [second, third]);
  });
});

describe("a run that fails says why, and leaves the earlier backups as they were", { timeout: 120_000 }, () => {
  let earlier: Record<string, string>;
  beforeEach(async () => {
    // One is kept: a retention that ran after a failure would show.
    await host.configure({ keep: 1 });
    const id = await host.takeBackup();
    await copyBackup(id, "20200101T000000Z-7", (manifest) => manifest);
    earlier = await host.content();
  });
  afterEach(async () => {
    assert.deepEqual(await host.content(), earlier);
  });

  it("when the datastore is down", async () => {
    await datastore.stop();
    try {
      await assertFails(
        /the datastore 127\.0\.0\.1:\d+ does not answer; check that it runs and lets this host in: .*2002/,
      );
    } finally {
      await datastore.start();
    }
  });

  it("when the datastore goes down during the dump", async () => {
    await host.shim("mariadb-dump", `kill -KILL $(cat ${datastore.directory}/pid); real "$@"`);
    try {
      await assertFails(/the datastore 127\.0\.0\.1:\d+ does not answer/);
    } finally {
      await datastore.stop();
      await datastore.start();
    }
  });

  it("when the password is wrong", async () => {
    await host.configure({ password: "another" });
    await assertFails(/refused the backup user or its password; run pulumi up, which sets both: .*1045/);
  });

  it("when the user may not read the schema", async () => {
    await host.configure({ user: "nobody" });
    await assertFails(/the backup user may not read the datastore .*1044/);
  });

  it("when the datastore's certificate is of another CA", async () => {
    const other = join(host.root, "other-ca.crt");
    await execa(
      "openssl",
      `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=other -keyout /dev/null -out ${other}`.split(
        " ",
      ),
    );
    await host.configure({ caPath: other });
    await assertFails(/did not prove who it is \(TLS\), so nothing was read from it: .*2026/);
  });

  it("when the datastore's certificate is for another name", async () => {
    await host.configure({ address: "localhost" });
    await assertFails(/did not prove who it is \(TLS\), so nothing was read from it: .*2026/);
  });

  it("when K3s has never started on the datastore", async () => {
    await datastore.sql("DROP TABLE kine", "k3s");
    await assertFails(/holds no cluster: K3s has never started on it: .*1146/);
  });

  it("when the dump is cut short", async () => {
    await host.shim(
      "mariadb-dump",
      `real "$@"; truncate --size=-200 ${join(host.settings.directory, ".partial/kine.sql")}`,
    );
    await assertFails(/the dump is cut short: its last line is not "-- Dump completed"/);
  });

  it("when the dump is empty", async () => {
    await host.shim("mariadb-dump", `: >${join(host.settings.directory, ".partial/kine.sql")}`);
    await assertFails(/the dump is cut short/);
  });

  it("when the dump is whole to look at, and lacks rows", async () => {
    await host.shim("mariadb-dump", `real "$@" --where='id NOT BETWEEN 100 AND 110'`);
    await assertFails(
      new RegExp(
        `the restored copy has ${rows.length - 11} rows, and the datastore had ${rows.length} before the dump`,
      ),
    );
  });

  it("when the dump is of an earlier time", async () => {
    await host.shim(
      "mariadb-dump",
      `real "$@" --where='id < ${rows.length}'; ${asRoot("INSERT INTO kine(name) VALUES ('x')")}`,
    );
    await assertFails(/the restored copy has \d+ rows, and the datastore had \d+ before the dump/);
  });

  it("when the dump cannot be restored", async () => {
    const dump = join(host.settings.directory, ".partial/kine.sql");
    await host.shim("mariadb-dump", `real "$@"; sed -i 's/^INSERT INTO .kine. VALUES/INSERT INTO kin VALUES/' ${dump}`);
    await assertFails(/the dump cannot be restored: ERROR 1100/);
  });

  it("when the cluster's keys are of another token", async () => {
    await host.configure({ token: "a token that was mixed up" });
    await assertFails(
      new RegExp(
        `no cluster keys under /bootstrap/${tokenFingerprint("a token that was mixed up")}: they belong to another server token`,
      ),
    );
    await host.configure({ token });
  });

  it("when the cluster's keys are only locked yet", async () => {
    await datastore.sql("DELETE FROM kine WHERE name LIKE '/bootstrap/%' AND LENGTH(value) > 0", "k3s");
    await assertFails(
      /does not hold the cluster's keys \(\/bootstrap\/\) yet: K3s has not finished its first start on it/,
    );
  });

  it("when there are no cluster keys", async () => {
    await datastore.sql("DELETE FROM kine WHERE name LIKE '/bootstrap/%'", "k3s");
    await assertFails(
      /does not hold the cluster's keys \(\/bootstrap\/\) yet: K3s has not finished its first start on it/,
    );
  });

  it("when the table is not a whole datastore", async () => {
    await datastore.sql("DELETE FROM kine WHERE name = 'compact_rev_key'", "k3s");
    await assertFails(/has 0 rows compact_rev_key where K3s keeps 1/);
    await datastore.sql(
      `INSERT INTO kine(name, prev_revision) VALUES ('compact_rev_key', 0); DELETE FROM kine WHERE name LIKE '/registry/namespaces/%'`,
      "k3s",
    );
    await assertFails(/holds no namespace/);
  });

  it("when the dump is killed", async () => {
    await host.shim("mariadb-dump", `echo half >${join(host.settings.directory, ".partial/kine.sql")}; kill -KILL $$`);
    await assertFails(/the dump was ended by the signal KILL before it was complete/);
  });

  it("when the verification server does not start", async () => {
    await host.shim("mariadbd", `exec mariadbd "$@" --innodb-data-file-path=nonsense`);
    await assertFails(/the verification server does not start: .*ERROR/);
  });

  it("when the verification server cannot get to its directory", async () => {
    await chmod(host.settings.directory, 0o700);
    await assertFails(/the user nobody cannot reach .*\.partial; make every directory above it searchable/);
  });

  it("when it is told to stop", async () => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      const { running } = await stuckInDump();
      running.kill(signal);
      const { exitCode, all } = await running;
      assert.equal(exitCode, 143);
      assert.match(all, /stopped by a signal; the earlier backups are as they were/);
      await endStuck();
    }
  });

  it("when the disk is too small", async () => {
    await withSmallDisk("64m", async () => {
      await assertFails(
        /has 6\d MiB left and a backup takes up to 16\d MiB while it is made; free some, or keep fewer backups/,
      );
      assert.deepEqual(await host.ids(), []);
    });
  });

  it("when the disk fills up during the dump", async () => {
    await withSmallDisk("256m", async (disk) => {
      await host.shim("mariadb-dump", `head -c 1G /dev/zero >${disk}/others 2>/dev/null; real "$@"`);
      await assertFails(/the dump could not be written: the disk of .* is full/);
      assert.deepEqual(await host.ids(), []);
    });
  });

  it("when the disk fills up during the restore", async () => {
    await withSmallDisk("256m", async (disk) => {
      await host.shim("mariadbd", `head -c 1G /dev/zero >${disk}/others 2>/dev/null; exec mariadbd "$@"`);
      await chmod(disk, 0o777);
      await assertFails(/the verification server does not start: the disk of .* is full/);
      assert.deepEqual(await host.ids(), []);
    });
  });

  it("when the disk fills up after the check", async () => {
    await withSmallDisk("256m", async (disk) => {
      await host.shim("gzip", `head -c 1G /dev/zero >${disk}/others 2>/dev/null; real "$@"`);
      await assertFails(/the dump could not be compressed: the disk of .* is full/);
      assert.deepEqual(await host.ids(), []);
    });
  });

  it("when the disk gives back something else than was written", async () => {
    await host.shim(
      "gzip",
      `if [[ $* == *--decompress* ]]; then real "$@" | sed s/namespaces/nonsense/; else real "$@"; fi`,
    );
    await assertFails(/could not be compressed: what was written reads back differently; check this disk/);
  });

  it("when a file grows over the limit of the process", async () => {
    const { exitCode, all } = await execa("bash", ["-c", `ulimit -f 200; exec bash ${programPath} run`], {
      env: { K3S_HA_BACKUP_CONFIG: host.settingsPath },
      reject: false,
      all: true,
    });
    assert.equal(exitCode, 1);
    assert.match(all, /the dump was ended by the signal XFSZ/);
  });

  it("when its directory is not there", async () => {
    const { directory } = host.settings;
    await host.configure({ directory: "/nonexistent/backups" });
    await assertFails(/the backup directory \/nonexistent\/backups does not exist; is its disk mounted\?/);
    await host.configure({ directory });
  });
});

describe("two runs", { timeout: 120_000 }, () => {
  it("never run at once: the second does nothing and says so", async () => {
    const { running: first } = await stuckInDump();
    await assertFails(/another backup is being taken on this host; this run did nothing/);
    await endStuck();
    const { exitCode, all } = await first;
    assert.equal(exitCode, 0, all);
    assert.equal((await host.ids()).length, 1);
  });

  it("follow each other after one was killed without mercy", async () => {
    const earlier = await host.takeBackup();
    await host.shim(
      "mariadb",
      `case "$*" in *--socket*kine) echo $$ >${host.root}/stuck; exec sleep 600 >/dev/null 2>&1 ;; esac; real "$@"`,
    );
    const running = host.start(["run"]);
    await appears(join(host.root, "stuck"));
    assert.equal((await verificationServers()).length, 1);
    running.kill("SIGKILL");
    await sleep(300);
    assert.deepEqual(await verificationServers(), [], "the verification server ends with the run");
    await endStuck();
    await running;
    assert.deepEqual(await host.ids(), [earlier]);
    await host.shim("mariadb", undefined);
    const later = await host.takeBackup();
    assert.deepEqual(await host.ids(), [earlier, later]);
    assert.ok(!Object.keys(await host.content()).some((path) => path.includes(".partial")));
  });
});

describe("list and latest", { timeout: 120_000 }, () => {
  it("tell that there is none yet", async () => {
    const { exitCode, all } = await host.start(["latest"]);
    assert.equal(exitCode, 1);
    assert.match(all, /there is no verified backup of this cluster in .* yet/);
    assert.match((await host.start(["list"])).stdout, /^ID +TAKEN +ROWS +SIZE +VERIFIED +TOKEN$/);
  });

  it("show every backup, and which is damaged", async () => {
    const id = await host.takeBackup();
    await copyBackup(id, "20200101T000000Z-7", (manifest) => manifest.replace(tokenFingerprint(token), "000000000000"));
    await copyBackup(id, "20990101T000000Z-9", (manifest) => manifest);
    await truncate(join(host.settings.directory, "20990101T000000Z-9", "kine.sql.gz"), 100);
    const { stdout } = await host.start(["list"]);
    const lines = stdout
      .split("\n")
      .slice(1)
      .map((line) => line.split(/ {2,}| (?=yes|DAMAGED)|(?<=yes|DAMAGED) /));
    assert.deepEqual(
      lines.map((line) => [line[0], line.at(-2)?.trim(), line.at(-1)]),
      [
        ["20200101T000000Z-7", "yes", "000000000000"],
        [id, "yes", tokenFingerprint(token)],
        ["20990101T000000Z-9", "DAMAGED", tokenFingerprint(token)],
      ],
    );
    // Neither another cluster's backup nor a damaged one is this cluster's latest.
    assert.equal((await host.start(["latest"])).stdout, id);
  });

  it("explain the command to who gives none", async () => {
    for (const args of [[], ["restore"]]) {
      const { exitCode, all } = await host.start(args);
      assert.equal(exitCode, 2);
      assert.match(all, /^usage: k3s-ha-backup COMMAND/);
    }
  });
});

/** A statement that the shims run in the datastore as root. */
function asRoot(statement: string): string {
  return `echo "${statement}" | command mariadb --no-defaults --socket=${datastore.socket} k3s`;
}

/** What kine does to compact to a revision, in one transaction. */
function compaction(revision: number): string {
  return `BEGIN;
DELETE kv FROM kine AS kv INNER JOIN (
  SELECT kp.prev_revision AS id FROM kine AS kp WHERE kp.name != 'compact_rev_key' AND kp.prev_revision != 0 AND kp.id <= ${revision}
  UNION SELECT kd.id AS id FROM kine AS kd WHERE kd.deleted != 0 AND kd.id <= ${revision}
) AS ks ON kv.id = ks.id;
UPDATE kine SET prev_revision = ${revision} WHERE name = 'compact_rev_key';
COMMIT`;
}

async function assertFails(message: RegExp): Promise<void> {
  const { exitCode, all } = await host.start(["run"]);
  assert.equal(exitCode, 1, all);
  assert.match(all, message);
  assert.equal(all.trim().split("\n").length, 1, `more than one line: ${all}`);
}

/** Makes a backup from another one, with an id and a manifest of its own. */
async function copyBackup(from: string, id: string, change: (manifest: string) => string): Promise<void> {
  const { directory } = host.settings;
  await execa("cp", ["-a", join(directory, from), join(directory, id)]);
  const manifest = join(directory, id, "manifest.json");
  await writeFile(manifest, change((await readFile(manifest, "utf8")).replace(from, id)));
}

/** A run that has made its dump and waits, until {@link endStuck}. */
async function stuckInDump(): Promise<{ running: ReturnType<BackupHost["start"]> }> {
  await rm(join(host.root, "stuck"), { force: true });
  await host.shim("mariadb-dump", `real "$@"; sleep 600 >/dev/null 2>&1 & echo $! >${host.root}/stuck; wait; exit 0`);
  const running = host.start(["run"]);
  await appears(join(host.root, "stuck"));
  return { running };
}

/** Ends what a shim waits for, by its process id. */
async function endStuck(): Promise<void> {
  process.kill(Number(await readFile(join(host.root, "stuck"), "utf8")));
}

/** Runs `test` with a small disk of its own under the backup directory. */
async function withSmallDisk(size: string, test: (disk: string) => Promise<void>): Promise<void> {
  const { directory } = host.settings;
  const disk = join(host.root, "disk");
  await mkdir(disk);
  await execa("mount", ["-t", "tmpfs", "-o", `size=${size},mode=0711`, "none", disk]);
  try {
    await host.configure({ directory: disk });
    await test(disk);
  } finally {
    await host.configure({ directory });
    await execa("umount", [disk]);
  }
}

async function open(path: string): Promise<string> {
  await chmod(path, 0o711);
  return path;
}

async function appears(path: string): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    if ((await stat(path).catch(() => undefined)) !== undefined) return;
    await sleep(50);
  }
  throw new Error(`${path} did not appear`);
}

/** Command lines of the verification servers of this test. */
async function verificationServers(): Promise<string[]> {
  const { stdout } = await execa("ps", ["-eo", "args"]);
  return stdout
    .split("\n")
    .filter((line) => line.includes("mariadbd") && line.includes("--skip-networking") && line.includes(root));
}
