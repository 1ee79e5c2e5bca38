// Proves which commands a load balancer accepts for moving its virtual IP. Who holds the address, the sandbox proves.
import assert from "node:assert/strict";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { balancerScripts } from "../../components/balancer/scripts.ts";
import { renderHostScript } from "../../components/host/hostScript.ts";
import { runBash } from "../support/bash.ts";
import { definitionsOf } from "../support/hostFiles.ts";
import { inTemporaryDirectory } from "../support/temporaryDirectory.ts";

function check(program: string) {
  const script = renderHostScript({
    body: balancerScripts.virtualIp,
    variables: { host_name: "lb-1", notify_program: program },
  });
  return runBash(`${definitionsOf(script)}check_notify_program\n`);
}

describe("a command that moves the virtual IP", () => {
  it("is accepted if it is root's, and if there is none", async () => {
    for (const program of ["", "/bin/true"]) {
      assert.deepEqual(await check(program), { exitCode: 0, stdout: "", stderr: "" });
    }
  });

  it("is refused if it does not exist or is not executable", async () => {
    await inTemporaryDirectory(async (directory) => {
      const program = join(directory, "move-address");
      const sentence = `lb-1: there is no program ${program}, which k3s-ha:loadBalancer.virtualIp.notify names. Install it on every load balancer, and run up again.\n`;
      assert.equal((await check(program)).stderr, sentence);
      await writeFile(program, "#!/bin/sh\n", { mode: 0o644 });
      assert.equal((await check(program)).stderr, sentence);
    });
  });

  it("is refused if others than root can change it, because keepalived would leave it out", async () => {
    await inTemporaryDirectory(async (directory) => {
      const program = join(directory, "move-address");
      await writeFile(program, "#!/bin/sh\n");
      await chmod(program, 0o775);
      assert.equal(
        (await check(program)).stderr,
        `lb-1: others than root can change ${program}, so keepalived does not run it. Run "chown root:root ${program}" and "chmod 0755 ${program}" there, and run up again.\n`,
      );
    });
  });
});
