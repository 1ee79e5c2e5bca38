/** A real datastore and a backup host of the test, made again for each test. Programs are made to fail by shims. */
import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { manifestKey } from "../../../components/identity/tokenFingerprint.ts";
import { eventually } from "../../support/eventually.ts";
import { BackupHost } from "./backupHost.ts";
import { insertRows, kineRows, kineSchema } from "./kineRows.ts";
import { TestDatastore } from "./testDatastore.ts";

export const token = "a-token-of-the-cluster-0123456789abcdef";
export const password = `p"a's#s\\w/o%r d;`;
export const rows = kineRows(token);

export let root: string;
export let datastore: TestDatastore;
export let host: BackupHost;

/** Registers what each test of a file starts with: a datastore that runs and holds a cluster, and no backup yet. */
export function useBackupHost(): void {
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
    await eventually(async () => {
      assert.deepEqual(await verificationServers(), [], "a verification server was left running");
    }, 30);
  });
}

/** A statement that the shims run in the datastore as root. */
export function asRoot(statement: string): string {
  return `echo "${statement}" | command mariadb --no-defaults --socket=${datastore.socket} k3s`;
}

/** What kine does to compact to a revision, in one transaction. */
export function compaction(revision: number): string {
  return `BEGIN;
DELETE kv FROM kine AS kv INNER JOIN (
  SELECT kp.prev_revision AS id FROM kine AS kp WHERE kp.name != 'compact_rev_key' AND kp.prev_revision != 0 AND kp.id <= ${revision}
  UNION SELECT kd.id AS id FROM kine AS kd WHERE kd.deleted != 0 AND kd.id <= ${revision}
) AS ks ON kv.id = ks.id;
UPDATE kine SET prev_revision = ${revision} WHERE name = 'compact_rev_key';
COMMIT`;
}

export async function assertFails(message: RegExp): Promise<void> {
  const { exitCode, all } = await host.start(["run"]);
  assert.equal(exitCode, 1, all);
  assert.match(all, message);
  assert.equal(all.trim().split("\n").length, 1, `more than one line: ${all}`);
}

/** Has backups copied to a directory of the test, as rclone does to any store. */
export async function copyToDirectory(prune = true): Promise<string> {
  const store = join(host.root, "store");
  await mkdir(store, { recursive: true });
  const config = join(host.root, "rclone.conf");
  await writeFile(config, "[copy]\ntype = local\n");
  await host.configure({
    more: { ...host.settings.more, copy: { config, path: store, destination: `local:///${store}`, prune } },
  });
  return store;
}

/** Makes a backup from another one, with an id and a manifest of its own, which is signed as the program would. */
export async function copyBackup(from: string, id: string, change: (manifest: string) => string): Promise<void> {
  const { directory } = host.settings;
  await execa("cp", ["-a", join(directory, from), join(directory, id)]);
  const manifest = join(directory, id, "manifest.json");
  await writeFile(manifest, change((await readFile(manifest, "utf8")).replace(from, id)));
  await sign(id);
}

/** Signs a manifest with the key of a token, this cluster's by default. */
export async function sign(id: string, by = token): Promise<void> {
  const directory = join(host.settings.directory, id);
  const key = Buffer.from(manifestKey(by), "hex");
  const manifest = await readFile(join(directory, "manifest.json"));
  await writeFile(join(directory, "manifest.hmac"), `${createHmac("sha256", key).update(manifest).digest("hex")}\n`);
}

/** Puts another dump into a backup that is not encrypted, and into its manifest: what anybody can do who writes there. */
export async function replaceDump(id: string, change: (dump: string) => string): Promise<void> {
  const directory = join(host.settings.directory, id);
  const file = join(directory, "kine.sql.zst");
  const { stdout } = await execa("zstd", ["-dc", file], { stripFinalNewline: false });
  const dump = change(stdout);
  await execa("zstd", ["--quiet", "--force", "-o", file], { input: dump });
  const path = join(directory, "manifest.json");
  const stored = await readFile(file);
  const fields = {
    dumpSize: Buffer.byteLength(dump),
    dumpSha256: sha256(dump),
    size: stored.length,
    sha256: sha256(stored),
  };
  let manifest = await readFile(path, "utf8");
  for (const [name, value] of Object.entries(fields)) {
    manifest = manifest.replace(new RegExp(`"${name}": .*?(,?)$`, "m"), `"${name}": ${JSON.stringify(value)}$1`);
  }
  await writeFile(path, manifest);
}

function sha256(content: string | Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}

/** A run that has made its dump and waits, until {@link endStuck}. */
export async function stuckInDump(): Promise<{ running: ReturnType<BackupHost["start"]> }> {
  await rm(join(host.root, "stuck"), { force: true });
  await host.shim("mariadb-dump", `real "$@"; sleep 600 >/dev/null 2>&1 & echo $! >${host.root}/stuck; wait; exit 0`);
  const running = host.start(["run"]);
  await appears(join(host.root, "stuck"));
  return { running };
}

/** Ends what a shim waits for, by its process id, unless the program has ended it with its children. */
export async function endStuck(): Promise<void> {
  const pid = await readFile(join(host.root, "stuck"), "utf8");
  await execa("kill", [pid.trim()], { reject: false });
}

/** Runs `test` with a small disk of its own under the backup directory. */
export async function withSmallDisk(size: string, test: (disk: string) => Promise<void>): Promise<void> {
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

export async function open(path: string): Promise<string> {
  await chmod(path, 0o711);
  return path;
}

export async function appears(path: string): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    if ((await stat(path).catch(() => undefined)) !== undefined) return;
    await sleep(50);
  }
  throw new Error(`${path} did not appear`);
}

/** Command lines of the verification servers of this test. */
export async function verificationServers(): Promise<string[]> {
  const { stdout } = await execa("ps", ["-eo", "args"]);
  return stdout
    .split("\n")
    .filter((line) => line.includes("mariadbd") && line.includes("--skip-networking") && line.includes(root));
}
