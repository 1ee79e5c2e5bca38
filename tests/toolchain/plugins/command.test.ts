/** remote.Command against what the official plugin was observed to do, on a real OpenSSH server: the life of a command. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { reveal, Secret, unknown, type PropertyMap } from "../../../toolchain/plugins/provider/value.ts";
import { CommandFixture, remote } from "./commandFixture.ts";

let on: CommandFixture;

const noChange = { some: false, diffs: [], replaces: [], detailed: {} };

before(async () => {
  on = await CommandFixture.start();
});

beforeEach(() => {
  on.plugin.logs.length = 0;
});

after(async () => {
  await on.stop();
});

test("the connection becomes secret, nothing is filled in, the id is the name and eight hex digits", async () => {
  const inputs = await on.checked({ create: "echo one" });
  assert.ok(inputs["connection"] instanceof Secret);
  assert.deepEqual(reveal(inputs["connection"]), on.connection);
  assert.deepEqual(Object.keys(inputs).sort(), ["connection", "create"]);
  const { id, state } = await on.plugin.create(remote, inputs, false, "step");
  assert.match(id, /^step[0-9a-f]{8}$/);
  assert.deepEqual(state, { ...inputs, stdout: "one", stderr: "" });
});

test("keys and passwords in the connection are secrets of their own within it, in inputs and outputs", async () => {
  const login = { privateKey: "a key", privateKeyPassword: "its password", password: "a password" };
  const secrets = { privateKey: new Secret("a key"), privateKeyPassword: new Secret("its password") };
  const protectedLogin = { ...secrets, password: new Secret("a password") };
  const given = { host: "h", port: 22, ...login, proxy: { host: "p", user: "u", ...login } };
  const connection = new Secret({
    host: "h",
    port: 22,
    ...protectedLogin,
    proxy: { host: "p", user: "u", ...protectedLogin },
  });
  // As the SDK sends it (secret as a whole), as the engine hands stored inputs back, and with nothing marked.
  for (const sent of [new Secret(given), connection, given]) {
    const { inputs, failures } = await on.plugin.check(remote, { connection: sent });
    assert.deepEqual(failures, []);
    assert.deepEqual(inputs, { connection });
    const { state } = await on.plugin.create(remote, inputs, true);
    assert.deepEqual(state["connection"], connection);
    assert.deepEqual(await on.plugin.diff(remote, inputs, state, inputs), noChange);
  }
  const inputs = { connection };
  assert.deepEqual((await on.plugin.update(remote, "id", inputs, inputs))["connection"], connection);
  const refused = await on.plugin.check(remote, { connection: { ...given, port: "twenty-two" } });
  assert.equal(refused.failures.length, 1);
  const { value } = refused.inputs["connection"] as Secret;
  assert.deepEqual((value as PropertyMap)["privateKey"], new Secret("a key"), "also of a connection that is refused");
});

test("what the program made a secret within an input stays one, in inputs and outputs", async () => {
  const environment = { PLAIN: "1", TOKEN: new Secret("t") };
  const triggers = [new Secret("one"), { deep: new Secret(2) }];
  const inputs = await on.checked({ environment, triggers });
  assert.deepEqual([inputs["environment"], inputs["triggers"]], [environment, triggers]);
  const { id, state } = await on.plugin.create(remote, inputs);
  assert.deepEqual([state["environment"], state["triggers"]], [environment, triggers]);
  const updated = await on.plugin.update(remote, id, state, inputs);
  assert.deepEqual([updated["environment"], updated["triggers"]], [environment, triggers]);
});

test("create: exactly one trailing newline is removed, lines are shown while it runs", async () => {
  const { state } = await on.create({ create: "printf 'a\\nb\\n\\nrest'" });
  assert.equal(state["stdout"], "a\nb\n\nrest");
  const shown = on.plugin.logs.map(({ message }) => message);
  assert.deepEqual(shown, ["a", "b", "", "rest"]);
  assert.equal((await on.create({ create: "printf 'a\\n\\n'" })).state["stdout"], "a\n");
  assert.ok(
    on.plugin.logs.every(({ severity, ephemeral, urn }) => severity === "info" && ephemeral && urn.endsWith("::step")),
  );
});

for (const [logging, expected] of [
  ["stdout", ["out"]],
  ["stderr", ["err"]],
  ["stdoutAndStderr", ["err", "out"]],
  ["none", []],
] as const) {
  test(`logging ${logging} shows ${expected.join(" and ") || "nothing"}`, async () => {
    const { state } = await on.create({ create: "echo out; echo err >&2", logging });
    assert.deepEqual(on.plugin.logs.map(({ message }) => message).sort(), expected);
    assert.deepEqual([state["stdout"], state["stderr"]], ["out", "err"]);
  });
}

test("stdin is fed once and ends; secret stdin stays secret and stdout does not become secret", async () => {
  const stdin = new Secret("echo from the script\ncat\n");
  const { state } = await on.create({ create: "bash -s", stdin });
  assert.equal(state["stdout"], "from the script");
  assert.deepEqual(state["stdin"], stdin);
  const large = "x".repeat(5_000_000);
  assert.equal((await on.create({ create: "wc -c", stdin: large })).state["stdout"], "5000000");
  assert.equal((await on.create({ create: "true", stdin: large })).state["stdout"], "", "a command need not read it");
});

test("a line of output may be long", async () => {
  const { state } = await on.create({ create: "head -c 1000000 /dev/zero | tr '\\0' x" });
  assert.equal((state["stdout"] as string).length, 1_000_000);
});

test("a change of stdin is an update, shown on that path only", async () => {
  const inputs = await on.checked({ create: "cat", stdin: new Secret("one") });
  const news = { ...inputs, stdin: new Secret("two") };
  const change = await on.plugin.diff(remote, inputs, inputs, news);
  assert.deepEqual(change, { some: true, diffs: ["stdin"], replaces: [], detailed: { stdin: "UPDATE" } });
});

test("a change of the text runs `update`, else `create`; the outputs are the new run's", async () => {
  const { id, state } = await on.create({ create: "echo old; echo err >&2" });
  assert.equal(state["stderr"], "err");
  const again = await on.checked({ create: "echo new" });
  const change = await on.plugin.diff(remote, await on.checked({ create: "echo old" }), state, again);
  assert.deepEqual([change.diffs, change.replaces], [["create"], []]);
  const updated = await on.plugin.update(remote, id, state, again);
  assert.deepEqual([updated["stdout"], updated["stderr"]], ["new", ""]);
  const both = await on.checked({ create: "echo new", update: "echo updated" });
  assert.equal((await on.plugin.update(remote, id, updated, both))["stdout"], "updated");
  const neither = await on.checked({ delete: "true" });
  assert.equal((await on.plugin.update(remote, id, updated, neither))["stdout"], "new", "nothing to run: as before");
});

test("a change of the connection alone is an update on the path `connection`, and runs `update`", async () => {
  const inputs = await on.checked({ create: "echo c", update: "echo u" });
  const { id, state } = await on.plugin.create(remote, inputs);
  const news = await on.checked({
    create: "echo c",
    update: "echo u",
    connection: { ...on.connection, perDialTimeout: 20 },
  });
  const change = await on.plugin.diff(remote, inputs, state, news);
  assert.deepEqual(change, { some: true, diffs: ["connection"], replaces: [], detailed: { connection: "UPDATE" } });
  assert.equal((await on.plugin.update(remote, id, state, news))["stdout"], "u");
});

test("a change of `triggers` replaces: new create, then the old delete, never update", async () => {
  const log = join(on.directory, "steps");
  const texts = { create: `echo c >>${log}`, update: `echo u >>${log}`, delete: `echo d >>${log}` };
  const inputs = await on.checked({ ...texts, triggers: ["one"] });
  const old = await on.plugin.create(remote, inputs);
  const news = await on.checked({ ...texts, triggers: ["two"] });
  const change = await on.plugin.diff(remote, inputs, old.state, news);
  assert.deepEqual(change, {
    some: true,
    diffs: ["triggers"],
    replaces: ["triggers"],
    detailed: { "triggers[0]": "UPDATE_REPLACE" },
  });
  await on.plugin.create(remote, news);
  await on.plugin.delete(remote, old.id, old.state);
  assert.equal(await readFile(log, "utf8"), "c\nc\nd\n");
  const removed = await on.plugin.diff(remote, inputs, old.state, await on.checked(texts));
  assert.deepEqual(removed.replaces, ["triggers"]);
});

test("delete runs with the connection, stdin and environment of the state", async () => {
  const log = join(on.directory, "deleted");
  const { id, state } = await on.create({ create: "true", delete: `cat >${log}`, stdin: "the old input" });
  await on.plugin.delete(remote, id, state);
  assert.equal(await readFile(log, "utf8"), "the old input");
  const without = await on.create({ create: "true" });
  await on.plugin.delete(remote, without.id, without.state);
});

test("a failing command: status, the whole command quoted, then what it printed", async () => {
  const command = 'echo "out"; echo err >&2; exit 3';
  await assert.rejects(on.create({ create: command }), (error: Error) => {
    const [first = "", ...rest] = error.message.split("\n");
    assert.equal(first, 'Process exited with status 3: running "echo \\"out\\"; echo err >&2; exit 3":');
    assert.deepEqual(rest.sort(), ["", "err", "out"]);
    return true;
  });
  await assert.rejects(on.create({ create: "kill -9 $$" }), {
    message: 'Process exited with status 137 from signal KILL: running "kill -9 $$":\n',
  });
});

test("a connection lost in the middle of a command", async () => {
  await assert.rejects(on.create({ create: "kill -9 $PPID; sleep 5" }), {
    message: 'wait: remote command exited without exit status or exit signal: running "kill -9 $PPID; sleep 5":\n',
  });
});

test("an unknown key in the connection fails Check, with the official text", async () => {
  const { failures, inputs } = await on.plugin.check(remote, {
    connection: { ...on.connection, extraField: "x" },
    create: "true",
  });
  assert.deepEqual(failures, [
    {
      property: "connection",
      reason:
        "An error occurred decoding 'CommandInputs.connection': 1 failures decoding:\n\textraField: Unrecognized field 'extraField' on 'remote.Connection'",
    },
  ]);
  assert.ok(inputs["connection"] instanceof Secret, "so that the engine's message does not show it");
  const other = await on.plugin.check(remote, { connection: on.connection, creates: "true", create: 1 });
  assert.deepEqual(
    other.failures.map(({ reason }) => reason),
    [
      "Field 'create' on 'remote.CommandInputs' must be a 'string'; got 'float64' instead",
      "Unrecognized field 'creates' on 'remote.CommandInputs'",
    ],
  );
  assert.deepEqual((await on.plugin.check(remote, { create: "true" })).failures, [
    { property: "connection", reason: "Missing required field 'connection' on 'remote.CommandInputs'" },
  ]);
  const later = await on.plugin.check(remote, { connection: unknown, create: unknown });
  assert.deepEqual(later.failures, []);
});

test("a preview never connects: outputs of a create are unknown, of an update when an input changed", async () => {
  const nowhere = await on.checked({ connection: { ...on.connection, port: 1 }, create: "true" });
  const { state } = await on.plugin.create(remote, nowhere, true);
  assert.deepEqual([state["stdout"], state["stderr"]], [unknown, unknown]);
  assert.equal(state["create"], "true");
  const stored = { ...nowhere, stdout: "o", stderr: "e" };
  const changed = await on.plugin.update(remote, "id", stored, { ...nowhere, create: "false" }, true);
  assert.equal(changed["stdout"], unknown);
  const dependent = await on.plugin.update(remote, "id", stored, { ...nowhere, stdin: unknown }, true);
  assert.equal(dependent["stdout"], unknown);
});

test("refresh finds no drift", async () => {
  const { id, state } = await on.create({ create: "echo x" });
  assert.deepEqual(await on.plugin.read(remote, id, {}, state), { id, state });
});

test("many commands at once on one host", async () => {
  const inputs = await on.checked({ create: "cat", stdin: "x".repeat(100_000), logging: "none" });
  const results = await Promise.all(Array.from({ length: 10 }, () => on.plugin.create(remote, inputs)));
  assert.ok(results.every(({ state }) => (state["stdout"] as string).length === 100_000));
});

test("what the drop-in does not do, it says", async () => {
  const message = (what: string): string =>
    `${what} is not supported by the sandbox's drop-in for the command plugin; install the official plugin`;
  await assert.rejects(on.plugin.check("command:remote:CopyToRemote", {}), {
    message: message("command:remote:CopyToRemote"),
  });
  await assert.rejects(on.plugin.invoke("command:local:other", {}), {
    message: message("the function command:local:other"),
  });
});
