// Proves that runs never get in each other's way.
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { eventually } from "../../support/eventually.ts";
import { appears, assertFails, endStuck, host, stuckInDump, useBackupHost, verificationServers } from "./fixture.ts";

useBackupHost();

describe("two runs", { timeout: 600_000 }, () => {
  it("never run at once: the second does nothing and says so", async () => {
    const { running: first } = await stuckInDump();
    await assertFails(/another backup is running on this host; this run did nothing/);
    await endStuck();
    const { exitCode, all } = await first;
    assert.equal(exitCode, 0, all);
    assert.equal((await host.ids()).length, 1);
  });

  it("follow each other after one was killed without mercy", async () => {
    const earlier = await host.takeBackup();
    await host.shim(
      "mariadb",
      `case "$*" in *--socket*kine) echo $$ >${host.root}/stuck; exec sleep 600 >/dev/null 2>&1 ;; esac; real "$@"`,
    );
    const running = host.start(["run"]);
    await appears(join(host.root, "stuck"));
    assert.equal((await verificationServers()).length, 1);
    running.kill("SIGKILL");
    await eventually(async () => {
      assert.deepEqual(await verificationServers(), [], "the verification server ends with the run");
    }, 30);
    await endStuck();
    await running;
    assert.deepEqual(await host.ids(), [earlier]);
    await host.shim("mariadb", undefined);
    const later = await host.takeBackup();
    assert.deepEqual(await host.ids(), [earlier, later]);
    assert.ok(!Object.keys(await host.content()).some((path) => path.includes(".partial")));
  });
});
