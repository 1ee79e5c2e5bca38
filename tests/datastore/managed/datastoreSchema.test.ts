// Proves that a schema is made once, and that one which was lost is not replaced by an empty one that servers could start on.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { renderHostScript } from "../../../components/host/hostScript.ts";
import { type BashResult, runBash } from "../../support/bash.ts";
import { definitionsOf } from "../../support/hostFiles.ts";
import { managedScripts } from "../../../components/datastore/managed/scripts.ts";

/** Runs the script with a MariaDB that holds the schema or does not, and prints what it was asked to change. */
function run(action: "apply" | "reapply", { isThere = false, startsEmpty = false } = {}): Promise<BashResult> {
  const script = renderHostScript({
    body: managedScripts.datastoreSchema,
    variables: { host_name: "db-1", database: "k3s", starts_empty: String(startsEmpty) },
  });
  return runBash(`${definitionsOf(script)}lock_host() { :; }
mariadb() {
  case "$*" in
    *"COUNT(*)"*) echo ${isThere ? 1 : 0} ;;
    *) printf '%s\\n' "\${*: -1}" ;;
  esac
}
${action}
`);
}

const made = "CREATE DATABASE IF NOT EXISTS `k3s` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci\n";

describe("the schema of the datastore", () => {
  it("is made for a new cluster, and found again", async () => {
    assert.deepEqual(await run("apply"), { exitCode: 0, stdout: made, stderr: "" });
    assert.deepEqual(await run("reapply", { isThere: true }), { exitCode: 0, stdout: made, stderr: "" });
  });

  it("is not made again when it was lost, before any server is let in, and the way back is told", async () => {
    const { exitCode, stdout, stderr } = await run("reapply");
    assert.deepEqual([exitCode, stdout], [1, ""]);
    assert.match(
      stderr,
      /^db-1: the schema "k3s" that held this stack's cluster is gone, .* make restore FROM=copy IDENTITY=key\.txt, .* k3s-ha:datastore\.managed\.startsEmpty to true and run up again\.$/m,
    );
  });

  it("is made again empty when that is asked for", async () => {
    assert.deepEqual(await run("reapply", { startsEmpty: true }), { exitCode: 0, stdout: made, stderr: "" });
  });
});
