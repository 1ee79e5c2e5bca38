// Proves what the component asks for: two commands on one host, the secrets in one of them alone, and its outputs.
// That a host takes the scripts is proved in the sandbox.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { BackupCron } from "../../components/backup/backupCron.ts";
import type { BackupCronArgs } from "../../components/backup/backupCronArgs.ts";
import { moveNote, readEarlierTimer, type TimerRecord } from "../../components/backup/backupMove.ts";
import { recordIn } from "../../components/host/scriptRecord.ts";
import { mysqlBackup } from "../../components/datastore/engine/mysqlBackup.ts";
import { dumpHostFault, readEarlierDump } from "../../components/k3s/upgradeDump.ts";
import { tokenFingerprint } from "../../components/identity/tokenFingerprint.ts";
import { assertSafeCommands, isShown } from "../support/commandRules.ts";
import { deploy, resourceNamed, scriptOf, tree } from "../support/deploy.ts";
import { sampleHost } from "../support/sampleHosts.ts";
import { filesOf } from "../support/hostFiles.ts";
import { isSecret } from "../support/wire.ts";

const secrets = { password: "p4ssw0rd-of-the-reader", token: "t0ken-of-the-cluster" };

function deployBackup(changes: Partial<BackupCronArgs> = {}, options: Parameters<typeof deploy>[1] = {}) {
  return deploy(
    () =>
      new BackupCron("backup", {
        host: sampleHost(20),
        hostName: "database-1",
        driver: mysqlBackup({
          address: "198.51.100.20",
          port: 3306,
          database: "k3s",
          user: "k3s_backup",
          password: secrets.password,
          caCertificate: "-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n",
        }),
        token: secrets.token,
        k3sVersion: "v1.35.0+k3s1",
        ...changes,
      }),
    options,
  );
}

