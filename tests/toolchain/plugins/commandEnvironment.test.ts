/** Environment variables of remote commands: hosts take only what their AcceptEnv names. */
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { CommandFixture, remote } from "./commandFixture.ts";
import { SshServer } from "./sshServer.ts";

const setenvWarning = (name: string): string =>
  `Unable to set '${name}'. This only works if your SSH server is configured to accept\n` +
  "\tthese variables via AcceptEnv. Alternatively, if a Bash-like shell runs the command on the remote host, you could\n" +
  "\tprefix the command itself with the variables in the form 'VAR=value command'";

let on: CommandFixture;

before(async () => {
  on = await CommandFixture.start();
});

beforeEach(() => {
  on.plugin.logs.length = 0;
});

after(async () => {
  await on.stop();
});

test("previous outputs: a server that refuses the variables earns two warnings, and the command still runs", async () => {
  const { id, state } = await on.create({ create: "echo out; echo err >&2" });
  on.plugin.logs.length = 0;
  const news = await on.checked({ create: 'echo "<$PULUMI_COMMAND_STDOUT>"' });
  assert.equal((await on.plugin.update(remote, id, state, news))["stdout"], "<>");
  assert.deepEqual(
    on.plugin.logs.filter(({ ephemeral }) => !ephemeral).map(({ severity, message }) => [severity, message]),
    ["PULUMI_COMMAND_STDOUT", "PULUMI_COMMAND_STDERR"].map((name) => ["warning", setenvWarning(name)]),
  );
  on.plugin.logs.length = 0;
  await on.plugin.update(remote, id, state, { ...news, addPreviousOutputInEnv: false });
  assert.deepEqual(
    on.plugin.logs.filter(({ severity }) => severity === "warning"),
    [],
  );
});

test("environment: a server that refuses a variable makes the step fail", async () => {
  await assert.rejects(on.create({ create: "true", environment: { FOO: "1" } }), {
    message: 'could not set environment variable "FOO": ssh: setenv failed',
  });
  assert.deepEqual(
    on.plugin.logs.map(({ severity, message }) => [severity, message]),
    [["error", setenvWarning("FOO")]],
  );
});

test("environment and previous outputs arrive where AcceptEnv names them", async () => {
  const accepting = await SshServer.start(["AcceptEnv FOO PULUMI_COMMAND_*"]);
  try {
    const inputs = await on.checked({
      connection: await accepting.connection(),
      create: 'echo "$FOO|$PULUMI_COMMAND_STDOUT|$PULUMI_COMMAND_STDERR"',
      environment: { FOO: "two words" },
    });
    const { id, state } = await on.plugin.create(remote, inputs);
    assert.equal(state["stdout"], "two words||");
    assert.equal((await on.plugin.update(remote, id, state, inputs))["stdout"], "two words|two words|||");
    assert.deepEqual(
      on.plugin.logs.filter(({ severity }) => severity !== "info"),
      [],
    );
  } finally {
    await accepting.stop();
  }
});
