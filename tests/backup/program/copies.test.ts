// Proves, against a real sshd with nothing but SFTP, that copies are whole or none, that a copy which fails is made up for,
// and that nothing is removed, here or there, before its copy was read back.
import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { copyDestination, renderCopyKnownHosts, renderRcloneConfig } from "../../../components/backup/rcloneConfig.ts";
import { makeKey, SshServer } from "../../toolchain/plugins/sshServer.ts";
import { assertFails, copyBackup, host, useBackupHost } from "./fixture.ts";

useBackupHost();

let server: SshServer;
let store: string;

before(async () => {
  server = await SshServer.start(["ForceCommand internal-sftp", "AllowTcpForwarding no"]);
});

after(() => server.stop());

beforeEach(async () => {
  store = join(host.root, "store");
  await mkdir(store);
  await copyTo();
});

afterEach(async () => {
  await host.shim("rclone", undefined);
});

/** Has backups copied to the server, or to what differs from it. */
async function copyTo(
  changes: { hostKey?: string; port?: number; keep?: number; prune?: boolean } = {},
): Promise<void> {
  const paths = { key: join(host.root, "copy.key"), knownHosts: join(host.root, "copy.known_hosts") };
  const remote = {
    settings: { type: "sftp", host: "127.0.0.1", port: String(changes.port ?? server.port), user: server.user },
    credentials: await server.file("client"),
    hostKeys: [changes.hostKey ?? (await server.file("host_ed25519.pub")).trim()],
  };
  const config = join(host.root, "rclone.conf");
  await writeFile(config, renderRcloneConfig(remote, paths), { mode: 0o600 });
  await writeFile(paths.key, remote.credentials, { mode: 0o600 });
  await writeFile(paths.knownHosts, renderCopyKnownHosts(remote));
  const destination = copyDestination(remote, store);
  await host.configure({
    keep: changes.keep ?? 5,
    more: { copy: { config, path: store, destination, prune: changes.prune ?? true } },
  });
}

/** Files of the copies by id, sorted. */
async function copies(): Promise<Record<string, string[]>> {
  const ids = (await readdir(store)).toSorted();
  return Object.fromEntries(
    await Promise.all(ids.map(async (id) => [id, (await readdir(join(store, id))).toSorted()] as const)),
  );
}

const whole = ["kine.sql.zst", "manifest.hmac", "manifest.json"];

describe("a copy", { timeout: 600_000 }, () => {
  it("is identical to the backup, and is reported", async () => {
    const { all } = await host.start(["run"]);
    const [id = ""] = await host.ids();
    assert.deepEqual(await copies(), { [id]: whole });
    for (const name of whole) {
      assert.deepEqual(await readFile(join(store, id, name)), await readFile(join(host.settings.directory, id, name)));
    }
    assert.match(all, new RegExp(`^copied ${id} to sftp://127.0.0.1/\\S+ and read it back$`, "m"));
    assert.match((await host.start(["list"])).stdout, new RegExp(`${id} .* yes +yes `));
  });

  it("that cannot be made fails the run, keeps everything, and is made up for by the next", async () => {
    await copyTo({ keep: 1 });
    const first = await host.takeBackup();
    await sleep(1100);
    await copyTo({ keep: 1, port: 9 });
    const { exitCode, all } = await host.start(["run"]);
    assert.equal(exitCode, 1);
    const [, second = ""] = await host.ids();
    assert.match(
      all,
      new RegExp(
        `^k3s-ha-backup: backup ${second} is good, but could not be copied to sftp://127.0.0.1/\\S+, and nothing was removed; the next run tries again: .*connection refused$`,
      ),
    );
    assert.deepEqual(await host.ids(), [first, second]);
    assert.deepEqual(Object.keys(await copies()), [first]);
    await copyTo({ keep: 1 });
    await sleep(1100);
    const third = await host.takeBackup();
    assert.deepEqual(await host.ids(), [third], "both are copied now, and one is kept");
    assert.deepEqual(await copies(), { [third]: whole });
  });

  it("whose upload stops in the middle has no manifest, and is made whole by the next run", async () => {
    await host.shim(
      "rclone",
      `if [[ " $* " == *" copy --ignore-times --exclude "* ]]; then timeout --signal=KILL 0.05 rclone --bwlimit 100k "$@"; echo "connection lost" >&2; exit 1; fi; real "$@"`,
    );
    const failed = await host.start(["run"]);
    assert.equal(failed.exitCode, 1);
    assert.match(failed.all, /could not be copied to .*: connection lost$/);
    const [first = ""] = await host.ids();
    assert.ok(!((await copies())[first] ?? []).includes("manifest.json"));
    await host.shim("rclone", undefined);
    await sleep(1100);
    const second = await host.takeBackup();
    assert.deepEqual(await copies(), { [first]: whole, [second]: whole });
  });

  it("that arrived differently does not count", async () => {
    await host.shim(
      "rclone",
      `real "$@" || exit; if [[ " $* " == *" copy --ignore-times --exclude "* ]]; then for file in ${store}/*/kine.sql.zst; do truncate --size=-1 "$file"; done; fi`,
    );
    await assertFailsToCopy(/sizes differ|differences found/);
    const [id = ""] = await host.ids();
    assert.deepEqual((await copies())[id], ["kine.sql.zst", "manifest.hmac"]);
  });

  it("is not made on a host that shows another key, and the remedy is told", async () => {
    const other = join(host.root, "other");
    await makeKey(other, "ed25519");
    await copyTo({ hostKey: (await readFile(`${other}.pub`, "utf8")).trim() });
    await assertFailsToCopy(
      /that host shows an SSH key that is not in k3s-ha:backup\.copy\.hostKeys; list all of its keys/,
    );
    assert.deepEqual(await copies(), {});
  });

  it("is removed when no generation keeps it, unless the store does that itself; one of another cluster never is", async () => {
    const first = await host.takeBackup();
    const foreign = "20200101T000000Z-7";
    await copyBackup(first, foreign, (manifest) =>
      manifest.replace(/"tokenFingerprint": "\w+"/, '"tokenFingerprint": "000000000000"'),
    );
    await rm(join(store, foreign), { recursive: true, force: true });
    await mkdir(join(store, foreign));
    for (const name of whole)
      await writeFile(join(store, foreign, name), await readFile(join(host.settings.directory, foreign, name)));
    await copyTo({ keep: 1, prune: false });
    await sleep(1100);
    const second = await host.takeBackup();
    assert.deepEqual(Object.keys(await copies()), [foreign, first, second]);
    await copyTo({ keep: 1 });
    await sleep(1100);
    const third = await host.takeBackup();
    assert.deepEqual(Object.keys(await copies()), [foreign, third]);
  });
});

async function assertFailsToCopy(reason: RegExp): Promise<void> {
  await assertFails(
    new RegExp(
      `is good, but could not be copied to sftp://\\S+, and nothing was removed; the next run tries again: .*(${reason.source})`,
    ),
  );
}
