// Proves copies, their resumption and their removal against a real server that speaks S3.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { afterEach, before, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { copyDestination, renderRcloneConfig } from "../../../components/backup/rcloneConfig.ts";
import { buildObjectStore } from "../../../sandbox/objectStore.ts";
import { freePort } from "../../support/freePort.ts";
import { host, useBackupHost } from "./fixture.ts";

useBackupHost();

const secret = "s3cret-of-the-store";
let program: string;
let port: number;
let store: ChildProcess | undefined;

before(async () => {
  program = await buildObjectStore();
});

beforeEach(async () => {
  port = await freePort();
  await mkdir(join(host.root, "store", "bucket"), { recursive: true });
  await start();
  const remote = {
    settings: {
      type: "s3",
      provider: "Other",
      endpoint: `http://127.0.0.1:${port}`,
      region: "us-east-1",
      access_key_id: "k3s",
    },
    credentials: `secret_access_key = ${secret}`,
    hostKeys: [],
  };
  const config = join(host.root, "rclone.conf");
  await writeFile(config, renderRcloneConfig(remote, { key: "", knownHosts: "" }), { mode: 0o600 });
  const path = "bucket/k3s";
  await host.configure({
    keep: 1,
    more: { copy: { config, path, destination: copyDestination(remote, path), prune: true } },
  });
});

afterEach(stop);

async function start(): Promise<void> {
  store = spawn(program, ["--port", `127.0.0.1:${port}`, "posix", join(host.root, "store")], {
    stdio: "ignore",
    env: { ROOT_ACCESS_KEY: "k3s", ROOT_SECRET_KEY: secret },
  });
  for (let tries = 0; tries < 100; tries++) {
    const socket = connect(port, "127.0.0.1");
    const [answer] = await Promise.race([once(socket, "connect").then(() => ["open"]), once(socket, "error")]);
    socket.destroy();
    if (answer === "open") return;
    await sleep(100);
  }
  throw new Error("the store does not listen");
}

async function stop(): Promise<void> {
  const ending = store;
  store = undefined;
  if (ending === undefined) return;
  const ended = once(ending, "exit");
  ending.kill("SIGKILL");
  await ended;
}

async function copies(): Promise<string[]> {
  return readdir(join(host.root, "store", "bucket", "k3s"));
}

describe("copies in an object store", { timeout: 600_000 }, () => {
  it("are what the backups are, and are removed with the generations", async () => {
    const first = await host.takeBackup();
    for (const name of ["kine.sql.zst", "manifest.hmac", "manifest.json"]) {
      assert.deepEqual(
        await readFile(join(host.root, "store", "bucket", "k3s", first, name)),
        await readFile(join(host.settings.directory, first, name)),
      );
    }
    await sleep(1100);
    const second = await host.takeBackup();
    assert.deepEqual(await copies(), [second]);
    assert.deepEqual(await host.ids(), [second]);
  });

  it("are made up for when the store was down, and the secret is not shown", async () => {
    const first = await host.takeBackup();
    await stop();
    await sleep(1100);
    const { exitCode, all } = await host.start(["run"]);
    assert.equal(exitCode, 1);
    const [, second = ""] = await host.ids();
    assert.match(
      all,
      new RegExp(
        `^k3s-ha-backup: backup ${second} is good, but could not be copied to s3://127.0.0.1:${port}/bucket/k3s, and nothing was removed; the next run tries again: .*connection refused$`,
      ),
    );
    assert.ok(!all.includes(secret));
    assert.deepEqual(await host.ids(), [first, second]);
    await start();
    await sleep(1100);
    const third = await host.takeBackup();
    assert.deepEqual(await copies(), [third]);
    assert.deepEqual(await host.ids(), [third]);
  });
});