describe("BackupCron", () => {
  it("is what leaves the host when another takes over, then the credentials, then the timer", async () => {
    const deployment = await deployBackup();
    assert.equal(
      tree(deployment),
      [
        "backup  k3s-ha:index:BackupCron",
        "  backup-credentials  command:remote:Command",
        "  backup-on-database-1  command:remote:Command",
        "  backup-timer  command:remote:Command",
        "",
      ].join("\n"),
    );
    assert.deepEqual(resourceNamed(deployment, "backup-timer").dependencies, ["backup-credentials"]);
    assert.deepEqual(resourceNamed(deployment, "backup-credentials").dependencies, ["backup-on-database-1"]);
  });

  it("leaves a host that is lost without dialling it", async () => {
    const lost = { ...sampleHost(21), standIn: sampleHost(11) };
    const deployment = await deployBackup({ lostHosts: { "server-9": lost } });
    const { inputs } = resourceNamed(deployment, "backup-on-server-9");
    assert.equal(inputs["create"], "true");
    assert.equal(inputs["delete"], undefined);
    assert.ok(!JSON.stringify(inputs).includes("198.51.100.21"));
  });

  it("reports what a move to another host means for the backups, and nothing without one", async () => {
    const script = scriptOf(resourceNamed(await deployBackup(), "backup-timer"));
    const before = recordIn(script) as Partial<TimerRecord>;
    assert.deepEqual(readEarlierTimer(script), before, "as a release without records has it");
    const now = { hostName: "server-1", directory: "/srv/backups", hasCopies: true };
    assert.equal(moveNote(before, { ...now, hostName: "database-1" }), undefined);
    assert.equal(
      moveNote(before, now),
      'Backups are taken by server-1 from now on, and timer, program and credentials are removed from database-1. The backups that database-1 took stay there, in /var/backups/k3s-ha, until you remove them; on server-1, "k3s-ha-backup fetch ID" fetches a copy of one.',
    );
    assert.match(
      moveNote(before, { ...now, hasCopies: false }) ?? "",
      /; to keep them on server-1, copy their directories into \/srv\/backups there\.$/,
    );
  });

  it("refuses a move together with an upgrade, whose dump no host could take", () => {
    const before = { host: "database-1", version: "v1.35.0+k3s1" };
    assert.deepEqual(readEarlierDump("host_name=database-1\nversion=v1.35.0+k3s1\n"), before);
    const fault = (hostName: string, version: string) => dumpHostFault(before, { hostName, version });
    assert.equal(fault("server-1", "v1.35.0+k3s1"), undefined);
    assert.equal(fault("database-1", "v1.35.0+k3s3"), undefined);
    assert.equal(
      fault("server-1", "v1.35.0+k3s3"),
      "One run upgrades K3s from v1.35.0+k3s1 to v1.35.0+k3s3 and moves backups from database-1 to server-1, but database-1 has to take a backup before the upgrade. Revert one of the two changes, run up, then make it.",
    );
  });

  it("keeps the password and the token in one command, which is secret, whatever they are marked as", async () => {
    const deployment = await deployBackup();
    assertSafeCommands(deployment, Object.values(secrets));
    const credentials = resourceNamed(deployment, "backup-credentials");
    assert.ok(isSecret(credentials.inputs["stdin"]));
    assert.ok(scriptOf(credentials).includes(secrets.password));
    assert.ok(scriptOf(credentials).includes(tokenFingerprint(secrets.token)));
    assert.ok(!scriptOf(credentials).includes(secrets.token), "the token itself stays off the host");
  });

  it("asks for a drill that opened an encrypted backup, where that is required and there are any", async () => {
    const recipients = ["age1y5vps8jlptqt6p3vu0lfzs8u5m2scyhw3fzgda3g7u5a0s39p5dslrpz7g"];
    for (const [changes, line] of [
      [{ drillRequired: true, recipients }, "drill_required=yes"],
      [{ drillRequired: true }, "drill_required="],
      [{ recipients }, "drill_required="],
    ] as const) {
      const script = scriptOf(resourceNamed(await deployBackup(changes), "backup-timer"));
      assert.ok(script.split("\n").includes(line), JSON.stringify(changes));
    }
  });

  it("gives the token to be encrypted, and the copy's login, in that command alone", async () => {
    const recipient = "age1y5vps8jlptqt6p3vu0lfzs8u5m2scyhw3fzgda3g7u5a0s39p5dslrpz7g";
    const more = {
      key: "-----BEGIN OPENSSH PRIVATE KEY-----\nc0py\n-----END OPENSSH PRIVATE KEY-----",
      hook: "https://h00k",
    };
    const hostKeys = ["ssh-ed25519 AAAA"];
    const deployment = await deployBackup({
      recipients: [recipient],
      copy: {
        remote: { type: "sftp", host: "203.0.113.90", port: "2222" },
        credentials: more.key,
        hostKeys,
        path: "k3s/prod",
      },
      failureWebhook: more.hook,
    });
    assertSafeCommands(deployment, [...Object.values(secrets), ...Object.values(more)]);
    const files = await filesOf(scriptOf(resourceNamed(deployment, "backup-credentials")));
    const told = new Map(files.map(({ path, content, mode }) => [path, [mode, content.toString()]]));
    assert.deepEqual(told.get("/etc/k3s-ha/backup-copy.key"), ["0600", `${more.key}\n`]);
    assert.deepEqual(told.get("/etc/k3s-ha/backup-copy.known_hosts"), [
      "0644",
      "[203.0.113.90]:2222 ssh-ed25519 AAAA\n",
    ]);
    assert.deepEqual(told.get("/etc/k3s-ha/backup-webhook.conf"), ["0600", 'url = "https://h00k"\n']);
    assert.deepEqual(told.get("/etc/k3s-ha/backup-rclone.conf"), [
      "0600",
      `# Written by k3s-ha; changes made here are overwritten.
[copy]
disable_hashcheck = true
host = 203.0.113.90
key_file = /etc/k3s-ha/backup-copy.key
known_hosts_file = /etc/k3s-ha/backup-copy.known_hosts
port = 2222
shell_type = none
type = sftp
`,
    ]);
    for (const [path, [, content = ""] = []] of told) assert.ok(!content.includes(secrets.token), path);
    const timer = scriptOf(resourceNamed(deployment, "backup-timer"));
    assert.match(timer, new RegExp(`^recipients=${recipient}$`, "m"));
    assert.match(timer, /^copy_destination=sftp:\/\/203\.0\.113\.90\/k3s\/prod$/m);
    assert.match(timer, /^packages=\(zstd mariadb-server-core mariadb-client age rclone curl\)$/m);
  });

  it("shows its timer, its program and its settings in a preview", async () => {
    const deployment = await deployBackup({ schedule: "0 3 * * SUN", keep: 7 }, { preview: "again" });
    const timer = resourceNamed(deployment, "backup-timer");
    assert.ok(isShown(timer));
    assert.match(scriptOf(timer), /^OnCalendar=Sun \*-\*-\* 03:00:00 UTC$/m);
    assert.match(scriptOf(timer), /^keep=7$/m);
  });

  it("previews from nothing", async () => {
    await deployBackup({ k3sVersion: pulumi.output(Promise.resolve("v1.35.0+k3s1")) }, { preview: "first" });
  });

  it("registers the outputs that it has", async () => {
    const deployment = await deployBackup();
    const outputs = {
      hostName: "database-1",
      schedule: ["*-*-* *:17:00 UTC"],
      directory: "/var/backups/k3s-ha",
      latest: "revision-of-backup-timer",
    };
    assert.deepEqual(resourceNamed(deployment, "backup").outputs, outputs);
    const { hostName, schedule, directory, latest } = deployment.result;
    assert.deepEqual(
      await new Promise((resolve) => pulumi.output({ hostName, schedule, directory, latest }).apply(resolve)),
      outputs,
    );
    assert.equal(await pulumi.isSecret(latest), false);
  });

  const refusals: [about: string, args: Partial<BackupCronArgs>, propertyPath: string][] = [
    ["a schedule that is none", { schedule: "every night" }, "schedule"],
    ["to keep nothing", { keep: 0 }, "keep"],
    ["to keep half a backup", { keep: 1.5 }, "keep"],
    ["a relative directory", { directory: "backups" }, "directory"],
    ["the root directory", { directory: "/" }, "directory"],
    ["a directory that a unit would misread", { directory: "/srv/back ups%n" }, "directory"],
    ["a directory that climbs", { directory: "/srv/../etc" }, "directory"],
  ];
  for (const [about, args, propertyPath] of refusals) {
    it(`refuses ${about}`, async () => {
      await assert.rejects(
        deployBackup(args),
        (error) => pulumi.InputPropertyError.isInstance(error) && error.propertyPath === propertyPath,
      );
    });
  }
});
