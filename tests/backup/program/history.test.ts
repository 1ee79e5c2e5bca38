// Proves that a datastore which went back to a lower revision, as an emptied or a new one does, costs none of the backups of
// the longer history, here or in the copies, and that it is reported until the one or the other is chosen.
import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { copyToDirectory, datastore, host, rows, useBackupHost } from "./fixture.ts";

useBackupHost();

const highest = 100_000;

/** A backup of a long history; afterwards the datastore holds a shorter one. */
async function emptiedAfterBackup(): Promise<string> {
  await datastore.sql(`INSERT INTO kine (id, name) VALUES (${highest}, '/registry/pods/a/b')`, "k3s");
  const long = await host.takeBackup();
  await datastore.sql(`DELETE FROM kine WHERE id = ${highest}`, "k3s");
  await sleep(1100);
  return long;
}

const explained = (short: string, long: string, from = "") =>
  `the newest backup ${short} is at revision ${rows.length}, but the earlier ${long} at ${highest}: the datastore has a shorter history than before, so it was replaced or emptied, and no old backup is removed. To return to the cluster of ${long}: make restore BACKUP=${long}${from}. To continue with the shorter history: k3s-ha-backup accept ${short}`;

describe("a datastore that went back to a lower revision", { timeout: 600_000 }, () => {
  it("has its backups taken, and removes none of the longer history until that is accepted", async () => {
    await host.configure({ keep: 1 });
    const long = await emptiedAfterBackup();
    const { exitCode, all } = await host.start(["run"]);
    const [, short = ""] = await host.ids();
    assert.equal(exitCode, 4, all);
    assert.equal(all.split("\n").at(-1), `k3s-ha-backup: ${explained(short, long)}`);
    assert.deepEqual(await host.ids(), [long, short]);

    // It continues, and is reported, with every run; what is taken before a change does not stop the change.
    await sleep(1100);
    const later = await host.takeBackup("--label", "pre-upgrade");
    assert.deepEqual(await host.ids(), [long, short, later]);
    assert.deepEqual((await host.start(["check"])).all, `CRITICAL: ${explained(later, long)}`);

    const latest = await host.start(["latest"]);
    assert.deepEqual(
      [latest.exitCode, latest.stdout, latest.stderr],
      [0, later, `k3s-ha-backup: ${explained(later, long)}`],
    );
    for (const command of [
      ["show", "latest"],
      ["extract", "latest", join(host.root, "out")],
    ]) {
      const refused = await host.start(command);
      assert.deepEqual(
        [refused.exitCode, refused.all],
        [1, `k3s-ha-backup: choose the backup by its id: ${explained(later, long)}`],
      );
    }
    assert.equal((await host.start(["show", long])).exitCode, 0);
    const drilled = await host.start(["drill"]);
    assert.equal(drilled.exitCode, 0);
    assert.ok(drilled.all.startsWith(`k3s-ha-backup: ${explained(later, long)}\n`), drilled.all);

    assert.equal(
      (await host.start(["accept", short])).all,
      `the cluster's history now begins with backup ${short}; older backups stay as long as a generation keeps them`,
    );
    await sleep(1100);
    const newest = await host.takeBackup();
    assert.deepEqual(await host.ids(), [later, newest], "the labelled one stays for 30 days");
    assert.match((await host.start(["check"])).all, /^OK: /);
  });

  it("costs no copy of the longer history, though none of it is here any more", async () => {
    const store = await copyToDirectory();
    await host.configure({ keep: 1 });
    const long = await emptiedAfterBackup();
    await rm(join(host.settings.directory, long), { recursive: true });
    const { exitCode, all } = await host.start(["run"]);
    const [short = ""] = await host.ids();
    assert.equal(exitCode, 4);
    assert.equal(all.split("\n").at(-1), `k3s-ha-backup: ${explained(short, long, " FROM=copy")}`);
    const { all: fetched, exitCode: failed } = await host.start(["fetch", "latest"]);
    assert.equal(failed, 1);
    assert.equal(fetched, `k3s-ha-backup: choose the copy by its id: ${explained(short, long, " FROM=copy")}`);
    assert.equal((await host.start(["fetch", long])).all, long);
    assert.ok(store.length > 0);
  });

  it("is not what a restore leaves, which moves revisions up", async () => {
    await host.configure({ keep: 1 });
    await emptiedAfterBackup();
    await datastore.sql(`INSERT INTO kine (id, name) VALUES (${highest + 1000}, 'gap-${highest + 1000}')`, "k3s");
    const restored = await host.takeBackup();
    assert.deepEqual(await host.ids(), [restored]);
  });
});
