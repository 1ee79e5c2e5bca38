// Proves which backups stay, and that only a successful run removes one.
import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { tokenFingerprint } from "../../../components/identity/tokenFingerprint.ts";
import { assertFails, copyBackup, host, token, useBackupHost } from "./fixture.ts";

useBackupHost();

describe("retention", { timeout: 600_000 }, () => {
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

describe("generations", { timeout: 600_000 }, () => {
  /** Ids and why each stays, as `list` tells. */
  async function kept(): Promise<Record<string, string>> {
    const { stdout } = await host.start(["list"]);
    return Object.fromEntries(
      stdout
        .split("\n")
        .slice(1)
        .map((line) => line.split(/ +/))
        .map(([id = "", , , , , , , ...reasons]) => [id, reasons.join(" ")]),
    );
  }

  /** The model: the newest of each of the newest days, weeks and months, and the newest of all. */
  function expected(ids: readonly string[], sizes: { keep: number; daily: number; weekly: number; monthly: number }) {
    const newestFirst = ids.toSorted().toReversed();
    const day = (id: string) => new Date(`${id.slice(0, 4)}-${id.slice(4, 6)}-${id.slice(6, 8)}T00:00:00Z`);
    const monday = (id: string) => day(id).getTime() / 86_400_000 - ((day(id).getUTCDay() + 6) % 7);
    const periods = {
      daily: (id: string) => id.slice(0, 8),
      weekly: (id: string) => String(monday(id)),
      monthly: (id: string) => id.slice(0, 6),
    };
    const reasons = new Map(newestFirst.slice(0, sizes.keep).map((id) => [id, ["newest"]]));
    for (const [period, of] of Object.entries(periods)) {
      const firsts = newestFirst.filter(
        (id, index) => newestFirst.findIndex((other) => of(other) === of(id)) === index,
      );
      for (const id of firsts.slice(0, sizes[period as keyof typeof periods])) {
        reasons.set(id, [...(reasons.get(id) ?? []), period]);
      }
    }
    return Object.fromEntries(ids.toSorted().map((id) => [id, reasons.get(id)?.join(" ") ?? "-"]));
  }

  it("keep what the model keeps, of any backups", async () => {
    const template = await host.takeBackup();
    const directory = host.settings.directory;
    const sizes = fc.record({
      keep: fc.integer({ min: 1, max: 4 }),
      daily: fc.integer({ min: 0, max: 5 }),
      weekly: fc.integer({ min: 0, max: 4 }),
      monthly: fc.integer({ min: 0, max: 4 }),
    });
    const start = Date.parse("2023-12-20T00:00:00Z");
    const times = fc.uniqueArray(fc.integer({ min: 0, max: 100 * 24 }), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(sizes, times, async (counts, hours) => {
        for (const id of await host.ids()) if (id !== template) await rm(join(directory, id), { recursive: true });
        const made = hours.map((hour) =>
          new Date(start + hour * 3_600_000).toISOString().replaceAll(/[-:]|\.000/g, ""),
        );
        for (const time of made) await copyBackup(template, `${time}-1`, (manifest) => manifest);
        await host.configure({ more: counts, keep: counts.keep });
        const ids = [template, ...made.map((time) => `${time}-1`)];
        assert.deepEqual(await kept(), expected(ids, counts));
      }),
      { numRuns: 8 },
    );
  });

  it("are what a run leaves", async () => {
    await host.configure({ keep: 1, more: { daily: 2, monthly: 2 } });
    const first = await host.takeBackup();
    for (const time of ["20240101T000000Z-1", "20240101T230000Z-1", "20240102T000000Z-1", "20240301T000000Z-1"]) {
      await copyBackup(first, time, (manifest) => manifest);
    }
    await sleep(1100);
    const second = await host.takeBackup();
    assert.deepEqual(await host.ids(), ["20240301T000000Z-1", second]);
  });

  it("do not remove a backup before a change for 30 days", async () => {
    await host.configure({ keep: 1 });
    const labelled = await host.takeBackup("--label", "pre-upgrade");
    assert.equal(
      (JSON.parse((await host.start(["latest", "--json"])).stdout) as { label: string }).label,
      "pre-upgrade",
    );
    await copyBackup(labelled, "20240101T000000Z-1", (manifest) => manifest);
    await sleep(1100);
    const second = await host.takeBackup();
    assert.deepEqual(await kept(), { [labelled]: "pre-upgrade", [second]: "newest" });
    const { exitCode, all } = await host.start(["run", "--label", "Pre Upgrade"]);
    assert.equal(exitCode, 1);
    assert.match(all, /^k3s-ha-backup: --label takes characters a to z, 0 to 9 and "-", such as pre-upgrade$/);
  });
});

describe("what may have gone wrong", { timeout: 600_000 }, () => {
  it("with the clock keeps everything: the run says so, and keeps what it took", async () => {
    await host.configure({ keep: 1 });
    const first = await host.takeBackup();
    await copyBackup(first, "20990101T000000Z-9", (manifest) => manifest);
    await sleep(1100);
    await assertFails(
      /^k3s-ha-backup: backup \S+ was taken, but no old one was removed: 20990101T000000Z-9 has a later time, so this host's clock was set back, or was wrong before; correct the clock, and remove backups with future times by hand$/,
    );
    const [, second] = await host.ids();
    assert.deepEqual(await host.ids(), [first, second, "20990101T000000Z-9"]);
  });

  const damages: Record<string, (bytes: Buffer) => Buffer> = {
    "a flipped byte": (bytes) => bytes.fill((bytes[5000] ?? 0) ^ 1, 5000, 5001),
    "a truncated one": (bytes) => bytes.subarray(0, 5000),
  };
  for (const [damage, made] of Object.entries(damages))
    it(`with a backup keeps it from counting: ${damage} costs no good one`, async () => {
      await host.configure({ keep: 2 });
      const first = await host.takeBackup();
      await sleep(1100);
      const second = await host.takeBackup();
      const path = join(host.settings.directory, second, "kine.sql.zst");
      await writeFile(path, made(await readFile(path)));
      await sleep(1100);
      const { exitCode, all } = await host.start(["run"]);
      assert.equal(exitCode, 0, all);
      assert.match(all, new RegExp(`${second} is damaged: check this disk, and remove it by hand`));
      const [, , third] = await host.ids();
      assert.deepEqual(await host.ids(), [first, second, third]);
    });

  it("with the power during a removal leaves whole backups", async () => {
    await host.configure({ keep: 1 });
    await host.takeBackup();
    await sleep(1100);
    await host.shim("rm", `if [[ $* == *removed* ]]; then kill -KILL $PPID; exit 1; fi; real "$@"`);
    const running = await host.start(["run"]);
    assert.notEqual(running.exitCode, 0);
    await host.shim("rm", undefined);
    assert.match((await host.start(["verify"])).all, /^\S+ is what was written$/);
    await sleep(1100);
    const third = await host.takeBackup();
    assert.deepEqual(await host.ids(), [third]);
  });
});
