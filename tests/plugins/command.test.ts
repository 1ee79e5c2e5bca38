/** The drop-in command plugin against what the official one was observed to do, on a real OpenSSH server. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { dialFailure, quoted } from "../../sandbox/plugins/command/goWording.ts";
import { reveal, Secret, unknown, type PropertyMap } from "../../sandbox/plugins/provider/value.ts";
import { PluginProcess } from "./pluginProcess.ts";
import { FullServer, SshAgent } from "./sshPeers.ts";
import { freePort, makeKey, SshServer } from "./sshServer.ts";

const remote = "command:remote:Command";
const setenvWarning = (name: string): string =>
  `Unable to set '${name}'. This only works if your SSH server is configured to accept\n` +
  "\tthese variables via AcceptEnv. Alternatively, if a Bash-like shell runs the command on the remote host, you could\n" +
  "\tprefix the command itself with the variables in the form 'VAR=value command'";

let plugin: PluginProcess;
let server: SshServer;
let connection: PropertyMap;
let directory: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "command-plugin-"));
  server = await SshServer.start();
  connection = await server.connection();
  plugin = await PluginProcess.start("command");
  await plugin.configure();
});

beforeEach(() => {
  plugin.logs.length = 0;
});

after(async () => {
  await plugin.stop();
  await server.stop();
  await rm(directory, { recursive: true });
});

/** Inputs as the engine passes them on after Check. */
async function checked(inputs: PropertyMap): Promise<PropertyMap> {
  const { inputs: all, failures } = await plugin.check(remote, { connection, ...inputs });
  assert.deepEqual(failures, []);
  return all;
}

async function create(inputs: PropertyMap): Promise<{ id: string; state: PropertyMap }> {
  return plugin.create(remote, await checked(inputs), false, "step");
}

test("the connection becomes secret, nothing is filled in, the id is the name and eight hex digits", async () => {
  const inputs = await checked({ create: "echo one" });
  assert.ok(inputs["connection"] instanceof Secret);
  assert.deepEqual(reveal(inputs["connection"]), connection);
  assert.deepEqual(Object.keys(inputs).sort(), ["connection", "create"]);
  const { id, state } = await plugin.create(remote, inputs, false, "step");
  assert.match(id, /^step[0-9a-f]{8}$/);
  assert.deepEqual(state, { ...inputs, stdout: "one", stderr: "" });
});

test("create: exactly one trailing newline goes, lines are shown while it runs", async () => {
  const { state } = await create({ create: "printf 'a\\nb\\n\\nrest'" });
  assert.equal(state["stdout"], "a\nb\n\nrest");
  const shown = plugin.logs.map(({ message }) => message);
  assert.deepEqual(shown, ["a", "b", "", "rest"]);
  assert.equal((await create({ create: "printf 'a\\n\\n'" })).state["stdout"], "a\n");
  assert.ok(
    plugin.logs.every(({ severity, ephemeral, urn }) => severity === "info" && ephemeral && urn.endsWith("::step")),
  );
});

for (const [logging, expected] of [
  ["stdout", ["out"]],
  ["stderr", ["err"]],
  ["stdoutAndStderr", ["err", "out"]],
  ["none", []],
] as const) {
  test(`logging ${logging} shows ${expected.join(" and ") || "nothing"}`, async () => {
    const { state } = await create({ create: "echo out; echo err >&2", logging });
    assert.deepEqual(plugin.logs.map(({ message }) => message).sort(), expected);
    assert.deepEqual([state["stdout"], state["stderr"]], ["out", "err"]);
  });
}

test("stdin is fed once and ends; secret stdin stays secret and stdout does not become secret", async () => {
  const stdin = new Secret("echo from the script\ncat\n");
  const { state } = await create({ create: "bash -s", stdin });
  assert.equal(state["stdout"], "from the script");
  assert.deepEqual(state["stdin"], stdin);
  const large = "x".repeat(5_000_000);
  assert.equal((await create({ create: "wc -c", stdin: large })).state["stdout"], "5000000");
  assert.equal((await create({ create: "true", stdin: large })).state["stdout"], "", "a command need not read it");
});

test("a line of output may be long", async () => {
  const { state } = await create({ create: "head -c 1000000 /dev/zero | tr '\\0' x" });
  assert.equal((state["stdout"] as string).length, 1_000_000);
});

