// Proves that a backup which this cluster did not make, or that was changed since, is neither the latest, nor shown, opened,
// fetched or counted, even if an attacker can write to the backups or to their copies and knows the public keys.
import assert from "node:assert/strict";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { execa } from "execa";
import { tokenFingerprint } from "../../../components/identity/tokenFingerprint.ts";
import { copyBackup, copyToDirectory, host, sign, token, useBackupHost } from "./fixture.ts";

useBackupHost();

let recipient: string;
let identity: string;

before(async () => {
  identity = (await execa("age-keygen")).stdout;
  recipient = /age1\w+/.exec(identity)?.[0] ?? "";
});

const forged = (id: string) =>
  `backup ${id} is forged or damaged: its manifest does not match its signature by this cluster's token. Do not use it; see: k3s-ha-backup list`;
const unsigned = (id: string) =>
  `backup ${id} is not signed: it is older than signatures, or of unknown origin. If you know that it belongs to this cluster, sign it on this host: k3s-ha-backup sign ${id}`;
const damaged = (id: string) => `backup ${id} is damaged; restore another one: k3s-ha-backup list`;

/** One that was made, by hand, from a good one that lies beside it under another name. */
interface Forgery {
  /** Changes the copy of a good backup in this directory; its manifest names `id`, and is signed. */
  readonly make: (directory: string, id: string) => Promise<unknown>;
  readonly refusal: (id: string) => string;
}

async function edit(directory: string, change: (manifest: string) => string): Promise<void> {
  const path = join(directory, "manifest.json");
  const text = await readFile(path, "utf8");
  const changed = change(text);
  assert.notEqual(changed, text);
  await writeFile(path, changed);
}

/** A dump of the forger's own, encrypted to the public key, and a manifest that fits it. */
async function otherDump(directory: string): Promise<void> {
  const file = join(directory, "kine.sql.zst.age");
  await execa("bash", ["-c", `printf '%s\\n' '\\! id' '-- Dump completed' | zstd | age -e -r ${recipient} -o ${file}`]);
  const bytes = await readFile(file);
  const { stdout } = await execa("sha256sum", [file]);
  await edit(directory, (text) =>
    text
      .replace(/"size": \d+/, `"size": ${bytes.length}`)
      .replace(/"sha256": "\w+"/, `"sha256": "${stdout.slice(0, 64)}"`),
  );
}

const hmac = (directory: string) => join(directory, "manifest.hmac");

const forgeries: Readonly<Record<string, Forgery>> = {
  "a dump of one's own, without a signature": {
    make: (directory) => otherDump(directory).then(() => rm(hmac(directory))),
    refusal: unsigned,
  },
  "a dump of one's own, under the old signature": { make: otherDump, refusal: forged },
  "a dump of one's own, signed with another token": {
    make: (directory, id) => otherDump(directory).then(() => sign(id, "the-token-of-another")),
    refusal: forged,
  },
  "a signature that was removed": { make: (directory) => rm(hmac(directory)), refusal: unsigned },
  "an empty signature": { make: (directory) => writeFile(hmac(directory), ""), refusal: forged },
  "a signature of zeros": { make: (directory) => writeFile(hmac(directory), `${"0".repeat(64)}\n`), refusal: forged },
  "another number of rows": {
    make: (directory) => edit(directory, (text) => text.replace(/"rows": \d+/, '"rows": 1')),
    refusal: forged,
  },
  "another K3s release": {
    make: (directory) => edit(directory, (text) => text.replace("v1.35.0+k3s1", "v1.20.0+k3s1")),
    refusal: forged,
  },
  "a file outside of the backup": {
    make: (directory) => edit(directory, (text) => text.replace("kine.sql.zst.age", "../../../etc/shadow")),
    refusal: forged,
  },
  "another token's name": {
    make: (directory) => edit(directory, (text) => text.replace(tokenFingerprint(token), "000000000000")),
    refusal: (id) =>
      `backup ${id} belongs to the server token 000000000000, but this cluster's is ${tokenFingerprint(token)}: it cannot be restored here`,
  },
  "an old backup under a newer name": {
    make: async (directory, id) => {
      await edit(directory, (text) => text.replace(id, "20200101T000000Z-1"));
      await sign(id);
    },
    refusal: forged,
  },
  "an old backup under a newer name, which its manifest was given too": {
    make: (directory, id) =>
      edit(directory, (text) =>
        text
          .replace(id, "20200101T000000Z-1")
          .replace("20200101T000000Z-1", id)
          .replace(/"startedAt": ".*"/, '"startedAt": "2099-01-01T00:00:00Z"'),
      ),
    refusal: forged,
  },
  "a byte of the dump that changed": {
    make: async (directory) => {
      const file = join(directory, "kine.sql.zst.age");
      const bytes = await readFile(file);
      await writeFile(file, bytes.fill((bytes[3000] ?? 0) ^ 1, 3000, 3001));
    },
    refusal: damaged,
  },
  "a dump that was cut short": {
    make: (directory) => execa("truncate", ["--size=-1", join(directory, "kine.sql.zst.age")]),
    refusal: damaged,
  },
  "a dump that is gone": { make: (directory) => rm(join(directory, "kine.sql.zst.age")), refusal: damaged },
  "another escrowed token": {
    make: (directory) => writeFile(join(directory, "token.age"), "age-encryption.org/v1\n"),
    refusal: damaged,
  },
};

