// Proves, with real clients, that a dump is imported as SQL alone: what else stands in it reaches no host. The commands do
// run in a client that nothing restrains.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { execa } from "execa";
import { renderHostScript } from "../../../components/host/hostScript.ts";
import { tokenFingerprint } from "../../../components/identity/tokenFingerprint.ts";
import { insertRows, type KineRow } from "./kineRows.ts";
import { datastore, host, replaceDump, rows, sign, token, useBackupHost } from "./fixture.ts";
import { engineScripts } from "../../../components/datastore/engine/scripts.ts";

useBackupHost();

const sqlImport = readFileSync(new URL("../../../components/datastore/engine/sqlImport.sh", import.meta.url), "utf8");

/** Lines that have a client run a command, by how each is hidden. `COMMAND` stands for the command. */
const hidden: Readonly<Record<string, string>> = {
  "a short command": "\\! COMMAND",
  "a long one": "system COMMAND;",
  "a long one behind blanks": "  system COMMAND;",
  "one behind a statement": "SELECT 1; \\! COMMAND",
  "one between what looks like a string": "SELECT 1 /* ' */; \\! COMMAND\n/* ' */;",
  "one in a string that ends on its line's second half": "SELECT 'a\n'; \\! COMMAND",
  "one behind a mode in which a backslash does not escape":
    "SET SQL_MODE='NO_BACKSLASH_ESCAPES';\nSELECT '\\'; \\! COMMAND\nSELECT '",
};

/** The same after the dump's first line, which forbids commands to clients that know it. */
async function withCommand(line: string): Promise<{ id: string; witness: string }> {
  const id = await host.takeBackup();
  const witness = join(host.root, "witness");
  await rm(witness, { force: true });
  await replaceDump(id, (dump) =>
    dump
      .replace(/^\/\*M!999999.*\n/, "")
      .replace("DROP TABLE", () => `${line.replace("COMMAND", `touch ${witness}`)}\nDROP TABLE`),
  );
  // As if by a holder of the token: what a signature does not stop either.
  await sign(id);
  return { id, witness };
}

/** A client of the time before there was a sandbox mode. */
const oldClient = `case "$*" in *--help*) real "$@" | grep -v -e --sandbox;; *--sandbox*) echo "unknown option '--sandbox'" >&2; exit 7;; *) real "$@";; esac`;

const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );

describe("a dump with commands for the client", { timeout: 600_000 }, () => {
  it("runs none of them in a drill, whatever the client knows", async () => {
    const { id, witness } = await withCommand(hidden["a short command"] ?? "");
    const sandboxed = await host.start(["drill", id]);
    assert.equal(sandboxed.exitCode, 1, sandboxed.all);
    assert.match(sandboxed.all, /^k3s-ha-backup: the dump cannot be restored: .*sandbox mode/);
    assert.equal(await exists(witness), false);
    await host.shim("mariadb", oldClient);
    const refused = await host.start(["drill", id]);
    assert.equal(refused.exitCode, 1);
    assert.equal(
      refused.all,
      "k3s-ha-backup: the dump cannot be restored: the dump has a line that no dump program writes, and that a client could run as a command",
    );
    assert.equal(await exists(witness), false);
  });

  for (const [name, line] of Object.entries(hidden)) {
    it(`is refused where the client has no sandbox: ${name}`, async () => {
      const witness = join(host.root, "witness");
      const dump = `-- Dump\n${line.replace("COMMAND", `touch ${witness}`)}\n`;
      const client = ["mariadb", "--no-defaults", `--socket=${datastore.socket}`];
      const filtered = await execa("bash", ["-c", `${sqlImport}\nsql_only | "$@"`, "-", ...client], {
        input: dump,
        reject: false,
      });
      assert.match(filtered.stderr, /^the dump has a line that no dump program writes/m);
      assert.equal(await exists(witness), false);
      await execa(client[0] ?? "", client.slice(1), { input: dump, reject: false });
      assert.equal(await exists(witness), true, "the command does not even run where nothing restrains the client");
    });
  }

  it("runs none of them in the datastore's place either", async () => {
    const { id, witness } = await withCommand(hidden["a short command"] ?? "");
    const state = join(host.root, "state");
    for (const name of ["restore", "before"]) await mkdir(join(state, name), { recursive: true });
    await writeFile(join(state, ".my.cnf"), `[client]\nsocket=${datastore.socket}\n`);
    await execa("cp", [join(host.settings.directory, id, "kine.sql.zst"), join(state, "restore/kine.sql.zst")]);
    const script = renderHostScript({
      body: engineScripts.datastoreRestore,
      parts: [engineScripts.sqlImport, engineScripts.raisedRevision, engineScripts.datastoreExchange],
      variables: {
        host_name: "db-1",
        database: "k3s",
        k3s_user: "k3s",
        safety_directory: join(state, "before"),
        started: "now",
        phase: "prepare",
        expected_rows: rows.length,
        expected_revision: rows.length,
        expected_at: "2026-01-01T00:00:00Z",
        expected_bytes: 1,
        packed_bytes: 1,
        token_fingerprint: tokenFingerprint(token),
      },
    })
      .replace("state_directory=/var/lib/k3s-ha", `state_directory=${state}`)
      .replaceAll("/var/lib/mysql", join(datastore.directory, "data"));
    const { exitCode, stderr } = await execa("bash", ["-s", "apply"], {
      input: script,
      env: { HOME: state },
      reject: false,
    });
    assert.equal(exitCode, 1);
    assert.match(stderr, /^db-1: the backup cannot be imported; the datastore is unchanged: .*sandbox mode/m);
    assert.equal(await exists(witness), false, stderr);
  });
});

describe("a dump as it is written", { timeout: 600_000 }, () => {
  it("is imported by a client without a sandbox mode too, whatever stands in its rows", async () => {
    const hostile = [
      `/a'b`,
      "/a\\",
      "/a\\! b",
      "/a\nsystem b",
      "/a -- b",
      "/a /* b",
      "/a`b",
      '/a"b',
      "/a#b",
      "/sql_mode",
    ];
    const more = hostile.map((name, index) => ({
      ...(rows[2] as KineRow),
      id: rows.length + 1 + index,
      name: `/registry/configmaps${name}`.replaceAll("\\", "\\\\").replaceAll("'", "\\'"),
      prevRevision: 0,
    }));
    await datastore.sql(insertRows(more), "k3s");
    await host.shim("mariadb", oldClient);
    const id = await host.takeBackup();
    const { all, exitCode } = await host.start(["drill", id]);
    assert.equal(exitCode, 0, all);
    assert.match(all, new RegExp(`restored to ${rows.length + hostile.length} rows`));
  });
});