test("a change of stdin is an update, shown on that path only", async () => {
  const inputs = await checked({ create: "cat", stdin: new Secret("one") });
  const news = { ...inputs, stdin: new Secret("two") };
  const change = await plugin.diff(remote, inputs, inputs, news);
  assert.deepEqual(change, { some: true, diffs: ["stdin"], replaces: [], detailed: { stdin: "UPDATE" } });
});

test("a change of the text runs `update`, else `create`; the outputs are the new run's", async () => {
  const { id, state } = await create({ create: "echo old; echo err >&2" });
  assert.equal(state["stderr"], "err");
  const again = await checked({ create: "echo new" });
  const { stdout: _stdout, stderr: _stderr, ...before } = state;
  const change = await plugin.diff(remote, before, state, again);
  assert.deepEqual([change.diffs, change.replaces], [["create"], []]);
  const updated = await plugin.update(remote, id, state, again);
  assert.deepEqual([updated["stdout"], updated["stderr"]], ["new", ""]);
  const both = await checked({ create: "echo new", update: "echo updated" });
  assert.equal((await plugin.update(remote, id, updated, both))["stdout"], "updated");
  const neither = await checked({ delete: "true" });
  assert.equal((await plugin.update(remote, id, updated, neither))["stdout"], "new", "nothing to run: as before");
});

test("a change of the connection alone is an update on the path `connection`, and runs `update`", async () => {
  const inputs = await checked({ create: "echo c", update: "echo u" });
  const { id, state } = await plugin.create(remote, inputs);
  const news = await checked({ create: "echo c", update: "echo u", connection: { ...connection, perDialTimeout: 20 } });
  const change = await plugin.diff(remote, inputs, state, news);
  assert.deepEqual(change, { some: true, diffs: ["connection"], replaces: [], detailed: { connection: "UPDATE" } });
  assert.equal((await plugin.update(remote, id, state, news))["stdout"], "u");
});

test("a change of `triggers` replaces: new create, then the old delete, never update", async () => {
  const log = join(directory, "steps");
  const texts = { create: `echo c >>${log}`, update: `echo u >>${log}`, delete: `echo d >>${log}` };
  const inputs = await checked({ ...texts, triggers: ["one"] });
  const old = await plugin.create(remote, inputs);
  const news = await checked({ ...texts, triggers: ["two"] });
  const change = await plugin.diff(remote, inputs, old.state, news);
  assert.deepEqual(change, {
    some: true,
    diffs: ["triggers"],
    replaces: ["triggers"],
    detailed: { "triggers[0]": "UPDATE_REPLACE" },
  });
  await plugin.create(remote, news);
  await plugin.delete(remote, old.id, old.state);
  assert.equal(await readFile(log, "utf8"), "c\nc\nd\n");
  const removed = await plugin.diff(remote, inputs, old.state, await checked(texts));
  assert.deepEqual(removed.replaces, ["triggers"]);
});

test("delete runs with the connection, stdin and environment of the state", async () => {
  const log = join(directory, "deleted");
  const { id, state } = await create({ create: "true", delete: `cat >${log}`, stdin: "the old input" });
  await plugin.delete(remote, id, state);
  assert.equal(await readFile(log, "utf8"), "the old input");
  const without = await create({ create: "true" });
  await plugin.delete(remote, without.id, without.state);
});

test("previous outputs: a server that refuses the variables earns two warnings, and the command still runs", async () => {
  const { id, state } = await create({ create: "echo out; echo err >&2" });
  plugin.logs.length = 0;
  const news = await checked({ create: 'echo "<$PULUMI_COMMAND_STDOUT>"' });
  assert.equal((await plugin.update(remote, id, state, news))["stdout"], "<>");
  assert.deepEqual(
    plugin.logs.filter(({ ephemeral }) => !ephemeral).map(({ severity, message }) => [severity, message]),
    ["PULUMI_COMMAND_STDOUT", "PULUMI_COMMAND_STDERR"].map((name) => ["warning", setenvWarning(name)]),
  );
  plugin.logs.length = 0;
  await plugin.update(remote, id, state, { ...news, addPreviousOutputInEnv: false });
  assert.deepEqual(
    plugin.logs.filter(({ severity }) => severity === "warning"),
    [],
  );
});

test("environment: a server that refuses a variable makes the step fail", async () => {
  await assert.rejects(create({ create: "true", environment: { FOO: "1" } }), {
    message: 'could not set environment variable "FOO": ssh: setenv failed',
  });
  assert.deepEqual(
    plugin.logs.map(({ severity, message }) => [severity, message]),
    [["error", setenvWarning("FOO")]],
  );
});

