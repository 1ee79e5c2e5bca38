/**
 * Proves, with the real engine and real SSH servers, that all hosts are checked before anything is changed on any of them, in
 * each run that changes a host and in no other.
 */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { it } from "node:test";
import { inTemporaryDirectory } from "../support/temporaryDirectory.ts";
import { freePort, SshServer } from "./plugins/sshServer.ts";
import { inTemporaryProject } from "./temporaryProject.ts";

const components = join(import.meta.dirname, "../../components/host");

/** Two hosts, and three commands on the first, each of which appends a line to a file. */
const program = `
  import * as pulumi from "@pulumi/pulumi";
  import { HostChecks } from "${components}/hostCheck.ts";
  import { HostCommand } from "${components}/hostCommand.ts";
  const config = new pulumi.Config();
  const [one, two] = config.requireObject("hosts");
  const hosts = new HostChecks("hosts", {
    hosts: {
      one: { host: one, path: "k3s-ha:servers.one", role: config.require("role") },
      two: { host: two, path: "k3s-ha:servers.two", role: "server" },
    },
  });
  const body = \`apply() { echo \${config.require("line")} >>\${config.require("file")}; }\`;
  for (const step of ["a", "b", "c"]) {
    const script = \`{\\n\${body}\\n"$1" </dev/null\\n}\\n\`;
    const host = step === "c" ? { ...one, port: config.getNumber("portAfterCheck") ?? one.port } : one;
    new HostCommand(step, { host, script }, { dependsOn: hosts });
  }
`;

it("checks all hosts before the first change of a run, and none in a run that changes no host", async () => {
  await inTemporaryDirectory(async (directory) => {
    const log = (name: string) => join(directory, name);
    // What the check reads of a host, and the mark that it gets, are no part of this: this machine is none of a cluster's.
    const start = async (name: string) => {
      const command = `#!/bin/bash
script=$(cat)
if grep --quiet '^mark=(' <<<"$script"; then echo mark >>${log("marks")}; exit; fi
echo login >>${log(name)}
sed 's/^checks=.*/checks=()/' <<<"$script" | bash -s apply
`;
      await writeFile(log(`${name}.sh`), command, { mode: 0o700 });
      return SshServer.start([`ForceCommand ${log(`${name}.sh`)}`]);
    };
    const servers = [await start("one"), await start("two")];
    const [one, two] = servers as [SshServer, SshServer];
    const running = new Set(servers);
    const hostArgs = async (server: SshServer, port = server.port) => ({
      address: "127.0.0.1",
      port,
      user: server.user,
      hostKey: (await server.file("host_ed25519.pub")).trim(),
      privateKey: await server.file("client"),
    });
    const linesOf = async (name: string) => (await readFile(log(name), "utf8")).split("\n").length - 1;
    const sentence =
      /k3s-ha:servers\.two \(127\.0\.0\.1\): the host cannot be reached over SSH \(connection refused\)\. .* declare it lost/g;
    // What a run shows while it is at work, it sums up at its end.
    const told = (output: string) => output.slice(output.indexOf("Diagnostics:")).match(sentence)?.length;
    const up = ["up", "--yes", "--skip-preview"];
    try {
      for (const name of ["one", "two", "changes", "marks"]) await writeFile(log(name), "");
      await inTemporaryProject({ program }, async (project) => {
        const set = (key: string, value: string) => project.succeed("config", "set", "--secret", key, value);
        const hosts = async (port?: number) =>
          set("hosts", JSON.stringify([await hostArgs(one), await hostArgs(two, port)]));
        const dead = await freePort();
        await set("file", log("changes"));
        await set("line", "first");
        await project.succeed("config", "set", "role", "agent");

        // A host is dead on creation: the other, which lives, is not changed.
        await hosts(dead);
        const refused = await project.pulumi(...up);
        assert.notEqual(refused.exitCode, 0, refused.output);
        assert.equal(told(refused.output), 1, refused.output);
        assert.deepEqual([await linesOf("one"), await linesOf("changes"), await linesOf("marks")], [1, 0, 0]);

        // Both live: one login each for the check, and one for each command.
        await hosts();
        await project.succeed(...up);
        assert.deepEqual([await linesOf("one"), await linesOf("two"), await linesOf("changes")], [1 + 1 + 3, 1, 3]);

        // Nothing to change: no host is logged in to, dead or alive.
        await project.succeed(...up, "--expect-no-changes");
        await project.succeed("preview", "--expect-no-changes");
        assert.deepEqual([await linesOf("one"), await linesOf("two")], [5, 1]);

        // A host is dead once it was checked: whose the address is that was dialled in vain.
        await project.succeed("config", "set", "portAfterCheck", String(dead));
        const died = await project.pulumi(...up);
        assert.notEqual(died.exitCode, 0, died.output);
        assert.match(
          died.output,
          /k3s-ha:servers\.one \(127\.0\.0\.1\): the host cannot be reached over SSH \(connection refused\)\. .* Then run up again: it continues from here\./,
        );
        await project.succeed("config", "rm", "portAfterCheck");
        assert.deepEqual([await linesOf("one"), await linesOf("two"), await linesOf("changes")], [6, 2, 3]);

        // A host is dead when a setting changes: nothing is changed on the other.
        await set("line", "second");
        running.delete(two);
        await two.stop();
        const stopped = await project.pulumi(...up);
        assert.notEqual(stopped.exitCode, 0, stopped.output);
        assert.equal(told(stopped.output), 1, stopped.output);
        assert.deepEqual([await linesOf("one"), await linesOf("changes")], [7, 3]);

        // A preview, which logs in nowhere, refuses another role.
        await project.succeed("config", "set", "role", "loadBalancer");
        const preview = await project.pulumi("preview");
        assert.notEqual(preview.exitCode, 0, preview.output);
        assert.match(
          preview.output,
          /k3s-ha:servers\.one: one is a node of the cluster, the agent one, but is configured as/,
        );
        assert.equal(await linesOf("one"), 7);
      });
    } finally {
      await Promise.all([...running].map((server) => server.stop()));
    }
  });
});
