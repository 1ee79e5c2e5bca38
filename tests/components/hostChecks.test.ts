// Proves how every host is looked at, and what a failure is told as. What the check finds on hosts, the sandbox proves.
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import {
  explainConnectionFailure,
  type HostChecksArgs,
  HostChecks,
  roleFault,
} from "../../components/host/hostCheck.ts";
import { assertSafeCommands, isShown } from "../support/commandRules.ts";
import { commandsOf, deploy, type Deployment, resourceNamed, scriptOf, tree } from "../support/deploy.ts";
import { assertRegistersItsFields, valueOf } from "../support/outputs.ts";
import { sampleHost } from "../support/sampleHosts.ts";

const checkedHosts: HostChecksArgs["hosts"] = {
  "server-1": { host: sampleHost(11), path: "k3s-ha:servers.server-1", role: "server" },
  "db-1": {
    host: sampleHost(20, { user: "deploy", port: 2222 }),
    path: "k3s-ha:datastore.managed.host",
    role: "datastore",
  },
};

describe("HostChecks", () => {
  let deployment: Deployment<HostChecks>;
  before(async () => {
    deployment = await deploy(() => new HostChecks("hosts", { hosts: checkedHosts }));
  });

  it("looks at each host once", () => {
    assert.equal(
      tree(deployment),
      `hosts  k3s-ha:index:HostChecks
  hosts-db-1  command:remote:Command
  hosts-server-1  command:remote:Command
`,
    );
  });

  it("acts on hosts safely", () => {
    assertSafeCommands(deployment);
  });

  it("looks at all hosts at the same time", () => {
    const [first, second] = commandsOf(deployment);
    assert.ok(first !== undefined && second !== undefined && second.started < first.ended);
  });

  it("asks for what a host's role needs", () => {
    const server = scriptOf(resourceNamed(deployment, "hosts-server-1"));
    assert.match(
      server,
      /^host_path=k3s-ha:servers\.server-1\nhost_address=198\.51\.100\.11\nhost_name=server-1\nrole=server\nrole_word=server\nneeded_mib=2048\nport=6443$/m,
    );
    assert.match(
      scriptOf(resourceNamed(deployment, "hosts-db-1")),
      /^role=datastore\nrole_word=datastore\nneeded_mib=1024\nport=''$/m,
    );
  });

  it("leaves a host alone that goes away, and so never dials one that is dead", () => {
    for (const check of commandsOf(deployment)) assert.equal(check.retainOnDelete, true);
  });

  it("has every failure explained", () => {
    for (const check of commandsOf(deployment)) assert.deepEqual(check.errorHooks, ["hosts-explain"]);
  });

  it("tells which hosts were checked, and registers that as its output", async () => {
    assert.deepEqual(await valueOf(deployment.result.checked), ["server-1", "db-1"]);
    assertRegistersItsFields(deployment, "hosts", deployment.result);
  });

  it("shows in the first preview what it is going to look at", async () => {
    const preview = await deploy(() => new HostChecks("hosts", { hosts: checkedHosts }), { preview: "first" });
    assert.ok(commandsOf(preview).every(isShown));
  });
});

describe("roleFault", () => {
  const path = "k3s-ha:servers.agent-2";

  it("refuses to make a node something else in one step", () => {
    assert.equal(
      roleFault(path, "agent-2", "agent", "server"),
      "k3s-ha:servers.agent-2: agent-2 is a node of the cluster, the agent agent-2, and is to be the server agent-2. A host gets another role in two steps: take its entry out and run up, which uninstalls K3s; then add it as what it is to be.",
    );
    assert.match(roleFault(path, "a", "server", "loadBalancer") ?? "", /is to be the load balancer a\./);
  });

  it("has nothing against a role that stays, nor against a host without K3s", () => {
    assert.equal(roleFault(path, "agent-2", "agent", "agent"), undefined);
    assert.equal(roleFault(path, "bk-1", "backup", "agent"), undefined);
  });
});

describe("explainConnectionFailure", () => {
  const path = "k3s-ha:servers.server-1 (198.51.100.11)";
  const failures: [what: string, error: string, explanation: RegExp][] = [
    [
      "another host key",
      "after 5 failed attempts: ssh: handshake failed: ssh: host key mismatch",
      /the host shows another SSH key than the configured host key\. .*ssh-keyscan/,
    ],
    [
      "a host key of another type",
      "after 5 failed attempts: ssh: handshake failed: ssh: no common algorithm for host key; we offered: [ssh-ed25519]",
      /the host shows another SSH key/,
    ],
    [
      "a login that is refused",
      "after 5 failed attempts: ssh: handshake failed: ssh: unable to authenticate, attempted methods [none publickey], no supported methods remain",
      /the host refuses the SSH login\. Check k3s-ha:ssh\.user/,
    ],
    [
      "no route",
      "after 5 failed attempts: dial tcp 198.51.100.11:22: connect: no route to host",
      /cannot be reached over SSH \(no route to host\)\. Check that it is up/,
    ],
    [
      "a name that does not resolve",
      "after 5 failed attempts: dial tcp: lookup db.example.com: no such host",
      /cannot be reached over SSH \(.*no such host\)/,
    ],
    ["sudo that asks", "Process exited with status 1: sudo: a password is required", /password-less sudo/],
    ["no sudo", "Process exited with status 127: bash: line 1: sudo: command not found", /password-less sudo/],
  ];
  for (const [what, error, explanation] of failures) {
    it(`names the host and the remedy for ${what}`, () => {
      const sentence = explainConnectionFailure(path, error) ?? "";
      assert.ok(sentence.startsWith(`${path}: `));
      assert.match(sentence, explanation);
    });
  }

  it("leaves alone what the host's own script has explained", () => {
    assert.equal(explainConnectionFailure(path, `Process exited with status 1: ${path}: has 5 MiB free`), undefined);
  });
});