test("environment and previous outputs arrive where AcceptEnv names them", async () => {
  const accepting = await SshServer.start(["AcceptEnv FOO PULUMI_COMMAND_*"]);
  try {
    const inputs = await checked({
      connection: await accepting.connection(),
      create: 'echo "$FOO|$PULUMI_COMMAND_STDOUT|$PULUMI_COMMAND_STDERR"',
      environment: { FOO: "two words" },
    });
    const { id, state } = await plugin.create(remote, inputs);
    assert.equal(state["stdout"], "two words||");
    assert.equal((await plugin.update(remote, id, state, inputs))["stdout"], "two words|two words|||");
    assert.deepEqual(
      plugin.logs.filter(({ severity }) => severity !== "info"),
      [],
    );
  } finally {
    await accepting.stop();
  }
});

test("a failing command: status, the whole command quoted, then what it printed", async () => {
  const command = 'echo "out"; echo err >&2; exit 3';
  await assert.rejects(create({ create: command }), (error: Error) => {
    const [first = "", ...rest] = error.message.split("\n");
    assert.equal(first, 'Process exited with status 3: running "echo \\"out\\"; echo err >&2; exit 3":');
    assert.deepEqual(rest.sort(), ["", "err", "out"]);
    return true;
  });
  await assert.rejects(create({ create: "kill -9 $$" }), {
    message: 'Process exited with status 137 from signal KILL: running "kill -9 $$":\n',
  });
});

test("a connection lost in the middle of a command", async () => {
  await assert.rejects(create({ create: "kill -9 $PPID; sleep 5" }), {
    message: 'wait: remote command exited without exit status or exit signal: running "kill -9 $PPID; sleep 5":\n',
  });
});

test("text is quoted as Go quotes it", () => {
  assert.equal(quoted('a "b" \\ c\n\t\r\x01\x7f\u0000'), '"a \\"b\\" \\\\ c\\n\\t\\r\\x01\\x7f\\x00"');
  assert.equal(quoted("ä € 😀 \u2028\u00a0"), '"ä € 😀 \\u2028\\u00a0"');
});

test("hostKey: the right one connects, another one is a mismatch", async () => {
  await makeKey(join(directory, "other"), "ed25519");
  const hostKey = (await readFile(join(directory, "other.pub"), "utf8")).trim();
  await assert.rejects(create({ connection: { ...connection, hostKey }, create: "true" }), {
    message: "after 1 failed attempts: ssh: handshake failed: ssh: host key mismatch",
  });
  const commented = `${String(connection["hostKey"])} a comment`;
  await create({ connection: { ...connection, hostKey: commented }, create: "true" });
  const { hostKey: _pinned, ...unpinned } = connection;
  await create({ connection: unpinned, create: "true" });
  await assert.rejects(create({ connection: { ...connection, hostKey: "nonsense" }, create: "true" }), {
    message: "ssh: no key found",
  });
});

test("hostKey pins the kind of key: an RSA line works only where the server still signs with ssh-rsa", async () => {
  const path = join(directory, "host-rsa");
  await makeKey(path, "rsa");
  const hostKey = (await readFile(`${path}.pub`, "utf8")).trim();
  const modern = await SshServer.start([`HostKey ${path}`]);
  const old = await SshServer.start([`HostKey ${path}`, "HostKeyAlgorithms +ssh-rsa"]);
  try {
    await assert.rejects(
      create({ connection: { ...(await modern.connection()), hostKey }, create: "true" }),
      /^Error: after 1 failed attempts: ssh: handshake failed: ssh: no common algorithm for host key; we offered: \[ssh-rsa\]/,
    );
    await create({ connection: { ...(await old.connection()), hostKey }, create: "true" });
  } finally {
    await modern.stop();
    await old.stop();
  }
});

test("a closed port: one try more than the limit, quick pauses, progress for each", async () => {
  const port = await freePort();
  const begin = performance.now();
  await assert.rejects(create({ connection: { ...connection, port, dialErrorLimit: 2 }, create: "true" }), {
    message: `after 2 failed attempts: dial tcp 127.0.0.1:${port}: connect: connection refused`,
  });
  const took = performance.now() - begin;
  assert.ok(took >= 250 && took < 1500, `pauses of 0.1 s and 0.15 s, took ${took} ms`);
  assert.deepEqual(
    plugin.logs.map(({ message }) => message),
    ["Dial 1/2 failed: retrying", "Dial 2/2 failed: retrying"],
  );
});

