/** remote.Command against what the official plugin was observed to do: how a host is reached, and what is said when it is not. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { eventually } from "../../support/eventually.ts";
import { dialFailure, quoted } from "../../../toolchain/plugins/command/goWording.ts";
import { textOf, type PropertyMap } from "../../../toolchain/plugins/provider/value.ts";
import { CommandFixture, remote } from "./commandFixture.ts";
import { PluginProcess } from "./pluginProcess.ts";
import { SshAgent } from "../../support/sshAgent.ts";
import { FullServer } from "./sshPeers.ts";
import { freePort, makeKey, SshServer } from "./sshServer.ts";

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

test("text is quoted as Go quotes it", () => {
  assert.equal(quoted('a "b" \\ c\n\t\r\x01\x7f\u0000'), '"a \\"b\\" \\\\ c\\n\\t\\r\\x01\\x7f\\x00"');
  assert.equal(quoted("ä € 😀 \u2028\u00a0"), '"ä € 😀 \\u2028\\u00a0"');
});

/** A connection without one of its settings. */
function without(connection: PropertyMap, name: string): PropertyMap {
  return Object.fromEntries(Object.entries(connection).filter(([other]) => other !== name));
}

test("hostKey: the right one connects, another one is a mismatch", async () => {
  await makeKey(join(on.directory, "other"), "ed25519");
  const hostKey = (await readFile(join(on.directory, "other.pub"), "utf8")).trim();
  await assert.rejects(on.create({ connection: { ...on.connection, hostKey }, create: "true" }), {
    message: "after 1 failed attempts: ssh: handshake failed: ssh: host key mismatch",
  });
  const commented = `${textOf(on.connection["hostKey"])} a comment`;
  await on.create({ connection: { ...on.connection, hostKey: commented }, create: "true" });
  const unpinned = without(on.connection, "hostKey");
  await on.create({ connection: unpinned, create: "true" });
  await assert.rejects(on.create({ connection: { ...on.connection, hostKey: "nonsense" }, create: "true" }), {
    message: "ssh: no key found",
  });
});

test("hostKey pins the kind of key: an RSA line works only where the server still signs with ssh-rsa", async () => {
  const path = join(on.directory, "host-rsa");
  await makeKey(path, "rsa");
  const hostKey = (await readFile(`${path}.pub`, "utf8")).trim();
  const modern = await SshServer.start([`HostKey ${path}`]);
  const old = await SshServer.start([`HostKey ${path}`, "HostKeyAlgorithms +ssh-rsa"]);
  try {
    await assert.rejects(
      on.create({ connection: { ...(await modern.connection()), hostKey }, create: "true" }),
      /^Error: after 1 failed attempts: ssh: handshake failed: ssh: no common algorithm for host key; we offered: \[ssh-rsa\]/,
    );
    await on.create({ connection: { ...(await old.connection()), hostKey }, create: "true" });
  } finally {
    await modern.stop();
    await old.stop();
  }
});

test("a closed port: one try more than the limit, quick pauses, progress for each", async () => {
  const port = await freePort();
  const begin = performance.now();
  await assert.rejects(on.create({ connection: { ...on.connection, port, dialErrorLimit: 2 }, create: "true" }), {
    message: `after 2 failed attempts: dial tcp 127.0.0.1:${port}: connect: connection refused`,
  });
  const took = performance.now() - begin;
  assert.ok(took >= 250 && took < 5000, `pauses of 0.1 s and 0.15 s, took ${took} ms`);
  assert.deepEqual(
    on.plugin.logs.map(({ message }) => message),
    ["Dial 1/2 failed: retrying", "Dial 2/2 failed: retrying"],
  );
});

