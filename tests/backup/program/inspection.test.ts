// Proves that what happened to copies after they were made is noticed, by name, and made good where it can be.
import assert from "node:assert/strict";
import { readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { copyBackup, copyToDirectory, host, sign, useBackupHost } from "./fixture.ts";

useBackupHost();

let store: string;
let older: string;
let newer: string;

beforeEach(async () => {
  store = await copyToDirectory();
  older = await host.takeBackup();
  await sleep(1100);
  newer = await host.takeBackup();
});

const gone = (...ids: string[]) =>
  `k3s-ha-backup: copies in local:///${store} are missing or damaged, and the next run makes them again: ${ids.join(" ")}; find out what removes or changes them there`;

async function inspect(): Promise<readonly [number | undefined, string]> {
  const { exitCode, all } = await host.start(["inspect"]);
  return [exitCode, all];
}

describe("an inspection", { timeout: 600_000 }, () => {
  it("finds nothing where all is as it was", async () => {
    const [exitCode, all] = await inspect();
    assert.equal(exitCode, 0, all);
    assert.match(
      all,
      new RegExp(`^OK: the newest verified backup ${newer} is \\d min old, and the newest copy \\d min$`),
    );
  });

  it("notices a store that was emptied, and the next run fills it", async () => {
    for (const id of await readdir(store)) await rm(join(store, id), { recursive: true });
    assert.deepEqual(await inspect(), [1, gone(older, newer)]);
    assert.match((await host.start(["check"])).all, /^CRITICAL: no backup was copied to .* yet$/);
    await sleep(1100);
    const third = await host.takeBackup();
    assert.deepEqual((await readdir(store)).toSorted(), [older, newer, third]);
    assert.equal((await inspect())[0], 0);
  });

  it("notices a store that is gone", async () => {
    await rm(store, { recursive: true });
    const [exitCode, all] = await inspect();
    assert.equal(exitCode, 1);
    assert.match(all, /^k3s-ha-backup: the copies in \S+ could not be listed: .*directory not found/);
  });

  it("notices one that was cut short, and a byte of the newest that changed", async () => {
    await truncate(join(store, older, "kine.sql.zst"), 100);
    const file = join(store, newer, "kine.sql.zst");
    const bytes = await readFile(file);
    await writeFile(file, bytes.fill((bytes[5000] ?? 0) ^ 1, 5000, 5001));
    assert.deepEqual(await inspect(), [1, gone(older, newer)]);
  });

  it("notices a manifest that this cluster did not sign, among the copies", async () => {
    const forged = "20990101T000000Z-999";
    await copyBackup(newer, forged, (manifest) => manifest);
    await sign(forged, "the-token-of-another");
    await execa("mv", [join(host.settings.directory, forged), store]);
    assert.deepEqual(await inspect(), [
      1,
      `k3s-ha-backup: copies in local:///${store} are forged or damaged, so they cannot be restored: ${forged}; find out who writes there, and remove them by hand`,
    ]);
  });

  it("expects the newest alone of a store that removes copies itself", async () => {
    await copyToDirectory(false);
    await rm(join(store, older), { recursive: true });
    assert.equal((await inspect())[0], 0);
    await rm(join(store, newer), { recursive: true });
    assert.deepEqual(await inspect(), [1, gone(newer)]);
  });

  it("notices a backup of the future", async () => {
    const future = "20990101T000000Z-999";
    await copyBackup(newer, future, (manifest) =>
      manifest.replace(/"startedAt": "[^"]+"/, '"startedAt": "2099-01-01T00:00:00Z"'),
    );
    await rm(join(host.settings.directory, future, "copied"));
    const message = `the newest verified backup ${future} has a time in the future, so this host's clock is wrong, or was when the backup was taken; correct the clock, and remove that backup by hand`;
    assert.equal((await host.start(["check"])).all, `CRITICAL: ${message}`);
    assert.deepEqual(await inspect(), [1, `k3s-ha-backup: ${message}`]);
  });
});
