// Proves, against a real MariaDB and real keys of age, that a kept backup is opened and restored as after a disaster, and
// what is said when that fails. That the cluster's keys open with the token is proved on hosts of the sandbox, whose
// openssl can do it; an older one says that it cannot.
import assert from "node:assert/strict";
import { createCipheriv, pbkdf2Sync, randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { execa } from "execa";
import { tokenFingerprint } from "../../../components/identity/tokenFingerprint.ts";
import { datastore, host, rows, token, useBackupHost } from "./fixture.ts";

useBackupHost();

let identity: string;
let recipient: string;
let opensKeys: boolean;

before(async () => {
  const { stdout } = await execa("age-keygen");
  identity = stdout;
  recipient = /age1\w+/.exec(stdout)?.[0] ?? "";
  opensKeys = (await execa("openssl", ["enc", "-help"], { all: true, reject: false })).all.includes("-saltlen");
});

/** The cluster's keys as K3s stores them: "salt:base64(nonce, ciphertext, tag)". */
function sealedKeys(passphrase: string): string {
  const salt = randomBytes(8).toString("hex");
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", pbkdf2Sync(passphrase, salt, 4096, 32, "sha1"), nonce);
  const text = JSON.stringify({ ServerCA: { Timestamp: "", Content: "" } });
  return `${salt}:${Buffer.concat([nonce, cipher.update(text), cipher.final(), cipher.getAuthTag()]).toString("base64")}`;
}

/** A host that encrypts, as `pulumi up` sets it up, over a datastore whose keys are those of `passphrase`. */
async function encrypting(passphrase = token, escrowed = token): Promise<string> {
  await datastore.sql(
    `UPDATE kine SET value = '${sealedKeys(passphrase)}' WHERE name = '/bootstrap/${tokenFingerprint(token)}'`,
    "k3s",
  );
  const tokenEscrow = join(host.root, "token.age");
  await execa("age", ["--encrypt", "--recipient", recipient, "--output", tokenEscrow], { input: escrowed });
  await host.configure({ more: { recipients: [recipient], tokenEscrow } });
  return host.takeBackup();
}

async function withKey(text: string, use: (path: string) => Promise<void>): Promise<void> {
  const path = join(host.root, "key.txt");
  await writeFile(path, text, { mode: 0o600 });
  await use(path);
}

describe("a restore drill", { timeout: 600_000 }, () => {
  it("restores the newest backup, opens the escrowed token and leaves nothing but the time of it", async () => {
    const id = await encrypting();
    await withKey(identity, async (path) => {
      const { all, exitCode } = await host.start(["drill", "--identity", path]);
      assert.equal(exitCode, 0, all);
      assert.match(
        all,
        new RegExp(`^drill: backup ${id} restored to ${rows.length} rows at revision ${rows.length}, `, "m"),
      );
      assert.equal(/were not decrypted with the token, because OpenSSL 3/.test(all), !opensKeys, all);
    });
    const [time, drilled] = (await readFile(join(host.settings.directory, ".drilled"), "utf8")).split("\n");
    assert.equal(drilled, id);
    assert.ok(Math.abs(Number(time) - Date.now() / 1000) < 60);
    assert.deepEqual(
      Object.keys(await host.content()).filter((path) => path.includes(".partial")),
      [],
    );
  });

  it("says what is missing when nothing opens the backup", async () => {
    const id = await encrypting();
    const { all, exitCode } = await host.start(["drill"]);
    assert.equal(exitCode, 1);
    assert.equal(
      all,
      `k3s-ha-backup: backup ${id} is encrypted to ${recipient}, but this host has no key that opens it: set the secret k3s-ha:backupDrillIdentity, or pass the key of one of them: IDENTITY=FILE to make restore, --identity FILE to k3s-ha-backup`,
    );
    const { stdout: other } = await execa("age-keygen");
    await withKey(other, async (path) => {
      const wrong = await host.start(["drill", "--identity", path]);
      assert.equal(wrong.exitCode, 1);
      assert.equal(
        wrong.all,
        `k3s-ha-backup: backup ${id} is encrypted to ${recipient}, but the key belongs to none of them`,
      );
    });
  });

  it("fails on a flipped byte, and on the token of another cluster", async () => {
    const id = await encrypting(token, "the-token-of-another-cluster");
    await withKey(identity, async (path) => {
      const { all, exitCode } = await host.start(["drill", "--identity", path]);
      assert.equal(exitCode, 1);
      assert.equal(
        all,
        `k3s-ha-backup: the server token beside backup ${id} is not this cluster's: its keys in the datastore cannot be opened with it`,
      );
      const file = join(host.settings.directory, id, "kine.sql.zst.age");
      const bytes = await readFile(file);
      bytes[bytes.length - 20] = (bytes.at(-20) ?? 0) ^ 1;
      await writeFile(file, bytes);
      const flipped = await host.start(["drill", id, "--identity", path]);
      assert.equal(flipped.exitCode, 1);
      assert.match(flipped.all, new RegExp(`backup ${id} is damaged`));
    });
  });

  it("has to have opened an encrypted backup, where that is required", async () => {
    await host.configure({ more: { drillRequired: true } });
    await host.takeBackup();
    assert.equal((await host.start(["drill"])).exitCode, 0);
    const missing =
      "CRITICAL: no restore drill has opened an encrypted backup yet, so the recipients' keys are untested: run k3s-ha-backup drill --identity FILE with the key of a recipient, or set k3s-ha:backup.drill";
    await encrypting();
    await host.configure({ more: { ...host.settings.more, drillRequired: true } });
    const { exitCode, all } = await host.start(["check"]);
    assert.deepEqual([exitCode, all], [2, missing]);
    await withKey(identity, async (path) => {
      assert.equal((await host.start(["drill", "--identity", path])).exitCode, 0);
    });
    assert.match((await host.start(["check"])).all, /^OK: /);
    assert.match((await host.start(["drilled"])).all, /^\d+ \S+$/);
  });

  it("without recipients restores as well, and says that no token is beside the dump", async () => {
    const id = await host.takeBackup();
    const { all, exitCode } = await host.start(["drill", id]);
    assert.equal(exitCode, 0, all);
    assert.match(
      all,
      new RegExp(`^backup ${id} has no server token, because it has no recipients: keep the token apart`, "m"),
    );
  });
});

describe("extracting for a restore", { timeout: 600_000 }, () => {
  it("writes the dump that was verified, from a key that comes through a pipe", async () => {
    const id = await encrypting();
    const target = join(host.root, "out.sql.zst");
    await withKey(identity, async (path) => {
      await execa("bash", ["-c", `bash ${host.programPath} extract latest ${target} --identity <(cat ${path})`], {
        env: { K3S_HA_BACKUP_CONFIG: host.settingsPath },
      });
    });
    const { stdout: sum } = await execa("bash", ["-c", `zstd -dc ${target} | sha256sum | cut -d ' ' -f 1`]);
    const { stdout } = await host.start(["show", id]);
    assert.equal(sum, (JSON.parse(stdout) as { dumpSha256: string }).dumpSha256);
  });
});
