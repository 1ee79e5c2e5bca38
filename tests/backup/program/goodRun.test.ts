// Proves, against a real MariaDB over TLS, that what a run keeps can be restored row by row. It does not prove the
// systemd units, nor a restore into a running cluster: the sandbox does.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmod, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { execa } from "execa";
import { tokenFingerprint } from "../../../components/identity/tokenFingerprint.ts";
import { asRoot, compaction, datastore, host, password, rows, token, useBackupHost } from "./fixture.ts";

useBackupHost();

describe("a good run", { timeout: 600_000 }, () => {
  it("keeps a dump from which the datastore comes back row by row", async () => {
    const id = await host.takeBackup();
    await datastore.sql("DROP DATABASE IF EXISTS restored; CREATE DATABASE restored");
    const dump = join(host.settings.directory, id, "kine.sql.zst");
    await execa("bash", [
      "-c",
      `set -o pipefail; zstd -dc ${dump} | mariadb --no-defaults --socket=${datastore.socket} restored`,
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
    const dump = await readFile(join(host.settings.directory, id, "kine.sql.zst"));
    const { sha256, size, startedAt, finishedAt, serverVersion, dumpSize, dumpSha256, ...rest } = manifest;
    assert.deepEqual(rest, {
      format: 3,
      id,
      label: "",
      engine: "mariadb",
      k3sVersion: "v1.35.0+k3s1",
      source: `127.0.0.1:${datastore.port}/k3s`,
      rows: rows.length,
      revision: rows.length,
      tokenFingerprint: tokenFingerprint(token),
      recipients: "",
      tokenFile: "",
      tokenSha256: "",
      file: "kine.sql.zst",
    });
    const { stdout: text } = await execa("zstd", ["--decompress", "--stdout"], {
      input: dump,
      encoding: "buffer",
      stripFinalNewline: false,
    });
    assert.equal(dumpSize, text.length);
    assert.equal(dumpSha256, createHash("sha256").update(text).digest("hex"));
    assert.equal(size, dump.length);
    assert.equal(sha256, (await execa("sha256sum", { input: dump })).stdout.split(" ")[0]);
    assert.match(String(serverVersion), /^\d+\.\d+\.\d+-MariaDB/);
    assert.match(id, new RegExp(`^\\d{8}T\\d{6}Z-${rows.length}$`));
    assert.equal(id.slice(0, 16), String(startedAt).replaceAll(/[-:]/g, ""));
    assert.ok(String(finishedAt) >= String(startedAt));
    assert.ok(Math.abs(Date.parse(String(finishedAt)) - Date.now()) < 60_000, "times are in UTC");
  });

  it("leaves nothing else in the directory, and lets only root read the backup", async () => {
    const id = await host.takeBackup();
    const directory = host.settings.directory;
    assert.deepEqual(Object.keys(await host.content()), [
      join(directory, ".lock"),
      join(directory, id, "kine.sql.zst"),
      join(directory, id, "manifest.hmac"),
      join(directory, id, "manifest.json"),
    ]);
    assert.equal((await stat(join(directory, id))).mode & 0o777, 0o700);
    for (const file of ["kine.sql.zst", "manifest.hmac", "manifest.json"]) {
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
    // The shim of the verification server runs as another user.
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

  it("cleans up what a killed run left, and continues", async () => {
    const stale = join(host.settings.directory, ".partial", "server");
    await mkdir(stale, { recursive: true });
    await writeFile(join(stale, "ibdata1"), "half");
    await host.takeBackup();
    assert.ok(!Object.keys(await host.content()).some((path) => path.includes(".partial")));
  });
});
