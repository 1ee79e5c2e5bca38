// Proves when the datastore is dumped before an upgrade, and that others may work on the host meanwhile: the real
// script in real bash, with a backup program that looks around.
import assert from "node:assert/strict";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { renderHostScript } from "../../components/host/hostScript.ts";
import { shellQuote } from "../../components/host/shell.ts";
import { runBash } from "../support/bash.ts";
import { definitionsOf } from "../support/hostFiles.ts";
import { inTemporaryDirectory } from "../support/temporaryDirectory.ts";
import { k3sScripts } from "../../components/k3s/scripts.ts";

/** What the step says when the servers are to run one version after another. */
async function said(versions: readonly string[]): Promise<string> {
  return inTemporaryDirectory(async (directory) => {
    const at = (name: string) => shellQuote(join(directory, name));
    const program = join(directory, "k3s-ha-backup");
    await writeFile(
      program,
      `#!/bin/bash\necho "dumped: $*" >&2\nflock --nonblock ${at("run/host.lock")} echo "the host is free" >&2 || echo "the host is locked" >&2\n`,
    );
    await chmod(program, 0o755);
    let text = "";
    for (const version of versions) {
      const script = renderHostScript({
        body: k3sScripts.upgradeDump,
        variables: { host_name: "db-1", version, backup_program: program },
      });
      const { exitCode, stderr } = await runBash(
        `${definitionsOf(script)}state_directory=${at("state")} runtime_directory=${at("run")} earlier_lock=${at("earlier")} record=${at("state/upgrade-dump.version")}\napply\n`,
      );
      assert.equal(exitCode, 0, stderr);
      text += stderr;
    }
    return text;
  });
}

describe("the dump before an upgrade", () => {
  it("is not taken of a cluster that is new, nor while the version stays", async () => {
    assert.equal(await said(["v1", "v1"]), "");
  });

  it("is taken once for another version, and does not hold the host's lock meanwhile", async () => {
    assert.equal(await said(["v1", "v2", "v2"]), "dumped: run --label pre-upgrade\nthe host is free\n");
  });
});
