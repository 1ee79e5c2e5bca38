// Proves that an encrypted backup opens with a recipient's key and with no other, that the escrowed token belongs to it,
// and that a recipient which age does not take costs no earlier backup.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, it } from "node:test";
import { execa } from "execa";
import { assertFails, host, token, useBackupHost } from "./fixture.ts";

useBackupHost();

interface Key {
  /** Path of the private key. */
  path: string;
  recipient: string;
}

async function makeKey(name: string): Promise<Key> {
  const path = join(host.root, name);
  await execa("age-keygen", ["--output", path]);
  return { path, recipient: (await execa("age-keygen", ["-y", path])).stdout };
}

/** Encrypts the token to recipients, as the host's set-up does, and has backups encrypted to them. */
async function encryptTo(...recipients: string[]): Promise<void> {
  const tokenEscrow = join(host.root, "token.age");
  await rm(tokenEscrow, { force: true });
  await execa("age", [...recipients.flatMap((recipient) => ["--recipient", recipient]), "--output", tokenEscrow], {
    input: token,
  });
  await host.configure({ more: { recipients, tokenEscrow } });
}

async function open(path: string, key: Key): Promise<Buffer> {
  const { stdout } = await execa("age", ["--decrypt", "--identity", key.path, path], {
    encoding: "buffer",
    stripFinalNewline: false,
  });
  return Buffer.from(stdout);
}

describe("an encrypted backup", { timeout: 600_000 }, () => {
  let [first, second]: [Key?, Key?] = [];
  beforeEach(async () => {
    first = await makeKey("first.key");
    second = await makeKey("second.key");
    await encryptTo(first.recipient, second.recipient);
  });

  it("opens with the key of each recipient, to the dump and the token that the manifest describes", async () => {
    const directory = join(host.settings.directory, await host.takeBackup());
    const manifest = JSON.parse((await host.start(["latest", "--json"])).stdout) as Record<string, unknown>;
    assert.equal(manifest["file"], "kine.sql.zst.age");
    assert.equal(manifest["recipients"], `${first?.recipient} ${second?.recipient}`);
    assert.deepEqual((await readdir(directory)).toSorted(), [
      "kine.sql.zst.age",
      "manifest.hmac",
      "manifest.json",
      "token.age",
    ]);
    for (const key of [first, second]) {
      assert.ok(key);
      const { stdout: dump } = await execa("zstd", ["--decompress", "--stdout"], {
        input: await open(join(directory, "kine.sql.zst.age"), key),
        encoding: "buffer",
        stripFinalNewline: false,
      });
      assert.equal(createHash("sha256").update(dump).digest("hex"), manifest["dumpSha256"]);
      assert.equal((await open(join(directory, "token.age"), key)).toString(), token);
    }
  });

  it("opens with no other key, and holds nothing in the clear", async () => {
    const directory = join(host.settings.directory, await host.takeBackup());
    const stranger = await makeKey("stranger.key");
    await assert.rejects(open(join(directory, "kine.sql.zst.age"), stranger), /no identity matched/);
    await assert.rejects(open(join(directory, "token.age"), stranger), /no identity matched/);
    for (const path of Object.keys(await host.content())) {
      const text = await readFile(path, "latin1");
      assert.ok(!text.includes(token) && !text.includes("/registry/namespaces"), path);
    }
  });

  it("shows no private key to others: not in arguments, nor in a file", async () => {
    const seen = join(host.root, "arguments");
    await host.shim(
      "age",
      `tr '\\0' ' ' </proc/$$/cmdline >>${seen}; tr '\\0' ' ' </proc/self/environ >>${seen}; real "$@"`,
    );
    await host.takeBackup();
    const texts = [await readFile(seen, "utf8")];
    assert.match(texts[0] ?? "", /--decrypt --identity \/dev\/fd/);
    for (const path of Object.keys(await host.content())) texts.push(await readFile(path, "latin1"));
    for (const text of texts) assert.doesNotMatch(text, /AGE-SECRET-KEY/);
  });

  it("is not made for a recipient that age does not take, and the earlier ones stay", async () => {
    await host.takeBackup();
    const before = await host.content();
    assert.ok(first);
    await host.configure({ more: { ...host.settings.more, recipients: [first.recipient.replace(/.$/, "b")] } });
    await assertFails(/the dump could not be encrypted to age1\S+b: .*malformed recipient/);
    assert.deepEqual(await host.content(), before);
  });

  it("is not kept when what was encrypted does not open again", async () => {
    await host.takeBackup();
    const before = await host.content();
    await host.shim(
      "age",
      `real "$@"; for last; do :; done; [[ $* != *--encrypt* ]] || printf xxxx | dd of=\${*: -2:1} bs=1 seek=2000 conv=notrunc status=none`,
    );
    await assertFails(
      /the dump could not be encrypted to .*: (the file reads back differently from what was written|failed to decrypt)/,
    );
    assert.deepEqual(await host.content(), before);
  });

  it("is not made without the encrypted token", async () => {
    await rm(join(host.root, "token.age"));
    await assertFails(/the encrypted server token could not be added: .*No such file/);
    assert.deepEqual(await host.ids(), []);
  });

  it("is found damaged when a byte of it, or of its token, was flipped", async () => {
    for (const name of ["kine.sql.zst.age", "token.age"]) {
      const id = await host.takeBackup();
      assert.match((await host.start(["verify"])).stdout, new RegExp(`${id} is what was written`));
      const path = join(host.settings.directory, id, name);
      const bytes = await readFile(path);
      bytes[200] = (bytes[200] ?? 0) ^ 1;
      await writeFile(path, bytes);
      const { exitCode, all } = await host.start(["verify", id]);
      assert.equal(exitCode, 1);
      assert.match(all, new RegExp(`^k3s-ha-backup: damaged, so do not restore them: ${id}$`));
      await rm(join(host.settings.directory, id), { recursive: true });
    }
  });
});
