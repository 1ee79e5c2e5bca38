// Proves what the program reports about the existing backups.
import assert from "node:assert/strict";
import { truncate } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { tokenFingerprint } from "../../../components/identity/tokenFingerprint.ts";
import { copyBackup, host, token, useBackupHost } from "./fixture.ts";

useBackupHost();

describe("list and latest", { timeout: 600_000 }, () => {
  it("tell that there is none yet", async () => {
    const { exitCode, all } = await host.start(["latest"]);
    assert.equal(exitCode, 1);
    assert.match(all, /there is no verified backup of this cluster in .* yet/);
    assert.match((await host.start(["list"])).stdout, /^ID +TAKEN +ROWS +SIZE +VERIFIED +COPIED +TOKEN +KEPT$/);
  });

  it("show every backup, and which is damaged", async () => {
    const id = await host.takeBackup();
    await copyBackup(id, "20200101T000000Z-7", (manifest) => manifest.replace(tokenFingerprint(token), "000000000000"));
    await copyBackup(id, "20990101T000000Z-9", (manifest) => manifest);
    await truncate(join(host.settings.directory, "20990101T000000Z-9", "kine.sql.zst"), 100);
    const { stdout } = await host.start(["list"]);
    const lines = stdout.split("\n").map((line) => line.split(/ +/));
    assert.deepEqual(lines[0], ["ID", "TAKEN", "ROWS", "SIZE", "VERIFIED", "COPIED", "TOKEN", "KEPT"]);
    assert.deepEqual(
      lines
        .slice(1)
        .map(([name, , , , verified, copied, cluster, ...kept]) => [name, verified, copied, cluster, ...kept]),
      [
        ["20200101T000000Z-7", "unknown", "-", "000000000000", "-"],
        [id, "yes", "-", tokenFingerprint(token), "newest"],
        ["20990101T000000Z-9", "DAMAGED", "-", tokenFingerprint(token), "-"],
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
