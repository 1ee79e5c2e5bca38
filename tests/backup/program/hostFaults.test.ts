// Proves that a run which its own host spoils (its disk, its programs, a signal) tells why in one sentence, and costs no
// earlier backup.
import assert from "node:assert/strict";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { execa } from "execa";
import { assertFails, copyBackup, endStuck, host, stuckInDump, useBackupHost, withSmallDisk } from "./fixture.ts";

useBackupHost();

describe("a run that fails says why, and leaves the earlier backups as they were", { timeout: 600_000 }, () => {
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

  it("when the dump is killed", async () => {
    await host.shim("mariadb-dump", `echo half >${join(host.settings.directory, ".partial/kine.sql")}; kill -KILL $$`);
    await assertFails(/the signal KILL ended the dump before it was complete/);
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
        /has 6\d MiB left, but a backup in progress needs up to 16\d MiB; free some space, or keep fewer backups/,
      );
      assert.deepEqual(await host.ids(), []);
    });
  });

  it("when the disk fills up during the dump", async () => {
    await withSmallDisk("256m", async (disk) => {
      const good = await host.takeBackup();
      await host.shim("mariadb-dump", `head -c 1G /dev/zero >${disk}/others 2>/dev/null; real "$@"`);
      await assertFails(/the dump could not be written: the disk of .* is full/);
      assert.deepEqual(await host.ids(), [good]);
      assert.equal((await host.start(["verify"])).all, `${good} is what was written`);
    });
  });

  it("when the disk fills up during the restore", async () => {
    await withSmallDisk("256m", async (disk) => {
      await host.shim("mariadbd", `head -c 1G /dev/zero >${disk}/others 2>/dev/null; exec mariadbd "$@"`);
      // The verification server's user may write this one file of the disk.
      await writeFile(join(disk, "others"), "");
      await chmod(join(disk, "others"), 0o666);
      await assertFails(/the verification server does not start: the disk of .* is full/);
      assert.deepEqual(await host.ids(), []);
    });
  });

  it("when the disk fills up after the check", async () => {
    await withSmallDisk("256m", async (disk) => {
      await host.shim("zstd", `head -c 1G /dev/zero >${disk}/others 2>/dev/null; real "$@"`);
      await assertFails(/the dump could not be compressed: the disk of .* is full/);
      assert.deepEqual(await host.ids(), []);
    });
  });

  it("when the disk gives back something else than was written", async () => {
    await host.shim(
      "zstd",
      `if [[ $* == *--decompress* ]]; then real "$@" | sed s/namespaces/nonsense/; else real "$@"; fi`,
    );
    await assertFails(
      /could not be compressed: the file reads back differently from what was written; check this disk/,
    );
  });

  it("when a file grows over the limit of the process", async () => {
    const { exitCode, all } = await execa("bash", ["-c", `ulimit -f 200; exec bash ${host.programPath} run`], {
      env: { K3S_HA_BACKUP_CONFIG: host.settingsPath },
      reject: false,
      all: true,
    });
    assert.equal(exitCode, 1);
    assert.match(all, /the signal XFSZ ended the dump/);
  });

  it("when its directory is not there", async () => {
    const { directory } = host.settings;
    await host.configure({ directory: "/nonexistent/backups" });
    await assertFails(/the backup directory \/nonexistent\/backups does not exist; is its disk mounted\?/);
    await host.configure({ directory });
  });
});