test("a host that does not answer: perDialTimeout ends each try", async () => {
  const full = await FullServer.start();
  try {
    const begin = performance.now();
    const silent = { ...connection, port: full.port, perDialTimeout: 1, dialErrorLimit: 1 };
    await assert.rejects(create({ connection: silent, create: "true" }), {
      message: `after 1 failed attempts: dial tcp 127.0.0.1:${full.port}: i/o timeout`,
    });
    const took = performance.now() - begin;
    assert.ok(took >= 2000 && took < 4000, `two tries of a second, took ${took} ms`);
  } finally {
    await full.stop();
  }
});

test("what the network says, in Go's words", () => {
  const failed = (code: string, address?: string): string =>
    dialFailure("host.example", 22, Object.assign(new Error(code), { code, address })).message;
  assert.equal(failed("EHOSTUNREACH", "192.0.2.1"), "dial tcp 192.0.2.1:22: connect: no route to host");
  assert.equal(failed("ENETUNREACH", "2001:db8::1"), "dial tcp [2001:db8::1]:22: connect: network is unreachable");
  assert.equal(failed("ENOTFOUND"), "dial tcp: lookup host.example: no such host");
  const several = new AggregateError([Object.assign(new Error(), { code: "ECONNREFUSED", address: "::1" })]);
  assert.equal(dialFailure("localhost", 22, several).message, "dial tcp [::1]:22: connect: connection refused");
});

test("a wrong password: the methods that were tried", async () => {
  const { privateKey: _key, ...rest } = connection;
  await assert.rejects(create({ connection: { ...rest, password: randomBytes(8).toString("hex") }, create: "true" }), {
    message:
      "after 1 failed attempts: ssh: handshake failed: ssh: unable to authenticate, attempted methods [none password], no supported methods remain",
  });
});

test("a key that the server does not know", async () => {
  await makeKey(join(directory, "stranger"), "ed25519");
  const privateKey = await readFile(join(directory, "stranger"), "utf8");
  await assert.rejects(create({ connection: { ...connection, privateKey }, create: "true" }), {
    message:
      "after 1 failed attempts: ssh: handshake failed: ssh: unable to authenticate, attempted methods [none publickey], no supported methods remain",
  });
});

test("private keys in every usual form", async () => {
  const forms: [string, string, string?][] = [
    ["ed25519", "RFC4716"],
    ["ecdsa", "PEM"],
    ["ecdsa", "PKCS8"],
    ["rsa", "PEM"],
    ["rsa", "PKCS8"],
    ["ed25519", "RFC4716", "with a passphrase"],
    ["rsa", "PEM", "with a passphrase"],
  ];
  for (const [index, [type, format, passphrase = ""]] of forms.entries()) {
    const path = join(directory, `form-${index}`);
    await makeKey(path, type, passphrase, format);
    const host = await SshServer.start([], `${path}.pub`);
    try {
      const given = { ...(await host.connection()), privateKey: await readFile(path, "utf8") };
      const withPassword = passphrase === "" ? given : { ...given, privateKeyPassword: passphrase };
      const { state } = await create({ connection: withPassword, create: "echo in" });
      assert.equal(state["stdout"], "in", `${type} ${format}`);
      if (passphrase === "") continue;
      await assert.rejects(create({ connection: given, create: "true" }), {
        message: "ssh: this private key is passphrase protected",
      });
      await assert.rejects(create({ connection: { ...given, privateKeyPassword: "no" }, create: "true" }), {
        message: "x509: decryption password incorrect",
      });
    } finally {
      await host.stop();
    }
  }
  await assert.rejects(create({ connection: { ...connection, privateKey: "nonsense" }, create: "true" }), {
    message: "ssh: no key found",
  });
});

test("an SSH agent: by agentSocketPath, by SSH_AUTH_SOCK, and when it is not there", async () => {
  const agent = await SshAgent.start(join(server.directory, "client"));
  const { privateKey: _key, ...rest } = connection;
  const heir = await PluginProcess.start("command", { SSH_AUTH_SOCK: agent.socketPath });
  try {
    const named = { ...rest, agentSocketPath: agent.socketPath };
    assert.equal((await create({ connection: named, create: "echo in" })).state["stdout"], "in");
    await heir.configure();
    const { state } = await heir.create(remote, await checked({ connection: rest, create: "echo in" }));
    assert.equal(state["stdout"], "in");
    const gone = { ...rest, agentSocketPath: join(directory, "no-agent") };
    await assert.rejects(create({ connection: gone, create: "true" }), {
      message: `dial unix ${join(directory, "no-agent")}: connect: no such file or directory`,
    });
  } finally {
    await heir.stop();
    await agent.stop();
  }
});

