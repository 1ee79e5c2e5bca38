// Proves that one run tells all that is wrong, in the order of the keys, and that one fault does not bring others with it.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { hostKey, problemsOf, smallStack, type StackConfig } from "./stack.ts";

/** Where the problems are, without their words. */
function pathsOf(config: StackConfig): string[] {
  return problemsOf(config).map((problem) => problem.slice(0, problem.indexOf(" ")));
}

describe("the problems of a configuration", () => {
  it("are told all at once, in the order of the keys", () => {
    const config: StackConfig = {
      k3s: { version: "stable", sha256: "x", serverConfig: { token: "hunter2" } },
      backup: { schedule: "0 0 30 2 *", keep: 0 },
      datastore: { managed: { name: "db-1", host: { address: "198.51.100.11", hostKey }, database: "K3S" } },
      loadBalancer: { hosts: { "lb-1": { address: "198.51.100.30", hostKey } }, port: "443" },
      agentPools: { workers: { hosts: { a_1: { address: "198.51.100.41" } }, waveWidth: 0 } },
      servers: { "server-1": { address: "198.51.100.11", hostKey }, "server-2": { address: "a b", hostkey: "" } },
      ssh: { prot: 22 },
      sshPrivateKey: "hunter2",
      telemetry: true,
    };
    assert.deepEqual(pathsOf(config), [
      "k3s-ha:telemetry",
      "k3s-ha:ssh.prot",
      "k3s-ha:sshPrivateKey",
      "k3s-ha:servers.server-2.address",
      "k3s-ha:servers.server-2.hostkey",
      "k3s-ha:agentPools.workers.waveWidth",
      "k3s-ha:agentPools.workers.hosts.a_1",
      "k3s-ha:loadBalancer.port",
      "k3s-ha:datastore.managed.database",
      "k3s-ha:datastore.managed.host",
      "k3s-ha:backup.keep",
      "k3s-ha:backup.schedule",
      "k3s-ha:k3s.version",
      "k3s-ha:k3s.sha256",
      "k3s-ha:k3s.serverConfig.token",
    ]);
  });

  it("of a host do not make it a host without a key", () => {
    const broken = { address: "198.51.100.20", hostKey: "ssh-ed25519 AAAA" };
    assert.deepEqual(pathsOf({ ...smallStack, datastore: { managed: { name: "db-1", host: broken } } }), [
      "k3s-ha:datastore.managed.host.hostKey",
    ]);
    assert.deepEqual(pathsOf({ ...smallStack, agentPools: { workers: { hosts: { "agent-1": broken } } } }), [
      "k3s-ha:agentPools.workers.hosts.agent-1.hostKey",
    ]);
  });

  it("never hold the value of a secret", () => {
    const secret = "correct-horse-battery-staple";
    const config = {
      ...smallStack,
      sshPrivateKey: `-----BEGIN PRIVATE KEY-----\n${secret}`,
      datastoreEndpoint: `mysql://k3s:${secret}@tcp(db.example.com)/k3s?tls=true`,
      ssh: { password: secret, privateKeyFile: `-----BEGIN OPENSSH PRIVATE KEY-----\n${secret}` },
      k3s: {
        version: "v1.35.0+k3s1",
        mirror: `https://me:${secret}@mirror.example.com`,
        serverConfig: { token: secret },
      },
    };
    const problems = problemsOf(config);
    assert.equal(problems.length, 6);
    assert.ok(!problems.join("\n").includes(secret));
  });

  it("are sentences about a path, whatever the configuration", () => {
    const key = fc.constantFrom("ssh", "servers", "agentPools", "loadBalancer", "datastore", "backup", "k3s");
    const name = fc.constantFrom(
      "hosts",
      "managed",
      "host",
      "address",
      "port",
      "labels",
      "serverConfig",
      "server-1",
      "x",
    );
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { depthSize: "small" },
        fc.constantFrom<unknown>(null, true, 0, 22, "", "198.51.100.12", "a b", []),
        fc.dictionary(name, tie("any"), { maxKeys: 4 }),
        fc.array(tie("any"), { maxLength: 2 }),
      ),
    })).any;
    fc.assert(
      fc.property(key, value, (changed, content) => {
        for (const problem of problemsOf({ ...smallStack, [changed]: JSON.stringify(content) })) {
          assert.match(
            problem,
            /^k3s-ha:[a-zA-Z0-9]+(\.[\w-]+|\[\d+\]|\["[^"]*"\])* (is|has|cannot|holds|contradicts|stands|names|never) [^]+\.$/,
          );
          assert.doesNotMatch(problem, /Invalid input|undefined|\[object/);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
