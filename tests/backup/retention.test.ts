// Proves which backups stay, and that nothing but a run that ended well removes one.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { tokenFingerprint } from "../../components/render/tokenFingerprint.ts";
import { copyBackup, host, token, useBackupHost } from "./fixture.ts";

useBackupHost();

describe("retention", { timeout: 120_000 }, () => {
  it("keeps the newest verified backups of this cluster, and never one of another", async () => {
    await host.configure({ keep: 1 });
    const first = await host.takeBackup();
    // Another cluster's backup, and a damaged one.
    await copyBackup(first, "20200101T000000Z-7", (manifest) =>
      manifest.replace(tokenFingerprint(token), "000000000000"),
    );
    await copyBackup(first, "20200102T000000Z-8", (manifest) => manifest.replace(/"size": \d+/, '"size": 1'));
    await sleep(1100);
    const second = await host.takeBackup();
    assert.deepEqual(await host.ids(), ["20200101T000000Z-7", "20200102T000000Z-8", second]);
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
