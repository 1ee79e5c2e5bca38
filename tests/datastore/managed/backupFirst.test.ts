// Proves that a change which is to have a backup first gets one or does not happen, and that only where none was ever taken it
// continues without.
import assert from "node:assert/strict";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { renderHostScript } from "../../../components/host/hostScript.ts";
import { type BashResult, runBash } from "../../support/bash.ts";
import { inTemporaryDirectory } from "../../support/temporaryDirectory.ts";
import { engineScripts } from "../../../components/datastore/engine/scripts.ts";

const script = renderHostScript({
  body: engineScripts.backupFirst,
  variables: { host_name: "db-1", label: "pre-change" },
});

/** What there is on the host: the program, if any, and whether a backup was ever proved. */
interface Scene {
  /** What the program prints for `list`, or how it fails; undefined where there is no program. */
  readonly list?: string;
  readonly run?: string;
  readonly proved?: boolean;
}

async function first({ list, run = "exit 0", proved = false }: Scene): Promise<BashResult & { ran: string }> {
  let ran = "";
  const result = await inTemporaryDirectory(async (directory) => {
    const program = join(directory, "k3s-ha-backup");
    await mkdir(join(directory, "state"));
    await writeFile(join(directory, "ran"), "");
    if (proved) await writeFile(join(directory, "state/k3s-ha-backup.service.proved"), "setup\n");
    if (list !== undefined) {
      await writeFile(
        program,
        `#!/bin/bash\ncase $1 in list) ${list} ;; run) echo "$*" >>${directory}/ran; ${run} ;; esac\n`,
      );
      await chmod(program, 0o755);
    }
    const text = script
      .replace("/usr/local/sbin/k3s-ha-backup", program)
      .replace("state_directory=/var/lib/k3s-ha", `state_directory=${directory}/state`);
    const outcome = await runBash(text, "apply");
    ran = (await readFile(join(directory, "ran"), "utf8")).trim();
    return outcome;
  });
  return { ...result, ran };
}

const none = "echo ID TAKEN";
const some = "printf '%s\\n' 'ID TAKEN' '20260101T000000Z-1 yes'";
const remedy = "Correct it, or set k3s-ha:backup.beforeChanges to false for this run.";

describe("a backup before a change", () => {
  it("is not asked for where none was ever taken", async () => {
    for (const scene of [{}, { list: none }]) {
      const { exitCode, ran } = await first(scene);
      assert.deepEqual([exitCode, ran], [0, ""]);
    }
  });

  it("is taken where there are some, and where some were before", async () => {
    for (const scene of [{ list: some }, { list: none, proved: true }]) {
      const { exitCode, ran, stderr } = await first(scene);
      assert.deepEqual([exitCode, ran], [0, "run --label pre-change"], stderr);
    }
  });

  it("that cannot be taken stops the change", async () => {
    for (const scene of [{ list: some, run: "exit 1" }, { proved: true }]) {
      const { exitCode, stderr } = await first(scene);
      assert.equal(exitCode, 1);
      assert.match(
        stderr,
        new RegExp(
          `^db-1 is unchanged: no backup could be taken before its change; the reason is above\\. ${remedy}$`,
          "m",
        ),
      );
    }
  });

  it("stops the change where it cannot be told whether there are any", async () => {
    const { exitCode, ran, stderr } = await first({ list: "echo 'its disk is not mounted' >&2; exit 1" });
    assert.deepEqual([exitCode, ran], [1, ""]);
    assert.equal(
      stderr,
      "its disk is not mounted\ndb-1 is unchanged: it is unknown whether there are backups; the reason is above. Correct it, or set k3s-ha:backup.beforeChanges to false for this run.\n",
    );
  });
});