test("a proxy: the host is reached through it, and its failures say so", async () => {
  const bastion = await SshServer.start();
  try {
    const proxy = await bastion.connection();
    const { state } = await create({ connection: { ...connection, proxy }, create: "echo through" });
    assert.equal(state["stdout"], "through");
    const port = await freePort();
    await assert.rejects(create({ connection: { ...connection, proxy: { ...proxy, port } }, create: "true" }), {
      message: `proxy: after 1 failed attempts: dial tcp 127.0.0.1:${port}: connect: connection refused`,
    });
    await assert.rejects(create({ connection: { ...connection, port, proxy }, create: "true" }), {
      message: "proxy: after 1 failed attempts: ssh: rejected: connect failed (Connection refused)",
    });
  } finally {
    await bastion.stop();
  }
});

test("an unknown key in the connection fails Check, with the official text", async () => {
  const { failures, inputs } = await plugin.check(remote, {
    connection: { ...connection, extraField: "x" },
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
  const other = await plugin.check(remote, { connection, creates: "true", create: 1 });
  assert.deepEqual(
    other.failures.map(({ reason }) => reason),
    [
      "Field 'create' on 'remote.CommandInputs' must be a 'string'; got 'float64' instead",
      "Unrecognized field 'creates' on 'remote.CommandInputs'",
    ],
  );
  assert.deepEqual((await plugin.check(remote, { create: "true" })).failures, [
    { property: "connection", reason: "Missing required field 'connection' on 'remote.CommandInputs'" },
  ]);
  const later = await plugin.check(remote, { connection: unknown, create: unknown });
  assert.deepEqual(later.failures, []);
});

test("a preview never connects: outputs of a create are unknown, of an update when an input changed", async () => {
  const nowhere = await checked({ connection: { ...connection, port: 1 }, create: "true" });
  const { state } = await plugin.create(remote, nowhere, true);
  assert.deepEqual([state["stdout"], state["stderr"]], [unknown, unknown]);
  assert.equal(state["create"], "true");
  const stored = { ...nowhere, stdout: "o", stderr: "e" };
  const changed = await plugin.update(remote, "id", stored, { ...nowhere, create: "false" }, true);
  assert.equal(changed["stdout"], unknown);
  const dependent = await plugin.update(remote, "id", stored, { ...nowhere, stdin: unknown }, true);
  assert.equal(dependent["stdout"], unknown);
});

test("refresh finds no drift", async () => {
  const { id, state } = await create({ create: "echo x" });
  assert.deepEqual(await plugin.read(remote, id, {}, state), { id, state });
});

test("Cancel ends the tries to connect", async () => {
  const other = await PluginProcess.start("command");
  try {
    await other.configure();
    const patient = { ...connection, port: await freePort(), dialErrorLimit: -1 };
    const created = assert.rejects(other.create(remote, await checked({ connection: patient, create: "true" })), {
      message: "context canceled",
    });
    setTimeout(() => void other.cancel(), 500);
    await created;
    assert.match(other.logs[0]?.message ?? "", /^Dial 1\/inf failed: retrying$/);
  } finally {
    await other.stop();
  }
});

test("many commands at once on one host", async () => {
  const inputs = await checked({ create: "cat", stdin: "x".repeat(100_000), logging: "none" });
  const results = await Promise.all(Array.from({ length: 10 }, () => plugin.create(remote, inputs)));
  assert.ok(results.every(({ state }) => (state["stdout"] as string).length === 100_000));
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
  const other = { create: "print(1 + 1)", interpreter: ["/usr/bin/python3", "-c"], dir: directory };
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

test("what the drop-in does not do, it says", async () => {
  const message = (what: string): string =>
    `${what} is not supported by the sandbox's drop-in for the command plugin; install the official plugin`;
  await assert.rejects(plugin.check("command:remote:CopyToRemote", {}), {
    message: message("command:remote:CopyToRemote"),
  });
  await assert.rejects(plugin.invoke("command:local:other", {}), {
    message: message("the function command:local:other"),
  });
});
