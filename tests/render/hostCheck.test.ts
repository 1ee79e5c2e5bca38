// Proves what the check of a host says of hosts that cannot be worked on. The machine's answers are the test's.
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { renderHostScript } from "../../components/render/hostScript.ts";
import { bashOutput, runBash } from "../support/bash.ts";
import { definitionsOf } from "../support/hostFiles.ts";
import { inTemporaryDirectory } from "../support/temporaryDirectory.ts";

/** The problems that a part of the check finds, with some programs replaced. */
async function problems(check: string, programs: string, variables: Record<string, string> = {}): Promise<string> {
  const script = renderHostScript({
    body: "hostCheck",
    variables: {
      host_path: "k3s-ha:servers.server-1",
      host_address: "198.51.100.11",
      role: "server",
      needed_mib: 2048,
      port: "6443",
      port_owners: "k3s k3s-server",
      ...variables,
    },
  });
  return bashOutput(`${definitionsOf(script)}${programs}\n${check}\nprintf '%s\\n' "\${problems[@]}"\n`);
}

describe("hostCheck", () => {
  it("refuses a disk without room, and tells how much is missing", async () => {
    const df = (free: number) => `df() { printf 'Avail\\n %s\\n' ${free}; }`;
    assert.equal(
      await problems("check_disk", df(500)),
      "k3s-ha:servers.server-1 (198.51.100.11): has 500 MiB free under /var and needs 2048 MiB. Free some space or use a larger disk.\n",
    );
    assert.equal(await problems("check_disk", df(2048)), "\n");
  });

  it("refuses a port that another program holds, and not one that K3s holds already", async () => {
    const ss = (program: string) => `ss() { printf 'LISTEN 0 4096 *:6443 *:* users:(("${program}",pid=7,fd=3))\\n'; }`;
    assert.match(await problems("check_port", ss("apache2")), /: port 6443 is taken by apache2\. Stop that program/);
    assert.equal(await problems("check_port", ss("k3s-server")), "\n");
    assert.equal(await problems("check_port", "ss() { :; }"), "\n");
    assert.equal(await problems("check_port", ss("apache2"), { port: "" }), "\n");
  });

  it("refuses a processor that K3s is not released for", async () => {
    assert.match(await problems("check_system", "uname() { echo riscv64; }"), /has the processor architecture riscv64/);
    assert.doesNotMatch(await problems("check_system", "uname() { echo aarch64; }"), /processor/);
  });

  it("refuses a host that is a node of another name or role, and says how to make it one", async () => {
    await inTemporaryDirectory(async (directory) => {
      await mkdir(join(directory, "k3s.claims"));
      const node = (text: string) => writeFile(join(directory, "k3s.claims", "workers-agent-2"), `${text}\n`);
      const check = () =>
        problems("check_node", `state_directory=${directory}`, { host_name: "server-1", role_word: "server" });
      await node("agent agent-2");
      assert.equal(
        await check(),
        "k3s-ha:servers.server-1 (198.51.100.11): is the agent agent-2, and is to be the server server-1. A host gets another role or another name in two steps: take its entry out and run up, which uninstalls K3s; then add it as what it is to be. If it was declared lost, install it anew.\n",
      );
      await node("server server-1");
      assert.equal(await check(), "\n");
    });
    assert.equal(await problems("check_node", "state_directory=/nowhere"), "\n");
  });

  it("refuses a login that did not become root", async () => {
    const { stderr, exitCode } = await runBash(
      `${definitionsOf(
        renderHostScript({
          body: "hostCheck",
          variables: { host_path: "k3s-ha:servers.server-1", host_address: "198.51.100.11", role: "agent", port: "" },
        }),
      )}id() { echo 1000; }\nfor part in system disk port leftovers node; do eval "check_$part() { :; }"; done\napply\n`,
    );
    assert.equal(exitCode, 1);
    assert.match(stderr, /^k3s-ha:servers\.server-1 \(198\.51\.100\.11\): the login user is not root/);
  });
});