test("a host that does not answer: perDialTimeout ends each try", async () => {
  const full = await FullServer.start();
  try {
    const begin = performance.now();
    const silent = { ...on.connection, port: full.port, perDialTimeout: 1, dialErrorLimit: 1 };
    await assert.rejects(on.create({ connection: silent, create: "true" }), {
      message: `after 1 failed attempts: dial tcp 127.0.0.1:${full.port}: i/o timeout`,
    });
    const took = performance.now() - begin;
    assert.ok(took >= 2000 && took < 10_000, `two tries of a second, took ${took} ms`);
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
  const rest = without(on.connection, "privateKey");
  await assert.rejects(
    on.create({ connection: { ...rest, password: randomBytes(8).toString("hex") }, create: "true" }),
    {
      message:
        "after 1 failed attempts: ssh: handshake failed: ssh: unable to authenticate, attempted methods [none password], no supported methods remain",
    },
  );
});

test("a key that the server does not know", async () => {
  await makeKey(join(on.directory, "stranger"), "ed25519");
  const privateKey = await readFile(join(on.directory, "stranger"), "utf8");
  await assert.rejects(on.create({ connection: { ...on.connection, privateKey }, create: "true" }), {
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
    ["ecdsa", "PEM", "with a passphrase"],
  ];
  const paths = forms.map((_form, index) => join(on.directory, `form-${index}`));
  await Promise.all(
    forms.map(([type, format, passphrase], index) => makeKey(paths[index] ?? "", type, passphrase, format)),
  );
  const publicKeys = await Promise.all(paths.map((path) => readFile(`${path}.pub`, "utf8")));
  const authorized = join(on.directory, "authorized");
  await writeFile(authorized, publicKeys.join(""));
  const host = await SshServer.start([], authorized);
  try {
    for (const [index, [type, format, passphrase]] of forms.entries()) {
      const given = { ...(await host.connection()), privateKey: await readFile(paths[index] ?? "", "utf8") };
      const withPassword = passphrase === undefined ? given : { ...given, privateKeyPassword: passphrase };
      const { state } = await on.create({ connection: withPassword, create: "echo in" });
      assert.equal(state["stdout"], "in", `${type} ${format}`);
      if (passphrase === undefined) continue;
      await assert.rejects(on.create({ connection: given, create: "true" }), {
        message: "ssh: this private key is passphrase protected",
      });
      await assert.rejects(on.create({ connection: { ...given, privateKeyPassword: "no" }, create: "true" }), {
        message: "x509: decryption password incorrect",
      });
    }
  } finally {
    await host.stop();
  }
  await assert.rejects(on.create({ connection: { ...on.connection, privateKey: "nonsense" }, create: "true" }), {
    message: "ssh: no key found",
  });
});

test("an SSH agent: by agentSocketPath, by SSH_AUTH_SOCK, and when it is not there", async () => {
  const agent = await SshAgent.start(join(on.server.directory, "client"));
  const rest = without(on.connection, "privateKey");
  const heir = await PluginProcess.start("command", { SSH_AUTH_SOCK: agent.socketPath });
  try {
    const named = { ...rest, agentSocketPath: agent.socketPath };
    assert.equal((await on.create({ connection: named, create: "echo in" })).state["stdout"], "in");
    await heir.configure();
    const { state } = await heir.create(remote, await on.checked({ connection: rest, create: "echo in" }));
    assert.equal(state["stdout"], "in");
    const gone = { ...rest, agentSocketPath: join(on.directory, "no-agent") };
    await assert.rejects(on.create({ connection: gone, create: "true" }), {
      message: `dial unix ${join(on.directory, "no-agent")}: connect: no such file or directory`,
    });
  } finally {
    await heir.stop();
    await agent.stop();
  }
});

test("a proxy that drops logins beyond four at a time: all of twenty commands are run through it", async () => {
  const bastion = await SshServer.start(["MaxStartups 4:100:4"]);
  try {
    const proxy = { ...(await bastion.connection()), dialErrorLimit: 12 };
    const made = await Promise.all(
      Array.from({ length: 20 }, () => on.create({ connection: { ...on.connection, proxy }, create: "echo through" })),
    );
    assert.deepEqual(new Set(made.map(({ state }) => state["stdout"])), new Set(["through"]));
  } finally {
    await bastion.stop();
  }
});

test("a proxy: the host is reached through it, and its failures say so", async () => {
  const bastion = await SshServer.start();
  try {
    const proxy = await bastion.connection();
    const { state } = await on.create({ connection: { ...on.connection, proxy }, create: "echo through" });
    assert.equal(state["stdout"], "through");
    const port = await freePort();
    await assert.rejects(on.create({ connection: { ...on.connection, proxy: { ...proxy, port } }, create: "true" }), {
      message: `proxy: after 1 failed attempts: dial tcp 127.0.0.1:${port}: connect: connection refused`,
    });
    await assert.rejects(on.create({ connection: { ...on.connection, port, proxy }, create: "true" }), {
      message: "proxy: after 1 failed attempts: ssh: rejected: connect failed (Connection refused)",
    });
  } finally {
    await bastion.stop();
  }
});

test("Cancel ends the tries to connect", async () => {
  const other = await PluginProcess.start("command");
  try {
    await other.configure();
    const patient = { ...on.connection, port: await freePort(), dialErrorLimit: -1 };
    const created = assert.rejects(other.create(remote, await on.checked({ connection: patient, create: "true" })), {
      message: "context canceled",
    });
    setTimeout(() => void other.cancel(), 500);
    await created;
    await eventually(async () => {
      assert.match(other.logs[0]?.message ?? "", /^Dial 1\/inf failed: retrying$/);
      return Promise.resolve();
    }, 30);
  } finally {
    await other.stop();
  }
});