const idOf = (index: number) => `2099010${1 + (index % 9)}T0000${String(index).padStart(2, "0")}Z-9999`;

/** A good, encrypted backup, and the forgeries beside it, each of a later time and a higher revision. */
async function goodAndForged(): Promise<{ good: string; ids: string[] }> {
  const tokenEscrow = join(host.root, "token.age");
  await execa("age", ["--encrypt", "--recipient", recipient, "--output", tokenEscrow], { input: token });
  await host.configure({ keep: 1, more: { ...host.settings.more, recipients: [recipient], tokenEscrow } });
  const good = await host.takeBackup();
  const ids: string[] = [];
  for (const [index, { make }] of Object.values(forgeries).entries()) {
    const id = idOf(index);
    await copyBackup(good, id, (manifest) => manifest);
    await make(join(host.settings.directory, id), id);
    ids.push(id);
  }
  return { good, ids };
}

describe("a forged or damaged backup", { timeout: 600_000 }, () => {
  it(`is refused, whichever of ${Object.keys(forgeries).length} kinds it is`, async () => {
    const { good, ids } = await goodAndForged();
    for (const [index, [name, { refusal }]] of Object.entries(forgeries).entries()) {
      const id = ids[index] ?? "";
      const { exitCode, all } = await host.start(["show", id]);
      assert.deepEqual([exitCode, all], [1, `k3s-ha-backup: ${refusal(id)}`], name);
    }
    const { stdout } = await host.start(["list"]);
    const verified = stdout
      .split("\n")
      .slice(1)
      .map((line) => line.split(/ +/)[4]);
    assert.equal(verified.filter((word) => word === "yes").length, 1 + 2, "except the two of the right length");
    // One that is told apart by its bytes alone is not the latest to be restored.
    for (const id of ids)
      if (/yes/.test(stdout.split("\n").find((line) => line.startsWith(id)) ?? ""))
        await rm(join(host.settings.directory, id), { recursive: true });
    assert.equal((await host.start(["latest"])).stdout, good);
    const key = join(host.root, "key.txt");
    await writeFile(key, identity, { mode: 0o600 });
    for (const command of [
      ["drill", ids[0] ?? ""],
      ["extract", ids[0] ?? "", join(host.root, "out")],
    ]) {
      const { exitCode, all } = await host.start([...command, "--identity", key]);
      assert.deepEqual([exitCode, all], [1, `k3s-ha-backup: ${unsigned(ids[0] ?? "")}`]);
    }
  });

  it("is not fetched from where copies go, and costs no good copy its place", async () => {
    const store = await copyToDirectory();
    const { good, ids } = await goodAndForged();
    for (const id of ids) await rename(join(host.settings.directory, id), join(store, id));
    for (const [index, name] of Object.keys(forgeries).entries()) {
      const id = ids[index] ?? "";
      const { exitCode, all } = await host.start(["fetch", id]);
      assert.equal(exitCode, 1, name);
      assert.match(
        all,
        /is not signed|is forged or damaged|is damaged; fetch another|belongs to the server token/,
        name,
      );
    }
    assert.deepEqual(await host.ids(), [good]);
    await host.takeBackup();
    assert.deepEqual((await host.start(["copies"])).stdout.split("\n").filter((id) => !ids.includes(id)).length, 1);
  });
});

