/** What is made of hosts that answer slowly or in part, with a real sshd whose command is theirs. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { askHost } from "../../operations/status/clusterFacts.ts";
import { freePort, SshServer } from "../toolchain/plugins/sshServer.ts";

const servers: SshServer[] = [];
after(() => Promise.all(servers.map((server) => server.stop())));

/** Asks a host on which every command is this one. */
async function ask(command: string, seconds: number, changed: { port?: number } = {}) {
  const server = await SshServer.start([`ForceCommand ${command}`]);
  servers.push(server);
  const host = {
    address: "127.0.0.1",
    port: changed.port ?? server.port,
    user: server.user,
    hostKey: await server.file("host_ed25519.pub"),
    privateKey: pulumi.secret(await server.file("client")),
  };
  const questions = { managedDatabase: undefined, datastoreEndpoints: [], virtualAddress: undefined };
  return askHost("server-1", { host, path: "k3s-ha:servers.server-1", role: "server" }, questions, undefined, seconds);
}

describe("a host", () => {
  test("whose time ends in the middle of its answer is slow, is named, and what came is kept", async () => {
    const { facts, fault, isSlow } = await ask(`printf 'unit\\tk3s\\tactive\\t0\\nready\\to'; exit 124`, 5);
    assert.equal(
      fault,
      "k3s-ha:servers.server-1 (127.0.0.1): the host is slow: its answer was not complete after 5 s. Check its load; make status ARGS='--seconds 60' waits longer.",
    );
    assert.deepEqual([isSlow, facts?.isWhole, facts?.units, facts?.ready], [true, false, { k3s: "active" }, undefined]);
  });

  test("that falls silent is slow, and what came is kept", async () => {
    const { facts, fault, isSlow } = await ask(`printf 'unit\\tk3s\\tactive\\t0\\n'; sleep 60`, 3);
    assert.match(
      fault ?? "",
      /^k3s-ha:servers\.server-1 \(127\.0\.0\.1\): the host is slow: it sent nothing .*waits longer\.$/,
    );
    assert.deepEqual([isSlow, facts?.units], [true, { k3s: "active" }]);
  });

  test("whose script fails is not called slow, and the reason is told", async () => {
    const { fault, isSlow } = await ask(`echo 'no space left' >&2; exit 1`, 5);
    assert.equal(
      fault,
      "k3s-ha:servers.server-1 (127.0.0.1): the host's answer is not complete (exit code 1: no space left).",
    );
    assert.equal(isSlow, false);
  });

  test("that nothing answers for is unreachable", async () => {
    const { facts, fault, isSlow } = await ask("true", 5, { port: await freePort() });
    assert.match(fault ?? "", /cannot be reached over SSH \(connection refused\)/);
    assert.deepEqual([isSlow, facts], [false, undefined]);
  });

  test("that answers in time is neither", async () => {
    const { facts, fault, isSlow } = await ask(`printf 'unit\\tk3s\\tactive\\t0\\nready\\tok\\nend\\n'`, 5);
    assert.deepEqual([fault, isSlow, facts?.isWhole, facts?.ready], [undefined, false, true, "ok"]);
  });
});
