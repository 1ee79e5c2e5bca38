// Proves how MariaDB's cache is sized for a host, and what becomes of a binary log that an earlier release kept. The answers
// of host and database are the test's; tests/sandbox/managedDatastore.test.ts asks real ones.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { keepsBinaryLog } from "../../../components/datastore/managed/managedDatastore.ts";
import { renderHostScript } from "../../../components/host/hostScript.ts";
import { type BashResult, runBash } from "../../support/bash.ts";
import { definitionsOf } from "../../support/hostFiles.ts";
import { inTemporaryDirectory } from "../../support/temporaryDirectory.ts";
import { managedScripts } from "../../../components/datastore/managed/scripts.ts";
import { hostScripts } from "../../../components/host/scripts.ts";

const definitions = (pool: string, more: Readonly<Record<string, string>> = {}) =>
  definitionsOf(
    renderHostScript({
      body: managedScripts.datastoreServer,
      parts: [hostScripts.originals, hostScripts.keptFiles, managedScripts.bufferPool, managedScripts.binaryLog],
      variables: { host_name: "db-1", adopt: "false", buffer_pool_mebibytes: pool, ...more },
    }),
  );

/** What the script makes of a host with so much memory, in MiB. */
const sized = (host: number, pool = ""): Promise<BashResult> =>
  runBash(`${definitions(pool)}host_mebibytes() { printf ${host}; }\nsize_buffer_pool\nprintf '%s' "$buffer_pool"\n`);

describe("MariaDB's cache", () => {
  const sizes: [host: number, pool: number][] = [
    [512, 128],
    [1024, 256],
    [2048, 768],
    [4096, 1792],
    [16_384, 7936],
    [262_144, 8192],
  ];
  for (const [host, pool] of sizes) {
    it(`has ${pool} MiB on a host with ${host} MiB`, async () => {
      assert.deepEqual(await sized(host), { exitCode: 0, stdout: String(pool), stderr: "" });
    });
  }

  it("has what the configuration says, unless the host cannot hold that", async () => {
    assert.equal((await sized(4096, "3072")).stdout, "3072");
    assert.deepEqual(await sized(4096, "3073"), {
      exitCode: 1,
      stdout: "",
      stderr:
        "db-1: k3s-ha:datastore.managed.bufferPoolMebibytes is 3073, but this host has 4096 MiB of memory. Set it to at most 3072, or remove it; nothing was changed.\n",
    });
  });

  it("is its owner's to size where an adopted MariaDB has others to serve", async () => {
    const script = `${definitions("", { adopt: "true" })}host_mebibytes() { printf 4096; }\nsize_buffer_pool\nprintf '%s' "$buffer_pool"\n`;
    assert.equal((await runBash(script)).stdout, "");
  });

  it("is sized by the memory of this machine, or by what a container may use", async () => {
    const { stdout } = await runBash(`${definitions("")}host_mebibytes\n`);
    const { stdout: total } = await runBash("awk '$1 == \"MemTotal:\" { print int($2 / 1024) }' /proc/meminfo");
    assert.ok(Number(stdout) > 0 && Number(stdout) <= Number(total), `${stdout} of ${total}`);
  });
});

describe("a binary log of an earlier release", () => {
  const noted = (config: string, readers: string) =>
    inTemporaryDirectory(async (directory) => {
      const path = join(directory, "90-k3s-ha.cnf");
      await writeFile(path, config);
      return runBash(
        `${definitions("", { config_path: path })}binary_log_note=${directory}/note\nmariadb() { printf '%s\\n' ${readers}; }\nnote_binary_log\n[[ ! -e ${directory}/note ]] || printf noted\n`,
      );
    });

  it("is not switched off while a replica reads it", async () => {
    assert.deepEqual(await noted("log_bin = mysql-bin\n", "198.51.100.77:40312"), {
      exitCode: 1,
      stdout: "",
      stderr:
        "db-1: a replica at 198.51.100.77:40312 reads MariaDB's binary log, which this run would turn off. Stop the replica (STOP REPLICA there), then run up again; nothing was changed.\n",
    });
    assert.equal((await noted("log_bin = mysql-bin\n", "NULL")).stdout, "noted");
  });

  it("is left alone, and who reads it, where its owner keeps it", async () => {
    assert.deepEqual(await noted("port = 3306\n", "198.51.100.77:40312"), { exitCode: 0, stdout: "", stderr: "" });
  });

  it("is reported if the recorded script keeps one", () => {
    assert.ok(keepsBinaryLog("sync_binlog = 1\nlog_bin = mysql-bin\n"));
    assert.ok(!keepsBinaryLog("# No log_bin: nothing of the cluster reads it\n"));
  });
});
