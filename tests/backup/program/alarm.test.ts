// Proves what monitoring is told, in time and in words. That systemd calls the program when a run fails, the sandbox proves.
import assert from "node:assert/strict";
import { once } from "node:events";
import { chmod, chown, lstat, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import { text } from "node:stream/consumers";
import { host, sign, useBackupHost } from "./fixture.ts";

useBackupHost();

/** The metrics of the last run, by name without their prefix. */
async function metrics(): Promise<Record<string, number>> {
  const lines = (await readFile(join(host.metricsDirectory, "k3s_ha_backup.prom"), "utf8")).trim().split("\n");
  const values = lines.filter((line) => !line.startsWith("#")).map((line) => line.split(" "));
  for (const [name] of values) assert.ok(lines.includes(`# TYPE ${name} gauge`), name);
  return Object.fromEntries(values.map(([name = "", value]) => [name.replace("k3s_ha_backup_", ""), Number(value)]));
}

/** Makes a backup older, by the time in its manifest. */
async function age(id: string, hours: number): Promise<void> {
  const path = join(host.settings.directory, id, "manifest.json");
  const then = new Date(Date.now() - hours * 3_600_000).toISOString().replace(/\.\d+Z/, "Z");
  await writeFile(path, (await readFile(path, "utf8")).replace(/"startedAt": "[^"]+"/, `"startedAt": "${then}"`));
  await sign(id);
}

describe("the metrics", { timeout: 600_000 }, () => {
  it("report a successful run, and a failed one", async () => {
    const id = await host.takeBackup();
    const now = Date.now() / 1000;
    const good = await metrics();
    assert.deepEqual(Object.keys(good), [
      "last_run_timestamp_seconds",
      "last_run_success",
      "last_verified_timestamp_seconds",
      "kept",
      "rows",
      "size_bytes",
    ]);
    assert.equal(good["last_run_success"], 1);
    assert.equal(good["kept"], 1);
    assert.equal(String(good["rows"]), id.split("-")[1]);
    assert.ok(Math.abs(now - (good["last_verified_timestamp_seconds"] ?? 0)) < 30);
    await host.configure({ password: "another" });
    await host.start(["run"]);
    const bad = await metrics();
    assert.equal(bad["last_run_success"], 0);
    assert.equal(bad["last_verified_timestamp_seconds"], good["last_verified_timestamp_seconds"]);
  });

  it("that cannot be written fail no backup, and that is told", async () => {
    await rm(host.metricsDirectory, { recursive: true });
    const { exitCode, all } = await host.start(["run"]);
    assert.equal(exitCode, 0);
    assert.match(all, /^k3s-ha-backup: the metrics in \S+k3s_ha_backup\.prom could not be written$/m);
  });
});

describe("a place that others can write to", { timeout: 600_000 }, () => {
  it("has no metrics written through a link that stands there", async () => {
    const victim = join(host.root, "victim");
    await writeFile(victim, "as it was");
    for (const name of ["k3s_ha_backup.prom", "k3s_ha_backup.prom.new"]) {
      await symlink(victim, join(host.metricsDirectory, name));
    }
    await host.takeBackup();
    assert.equal(await readFile(victim, "utf8"), "as it was");
    assert.ok((await lstat(join(host.metricsDirectory, "k3s_ha_backup.prom"))).isFile());
    assert.equal((await metrics())["last_run_success"], 1);
  });

  it("gets no metrics, and that is told", async () => {
    for (const [mode, owner] of [
      [0o777, 0],
      [0o1777, 0],
      [0o775, 0],
      [0o755, 65534],
    ] as const) {
      await chmod(host.metricsDirectory, mode);
      await chown(host.metricsDirectory, owner, 0);
      const { exitCode, all } = await host.start(["drill"]);
      assert.equal(exitCode, 1);
      assert.ok(
        all.includes(
          `k3s-ha-backup: users other than root can write into ${host.metricsDirectory}, so no metrics were written there: chown root ${host.metricsDirectory} && chmod go-w ${host.metricsDirectory}`,
        ),
        all,
      );
      assert.deepEqual(await readdir(host.metricsDirectory), []);
    }
  });

  it("holds no settings that are used, and no backups that are relied on", async () => {
    const { directory } = host.settings;
    await chmod(directory, 0o777);
    assert.equal(
      (await host.start(["list"])).all,
      `k3s-ha-backup: users other than root can write into the backup directory ${directory}, so its content cannot be trusted: chown root ${directory} && chmod go-w ${directory}`,
    );
    await chmod(host.settingsPath, 0o666);
    assert.equal(
      (await host.start(["list"])).all,
      `k3s-ha-backup: users other than root can write the settings in ${host.settingsPath}, so they are not used: chown root ${host.settingsPath} && chmod go-w ${host.settingsPath}, then run pulumi up`,
    );
  });
});

describe("check", { timeout: 600_000 }, () => {
  const check = async (...options: string[]) => {
    const { exitCode, all } = await host.start(["check", ...options]);
    return [exitCode, all] as const;
  };

  it("ends with 0 when the newest backup is young enough, else with 2", async () => {
    assert.deepEqual(await check(), [
      2,
      `CRITICAL: there is no verified backup of this cluster in ${host.settings.directory}`,
    ]);
    const id = await host.takeBackup();
    assert.deepEqual(await check(), [0, `OK: the newest verified backup ${id} is 0 min old`]);
    await age(id, 3);
    assert.deepEqual(await check(), [
      2,
      `CRITICAL: the newest verified backup ${id} is 180 min old; see: journalctl --unit k3s-ha-backup`,
    ]);
    for (const [time, exitCode] of [
      ["4h", 0],
      ["170m", 2],
      ["1d", 0],
      ["10000", 2],
      ["11000s", 0],
    ] as const) {
      assert.equal((await check("--max-age", time))[0], exitCode, time);
    }
    assert.deepEqual(await check("--max-age", "a day"), [
      3,
      'k3s-ha-backup: --max-age takes a time such as 90m, 3h or 2d, and got "a day"',
    ]);
  });

  it("asks for a young copy too, when there are to be copies", async () => {
    const id = await host.takeBackup();
    const copy = { config: "/nonexistent", path: "k3s", destination: "sftp://203.0.113.90/k3s", prune: true };
    await host.configure({ more: { copy } });
    assert.deepEqual(await check(), [2, "CRITICAL: no backup was copied to sftp://203.0.113.90/k3s yet"]);
    const mark = join(host.settings.directory, id, "copied");
    await writeFile(mark, "sftp://203.0.113.90/k3s\n");
    assert.deepEqual(await check(), [
      0,
      `OK: the newest verified backup ${id} is 0 min old, and the newest copy 0 min`,
    ]);
    // Elsewhere is not here.
    await writeFile(mark, "sftp://203.0.113.91/k3s\n");
    assert.equal((await check())[0], 2);
  });
});

describe("failed", { timeout: 600_000 }, () => {
  it("tells the command and the webhook, and shows the webhook's address nowhere", async () => {
    const bodies: unknown[] = [];
    const server = createServer((request, response) => {
      void text(request).then((body) => {
        bodies.push([request.method, request.url, JSON.parse(body)]);
        response.end();
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      const heard = join(host.root, "heard");
      const webhookConfig = join(host.root, "webhook.conf");
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/hunter2`;
      await writeFile(webhookConfig, `url = ${JSON.stringify(url)}\n`);
      await host.shim("journalctl", `printf '%s\\n' 'k3s-ha-backup: the disk "a" is full'`);
      await host.configure({
        more: { onFailure: `cat >${heard}; echo "$K3S_HA_UNIT $K3S_HA_HOST" >>${heard}`, webhookConfig },
      });
      const message = 'k3s-ha-backup on backup-1 failed: the disk "a" is full';
      const { exitCode, all } = await host.start(["failed", "k3s-ha-backup"]);
      assert.equal(exitCode, 0, all);
      assert.equal(all, message);
      assert.equal(await readFile(heard, "utf8"), `${message}\nk3s-ha-backup backup-1\n`);
      assert.deepEqual(bodies, [
        ["POST", "/hooks/hunter2", { text: message, unit: "k3s-ha-backup", host: "backup-1" }],
      ]);
    } finally {
      server.close();
    }
  });

  it("says so if no destination could be notified", async () => {
    const webhookConfig = join(host.root, "webhook.conf");
    await writeFile(webhookConfig, 'url = "http://127.0.0.1:9/hooks/hunter2"\n');
    await host.shim("journalctl", "exit 1");
    await host.configure({ more: { onFailure: "exit 7", webhookConfig } });
    const { exitCode, all } = await host.start(["failed", "k3s-ha-backup"]);
    assert.equal(exitCode, 1);
    assert.deepEqual(all.split("\n"), [
      "k3s-ha-backup on backup-1 failed: see its journal there",
      "k3s-ha-backup: the command of k3s-ha:backup.onFailure ended with 7",
      "k3s-ha-backup: the webhook did not accept the message (curl ended with 7)",
    ]);
  });
});
