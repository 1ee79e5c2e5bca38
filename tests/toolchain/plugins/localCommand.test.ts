/** local.Command and local.run: commands on this machine. */
import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { after, before, test } from "node:test";
import { PluginProcess } from "./pluginProcess.ts";

let plugin: PluginProcess;

before(async () => {
  plugin = await PluginProcess.start("command");
  await plugin.configure();
});

after(async () => {
  await plugin.stop();
});

test("local.Command: the same life on this machine", async () => {
  const local = "command:local:Command";
  const { id, state } = await plugin.create(local, {
    create: "cat; echo err >&2; echo $FOO",
    stdin: "in\n",
    environment: { FOO: "bar" },
  });
  assert.deepEqual([state["stdout"], state["stderr"]], ["in\nbar", "err"]);
  const news = { update: "echo $PULUMI_COMMAND_STDOUT" };
  assert.equal((await plugin.update(local, id, state, news))["stdout"], "in bar");
  const other = { create: "print(1 + 1)", interpreter: ["/usr/bin/python3", "-c"], dir: tmpdir() };
  assert.equal((await plugin.create(local, other)).state["stdout"], "2");
  await assert.rejects(plugin.create(local, { create: "echo x; exit 4" }), {
    message: 'exit status 4: running "echo x; exit 4":\nx\n',
  });
  await assert.rejects(plugin.create(local, { create: "kill -9 $$" }), /^Error: signal: killed: running/);
  assert.deepEqual(
    (await plugin.diff(local, { create: "a", triggers: [1] }, {}, { create: "a", triggers: [2] })).replaces,
    ["triggers"],
  );
  assert.equal((await plugin.invoke("command:local:run", { command: "echo run" }))["stdout"], "run");
});
