// Proves what is said about hosts whose key the file of known hosts does not give. Which key it gives is proved in
// knownHosts.test.ts.
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { directoryWith, problemsOf, publicKey, smallStack } from "./stack.ts";

const [first, second] = [publicKey("ssh-ed25519", 1), publicKey("ssh-ed25519", 2)];

/** What is wrong when server-2 is looked up in a file. */
function problemsWith(test: TestContext, file: string, settings: object = {}): readonly string[] {
  const projectDirectory = directoryWith(test, { known_hosts: file });
  const servers = { ...(smallStack["servers"] as object), "server-2": { address: "198.51.100.12", ...settings } };
  return problemsOf({ ...smallStack, ssh: { knownHostsFile: "known_hosts" }, servers }, { projectDirectory });
}

describe("a host is refused when the file of known hosts", () => {
  it("has no key for it", (test) => {
    assert.deepEqual(problemsWith(test, `198.51.100.11 ${first}\n`), [
      'k3s-ha:servers.server-2.hostKey is missing and known_hosts has no key for it, but every host key has to be pinned: run "ssh-keyscan -t ed25519 -p 22 198.51.100.12", compare the key with /etc/ssh/ssh_host_ed25519_key.pub on the host itself, and write it here as "ssh-ed25519 AAAA…".',
    ]);
  });

  it("has a key for another port only", (test) => {
    assert.deepEqual(problemsWith(test, `198.51.100.12 ${first}\n`, { port: 2022 }), [
      'k3s-ha:servers.server-2.hostKey is missing and known_hosts has no key for it, but every host key has to be pinned: run "ssh-keyscan -t ed25519 -p 2022 198.51.100.12", compare the key with /etc/ssh/ssh_host_ed25519_key.pub on the host itself, and write it here as "ssh-ed25519 AAAA…".',
    ]);
  });

  it("revokes its only key", (test) => {
    assert.deepEqual(problemsWith(test, `198.51.100.12 ${first}\n@revoked 198.51.100.12 ${first}\n`), [
      "k3s-ha:servers.server-2.hostKey is marked @revoked on line 2 of known_hosts: give the host a new key, and use it.",
    ]);
  });

  it("revokes the key that it is given", (test) => {
    assert.deepEqual(problemsWith(test, `@revoked * ${second}\n`, { hostKey: second }), [
      "k3s-ha:servers.server-2.hostKey is marked @revoked on line 1 of known_hosts: give the host a new key, and use it.",
    ]);
  });

  it("has two keys for it", (test) => {
    assert.deepEqual(problemsWith(test, `198.51.100.12 ${first}\n198.51.100.12 ${second}\n`), [
      "k3s-ha:servers.server-2.hostKey is missing, and known_hosts has 2 different ssh-ed25519 keys for 198.51.100.12 (lines 1, 2): remove the outdated lines, or set hostKey.",
    ]);
  });
});

describe("a missing file of known hosts", () => {
  it("is one problem, however many hosts need it", () => {
    const config = {
      ...smallStack,
      ssh: { knownHostsFile: "keys/known_hosts" },
      servers: { "server-1": { address: "198.51.100.11" }, "server-2": { address: "198.51.100.12" } },
    };
    assert.deepEqual(problemsOf(config, { projectDirectory: "/nowhere" }), [
      `k3s-ha:ssh.knownHostsFile is "keys/known_hosts" (${join("/nowhere", "keys/known_hosts")}), a file that does not exist: create it or correct the path.`,
    ]);
  });
});
