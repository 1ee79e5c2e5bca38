/** What all drop-in plugins share: start, wire format, size of messages, end. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { difference, topLevel } from "../../../toolchain/plugins/provider/diff.ts";
import {
  decode,
  encode,
  equal,
  hasUnknown,
  reveal,
  Secret,
  unknown,
} from "../../../toolchain/plugins/provider/value.ts";
import { CollectingEngine } from "./collectingEngine.ts";
import { PluginProcess } from "./pluginProcess.ts";

const plugins = { command: "1.2.1", random: "4.21.2", tls: "5.6.1", mysql: "3.3.2" };

for (const [name, version] of Object.entries(plugins)) {
  test(`${name} ${version} starts, says its version, and ends with the engine`, async () => {
    const plugin = await PluginProcess.start(name);
    assert.equal(await plugin.version(), version);
    assert.deepEqual(JSON.parse(await plugin.schema()), { name, version });
    const took = await plugin.stop();
    assert.equal(plugin.process.exitCode, 0);
    assert.ok(took < 15_000, `it took ${took} ms to end`);
  });
}

test("a plugin does not outlive its parent, even if it gets no calls and the engine still runs", async () => {
  const engine = await CollectingEngine.start();
  try {
    const script = '"$0" "$1" "$2" & echo "pid $!"; wait';
    const args = ["-c", script, process.execPath, PluginProcess.program("random"), engine.address];
    const shell = spawn("/bin/sh", args, { stdio: ["ignore", "pipe", "inherit"] });
    const found: Record<"pid" | "port", number> = { pid: 0, port: 0 };
    for await (const line of createInterface(shell.stdout)) {
      if (line.startsWith("pid ")) found.pid = Number(line.slice(4));
      else found.port = Number(line);
      if (found.pid > 0 && found.port > 0) break;
    }
    assert.ok(alive(found.pid));
    const exited = once(shell, "exit");
    shell.kill("SIGKILL");
    await exited;
    for (let tries = 0; tries < 100 && alive(found.pid); tries++) await delay(100);
    assert.ok(!alive(found.pid), "the orphan has ended");
  } finally {
    engine.stop();
  }
});

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test("messages of tens of megabytes pass in both directions", async () => {
  const plugin = await PluginProcess.start("command");
  const stdin = "x".repeat(32_000_000);
  const { state } = await plugin.create("command:local:Command", { create: "cat", stdin, logging: "none" });
  assert.equal((state["stdout"] as string).length, stdin.length);
  await plugin.stop();
});

test("secrets, unknown values, assets and null survive the wire at any depth", () => {
  const values = {
    plain: ["a", 1, true, null, { nested: "b" }],
    secret: new Secret({ deep: [new Secret("x"), unknown] }),
    later: unknown,
    asset: { "4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17", text: "t" },
  };
  const back = decode(JSON.parse(JSON.stringify(encode(values))) as never);
  assert.deepEqual(back, values);
  assert.ok(hasUnknown(back));
  assert.deepEqual(reveal(values.secret), { deep: ["x", unknown] });
  assert.ok(equal({ a: null }, {}), "unset is null");
  assert.ok(!equal(new Secret("a"), "a"), "becoming secret is a change");
});

test("a difference names the paths as the engine writes them", () => {
  const olds = { a: [1, 2], b: { c: "x", "d.e": "y" }, gone: 1, __internal: 1 };
  const news = { a: [1, 3, 4], b: { c: "x", "d.e": "z" }, come: 1, __internal: 2 };
  const { changes } = difference(olds, news, (name) => name === "a");
  assert.deepEqual(changes, {
    "a[1]": { change: "update", replace: true },
    "a[2]": { change: "add", replace: true },
    'b["d.e"]': { change: "update", replace: false },
    gone: { change: "delete", replace: false },
    come: { change: "add", replace: false },
  });
  assert.deepEqual(Object.keys(changes).map(topLevel), ["a", "a", "b", "gone", "come"]);
  assert.equal(topLevel('["x.y"].z'), "x.y");
});

test("an unknown type is an error that says what to do", async () => {
  const plugin = await PluginProcess.start("random");
  await assert.rejects(plugin.check("random:index/randomPet:RandomPet", {}), {
    message:
      "random:index/randomPet:RandomPet is not supported by the sandbox's drop-in for the random plugin; install the official plugin",
  });
  await plugin.stop();
});
