/**
 * Prints, as a table in Markdown, how long a backup and its restore take and how large it is, by the rows in the datastore.
 * Rows are of the size that objects of the API have: 1.2 KB, a third of it random. The restore is the database's part of one,
 * which is the part that grows with the rows: opened, the current content dumped, imported beside it, compared, exchanged, each as
 * safe on the disk as the managed database keeps it. `make bench ARGS=backups` as root takes about two minutes.
 */
import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { BackupHost } from "../backup/program/backupHost.ts";
import { insertRows, kineRows, kineSchema } from "../backup/program/kineRows.ts";
import { TestDatastore } from "../backup/program/testDatastore.ts";
import { renderHostScript } from "../../components/host/hostScript.ts";
import { tokenFingerprint } from "../../components/identity/tokenFingerprint.ts";
import { engineScripts } from "../../components/datastore/engine/scripts.ts";

const token = "a-token-of-the-cluster-0123456789abcdef";
const root = await mkdtemp(join(tmpdir(), "k3s-ha-sizes-"));
await chmod(root, 0o711);
const datastore = await TestDatastore.create(join(root, "datastore"));
try {
  await datastore.sql(`CREATE DATABASE k3s CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
    CREATE USER 'reader'@'127.0.0.1' IDENTIFIED BY 'secret' REQUIRE SSL; GRANT SELECT ON k3s.* TO 'reader'@'127.0.0.1'`);
  const key = join(root, "key");
  await execa("age-keygen", ["--output", key]);
  const recipients = [(await execa("age-keygen", ["-y", key])).stdout];
  const tokenEscrow = join(root, "token.age");
  await execa("age", ["--recipient", recipients[0] ?? "", "--output", tokenEscrow], { input: token });
  console.log(
    "| rows | dump | backup, compressed and encrypted | time of a run | of it, until the dump is restored and checked | restore: the database's part | of it, while the API is down |",
  );
  console.log("| --- | --- | --- | --- | --- | --- | --- |");
  for (const count of [1000, 10_000, 100_000]) {
    const rows = kineRows(token);
    await datastore.sql(`DROP TABLE IF EXISTS kine; ${kineSchema} ${insertRows(rows)}`, "k3s");
    await datastore.sql(
      `INSERT INTO kine(name, created, deleted, create_revision, prev_revision, lease, value, old_value)
       SELECT CONCAT('/registry/pods/default/pod-', seq), 1, 0, 0, 0, 0,
              CONCAT('k8s', REPEAT('{"metadata":{"name":"x"}}', 32), RANDOM_BYTES(400)), NULL FROM seq_1_to_${count - rows.length}`,
      "k3s",
    );
    const directory = await mkdtemp(join(root, "host-"));
    await chmod(directory, 0o711);
    const host = await BackupHost.create(directory, {
      address: "127.0.0.1",
      port: datastore.port,
      user: "reader",
      password: "secret",
      caPath: datastore.caPath,
      token,
      keep: 1,
    });
    await host.configure({ more: { recipients, tokenEscrow } });
    const sealed = join(directory, "sealed");
    await host.shim("zstd", `[[ -e ${sealed} ]] || touch ${sealed}; real "$@"`);
    const start = Date.now();
    const id = await host.takeBackup();
    const took = Date.now() - start;
    const checked = (await stat(sealed)).birthtimeMs - start;
    const { dumpSize, size } = JSON.parse((await host.start(["latest", "--json"])).stdout) as Record<string, number>;
    if (!id.endsWith(`-${count}`)) throw new Error(`${id} is not of ${count} rows`);
    const mib = (bytes = 0) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
    const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
    const { opened, exchanged } = await restore(host, id, key, count);
    console.log(
      `| ${count.toLocaleString("en")} | ${mib(dumpSize)} | ${mib(size)} | ${seconds(took)} | ${seconds(checked)} | ${seconds(opened + exchanged)} | ${seconds(exchanged)} |`,
    );
  }
} finally {
  await datastore.stop();
  await rm(root, { recursive: true, force: true });
}

/** Milliseconds that it takes to open a backup, and to put it in the place of what the datastore holds. */
async function restore(host: BackupHost, id: string, key: string, count: number) {
  await datastore.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 1");
  const state = await mkdtemp(join(root, "restore-"));
  await mkdir(join(state, "restore"));
  // The script logs in as root over the database's default socket.
  await writeFile(join(state, ".my.cnf"), `[client]\nsocket=${datastore.socket}\n`);
  const start = Date.now();
  const { all, exitCode } = await host.start(["extract", id, join(state, "restore/kine.sql.zst"), "--identity", key]);
  if (exitCode !== 0) throw new Error(all);
  const opened = Date.now() - start;
  for (const phase of ["room", "lock", "prepare", "swap", "open"]) {
    const script = renderHostScript({
      body: engineScripts.datastoreRestore,
      parts: [engineScripts.sqlImport, engineScripts.raisedRevision, engineScripts.datastoreExchange],
      variables: {
        host_name: "db-1",
        database: "k3s",
        k3s_user: "k3s",
        safety_directory: join(state, "before"),
        started: `rows${count}`,
        phase,
        expected_rows: count,
        expected_revision: count,
        token_fingerprint: tokenFingerprint(token),
      },
    });
    const input = script
      .replace("state_directory=/var/lib/k3s-ha", `state_directory=${state}`)
      .replace("/var/lib/mysql", join(datastore.directory, "data"));
    await execa("bash", ["-s", "apply"], { input, env: { HOME: state } });
  }
  if ((await datastore.sql("SELECT COUNT(*) FROM kine", "k3s")) !== String(count)) throw new Error("rows were lost");
  return { opened, exchanged: Date.now() - start - opened };
}