describe("a backup of the time before signatures", { timeout: 600_000 }, () => {
  it("is kept and reported, and can be restored once it is signed by name", async () => {
    const store = await copyToDirectory();
    const id = await host.takeBackup();
    for (const where of [host.settings.directory, store]) await rm(join(where, id, "manifest.hmac"));
    await edit(join(host.settings.directory, id), (text) => text.replace('"format": 3', '"format": 2'));
    await execa("cp", [join(host.settings.directory, id, "manifest.json"), join(store, id)]);
    await host.configure({ keep: 1 });
    const { all } = await host.start(["run"]);
    assert.match(
      all,
      new RegExp(
        `^1 backups in \\S+ are not signed, ${id} to ${id}, so they are not counted, restored or removed; sign those that you know to belong to this cluster \\(k3s-ha-backup sign ID\\.\\.\\.\\), and remove the others by hand$`,
        "m",
      ),
    );
    const [, second = ""] = await host.ids();
    assert.deepEqual(await host.ids(), [id, second]);
    assert.equal((await host.start(["drill", id])).all, `k3s-ha-backup: ${unsigned(id)}`);
    await rm(join(host.settings.directory, id), { recursive: true });
    assert.match(
      (await host.start(["fetch", id])).all,
      new RegExp(`k3s-ha-backup fetch ${id} --unsigned, then: k3s-ha-backup sign ${id}$`),
    );
    assert.equal((await host.start(["fetch", id, "--unsigned"])).all, id);
    assert.equal((await host.start(["drill", id])).exitCode, 1);
    assert.equal((await host.start(["sign", id])).all, `signed ${id}`);
    assert.equal((await host.start(["drill", id])).exitCode, 0);
    assert.match((await host.start(["list"])).stdout, new RegExp(`^${id} .* yes +no `, "m"), "its copy is made again");
    const { all: refused } = await host.start(["sign"]);
    assert.equal(
      refused,
      "k3s-ha-backup: sign takes the ids of backups that you know to belong to this cluster; see: k3s-ha-backup list",
    );
  });

  it("is not signed when it is not whole, or another's", async () => {
    const id = await host.takeBackup();
    const other = "20200101T000000Z-7";
    await copyBackup(id, other, (manifest) => manifest.replace(tokenFingerprint(token), "000000000000"));
    assert.match((await host.start(["sign", other])).all, /belongs to the server token 000000000000/);
    await rm(hmac(join(host.settings.directory, id)));
    await edit(join(host.settings.directory, id), (text) =>
      text.replace(/"sha256": "(\w)/, (_, digit) => `"sha256": "${digit === "0" ? "1" : "0"}`),
    );
    assert.equal((await host.start(["sign", id])).all, `k3s-ha-backup: backup ${id} is damaged, so it was not signed`);
  });

  it("leaves no key in any argument", async () => {
    const seen = join(host.root, "arguments");
    for (const program of ["sha256sum", "sed", "cat", "cut", "mv", "sync"]) {
      await host.shim(program, `printf '%s\\n' "$*" >>${seen}; real "$@"`);
    }
    await host.takeBackup();
    const key = (await readFile(join(host.root, "manifest.key"), "utf8")).trim();
    const told = await readFile(seen, "utf8");
    assert.ok(told.includes("manifest"));
    assert.ok(!told.includes(key) && !told.includes(key.slice(0, 16)));
  });
});
