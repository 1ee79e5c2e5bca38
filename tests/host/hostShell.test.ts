/** Scripts over SSH, against a real sshd: what a script says and how it ends, and each way in which a host refuses. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { connect as connectSocket, createServer } from "node:net";
import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import * as pulumi from "@pulumi/pulumi";
import { type HostLogin, loginOf } from "../../components/host/hostLogin.ts";
import { runOnHost } from "../../components/host/hostShell.ts";
import { HostUnreachable } from "../../components/host/sshConnection.ts";
import { freePort, makeKey, SshServer } from "../toolchain/plugins/sshServer.ts";

let server: SshServer;
let login: HostLogin;

before(async () => {
  server = await SshServer.start();
  login = await loginOf("server-1", "k3s-ha:servers.server-1", {
    address: "127.0.0.1",
    port: server.port,
    user: server.user,
    hostKey: await server.file("host_ed25519.pub"),
    privateKey: pulumi.secret(await server.file("client")),
  });
});

after(() => server.stop());

const failure = async (changed: Partial<HostLogin>, loginSeconds = 5): Promise<string> => {
  const limits = { seconds: 5, connectSeconds: loginSeconds, loginSeconds };
  const error: unknown = await runOnHost({ ...login, ...changed }, "true", limits).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof HostUnreachable, String(error));
  return error.message;
};
const place = "k3s-ha:servers.server-1 (127.0.0.1)";

test("a script is run with its action, and what it prints and how it ends come back", async () => {
  const script = 'echo "$1 $((6 * 7))"; echo ünfit >&2; exit 3\n';
  const said: string[] = [];
  const result = await runOnHost(login, script, {
    seconds: 5,
    action: "look",
    onStderr: (text) => said.push(text),
  });
  assert.deepEqual(result, { stdout: "look 42\n", stderr: "ünfit\n", exitCode: 3 });
  assert.equal(said.join(""), "ünfit\n");
});

test("a script stands in no process's arguments", async () => {
  const { stdout } = await runOnHost(login, "word=hidden; tr '\\0' ' ' </proc/$PPID/cmdline </proc/$$/cmdline", {
    seconds: 5,
  });
  assert.match(stdout, /bash -s apply/);
  assert.doesNotMatch(stdout, /hidden/);
});

test("a script is ended by its time limit", async () => {
  const start = performance.now();
  const { exitCode } = await runOnHost(login, "sleep 60", { seconds: 1 });
  assert.equal(exitCode, 124);
  assert.ok(performance.now() - start < 20_000);
});

test("large output comes back whole", async () => {
  const { stdout } = await runOnHost(login, "head -c 3000000 /dev/zero | tr '\\0' x", { seconds: 20 });
  assert.equal(stdout.length, 3_000_000);
});

test("a key in PKCS#8, as other tools write it, logs in", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const file = join(server.directory, "pkcs8.pub");
  await writeFile(file, publicKey.export({ type: "spki", format: "pem" }));
  const { stdout: line } = await promisify(execFile)("ssh-keygen", ["-i", "-m", "PKCS8", "-f", file]);
  await writeFile(join(server.directory, "client.pub"), `${await server.file("client.pub")}${line}`);
  assert.equal((await runOnHost({ ...login, privateKey: pem }, "echo in", { seconds: 5 })).stdout, "in\n");
});

test("a host behind a bastion is reached through it", async () => {
  const bastion = { ...login };
  assert.equal((await runOnHost({ ...login, bastion }, "echo in", { seconds: 5 })).stdout, "in\n");
});

test("a host that shows another key is refused", async () => {
  await makeKey(join(server.directory, "other"), "ed25519");
  const sentence = `${place}: the host shows another SSH key than the configured host key. If the host was reinstalled, take its new key with "ssh-keyscan -t ed25519 ADDRESS", compare it with the host's own /etc/ssh/ssh_host_ed25519_key.pub, and configure it. Otherwise, another host may be intercepting the connection.`;
  assert.equal(await failure({ hostKey: (await server.file("other.pub")).trim() }), sentence);
  await makeKey(join(server.directory, "rsa"), "rsa");
  assert.equal(await failure({ hostKey: (await server.file("rsa.pub")).trim() }), sentence);
});

test("a login that is refused is told", async () => {
  await makeKey(join(server.directory, "stranger"), "ed25519");
  assert.equal(
    await failure({ privateKey: await server.file("stranger") }),
    `${place}: the host refuses the SSH login. Check k3s-ha:ssh.user, and that the public key of the configured private key is in that user's authorized_keys.`,
  );
});

test("a host that nothing answers for is told", async () => {
  assert.equal(
    await failure({ port: await freePort() }),
    `${place}: the host cannot be reached over SSH (connection refused). Check that it is up, and that its address and port are correct.`,
  );
});

test("a host that takes the connection and says nothing is given up in time", async () => {
  const silent = createServer(() => undefined).listen(0, "127.0.0.1");
  await new Promise((resolve) => silent.once("listening", resolve));
  const start = performance.now();
  const { port } = silent.address() as { port: number };
  assert.equal(
    await failure({ port }, 1),
    `${place}: the host is slow: it accepted the connection, but did not finish the login in time. It is overloaded, or hangs: check its load.`,
  );
  assert.ok(performance.now() - start < 15_000);
  silent.close();
});

test("a host that is slow to let us in is waited for longer than for one that takes no connection", async () => {
  const slow = createServer((socket) => {
    setTimeout(() => socket.pipe(connectSocket(server.port, "127.0.0.1")).pipe(socket), 2500);
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => slow.once("listening", resolve));
  const { port } = slow.address() as { port: number };
  const { stdout } = await runOnHost({ ...login, port }, "echo in", { seconds: 5, connectSeconds: 1 });
  assert.equal(stdout, "in\n");
  slow.close();
});

test("a bastion that does not answer is named", async () => {
  const bastion = { ...login, port: await freePort() };
  assert.equal(
    await failure({ bastion }),
    `k3s-ha:servers.server-1 (127.0.0.1 through the bastion 127.0.0.1): the host cannot be reached over SSH (connection refused at the bastion). Check that it is up, and that its address and port are correct.`,
  );
});

test("logins that sshd drops because too many come at once are tried again, and all get in", async () => {
  const strict = await SshServer.start(["MaxStartups 3:100:3"]);
  try {
    const at = { ...login, port: strict.port, hostKey: await strict.file("host_ed25519.pub") };
    const key = await strict.file("client");
    const results = await Promise.all(
      Array.from({ length: 20 }, () =>
        runOnHost({ ...at, privateKey: key }, "echo in", { seconds: 60, connectSeconds: 60 }),
      ),
    );
    assert.equal(results.filter(({ stdout }) => stdout === "in\n").length, 20);
  } finally {
    await strict.stop();
  }
});

test("hosts behind one bastion share one connection to it, which ends with the last of them", async () => {
  const bastion = await SshServer.start(["LogLevel VERBOSE"]);
  try {
    const through = { ...login, port: bastion.port, hostKey: await bastion.file("host_ed25519.pub") };
    const behind = { ...login, bastion: { ...through, privateKey: await bastion.file("client") } };
    const count = `ss --numeric --no-header state established '( sport = :${bastion.port} )' | wc -l`;
    const results = await Promise.all(
      Array.from({ length: 12 }, () => runOnHost(behind, `sleep 1; ${count}`, { seconds: 60 })),
    );
    assert.deepEqual(new Set(results.map(({ stdout }) => stdout)), new Set(["1\n"]));
    assert.equal((await runOnHost(login, `sleep 1; ${count}`, { seconds: 20 })).stdout, "0\n");
  } finally {
    await bastion.stop();
  }
});

test("no more than sixteen logins are under way at the same time", async () => {
  let most = 0;
  let now = 0;
  const slow = createServer((socket) => {
    most = Math.max(most, ++now);
    socket
      .on("close", () => now--)
      .on("error", () => undefined)
      .resume();
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => slow.once("listening", resolve));
  const { port } = slow.address() as { port: number };
  await Promise.all(Array.from({ length: 100 }, () => failure({ port }, 0.5)));
  slow.close();
  // The other side sees the end of one only after the start of the next.
  assert.ok(most >= 16 && most <= 32, String(most));
});
