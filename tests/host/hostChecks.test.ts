// Proves what waits for the check of the hosts, and which sentences there are. What the check finds on hosts, the sandbox proves.
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { explainConnectionFailure } from "../../components/host/connectionFault.ts";
import { type HostChecksArgs, HostChecks, roleFault } from "../../components/host/hostCheck.ts";
import { readEarlierMark } from "../../components/host/hostMark.ts";
import { recordIn } from "../../components/host/scriptRecord.ts";
import { HostCommand } from "../../components/host/hostCommand.ts";
import { hostCheckScript } from "../../components/host/checkHosts.ts";
import { isShown } from "../support/commandRules.ts";
import { deploy, type Deployment, resourceNamed, scriptOf, tree } from "../support/deploy.ts";
import { assertRegistersItsFields, valueOf } from "../support/outputs.ts";
import { sampleHost } from "../support/sampleHosts.ts";

const checkedHosts: HostChecksArgs["hosts"] = {
  "server-1": { host: sampleHost(11), path: "k3s-ha:servers.server-1", role: "server" },
  "db-1": {
    host: sampleHost(20, { user: "deploy", port: 2222 }),
    path: "k3s-ha:datastore.managed.host",
    role: "datastore",
  },
  "server-2": {
    host: sampleHost(12, { standIn: sampleHost(11) }),
    path: "k3s-ha:servers.server-2",
    role: "server",
  },
};

const act = (name: string) => new HostCommand(name, { host: sampleHost(11), script: "apply() { :; }\n" });

describe("HostChecks", () => {
  let deployment: Deployment<HostChecks>;
  before(async () => {
    deployment = await deploy(() => {
      act("before-1");
      const checks = new HostChecks("hosts", { hosts: checkedHosts });
      act("after-1");
      act("after-2");
      return checks;
    });
  });

  it("marks each host, by a resource of its own", () => {
    assert.equal(
      tree(deployment),
      `after-1  command:remote:Command
after-2  command:remote:Command
before-1  command:remote:Command
hosts  k3s-ha:index:HostChecks
  hosts-db-1  command:remote:Command
  hosts-server-1  command:remote:Command
  hosts-server-2  command:remote:Command
`,
    );
  });

  it("marks no host before all hosts were checked, and none that is lost", () => {
    for (const name of ["hosts-server-1", "hosts-db-1", "hosts-server-2"])
      assert.deepEqual(resourceNamed(deployment, name).changeHooks, ["hosts-check", "hosts-role"]);
    assert.equal(resourceNamed(deployment, "hosts-server-2").inputs["create"], "true");
  });

  it("marks every host of a large stack before anything that depends on it", async () => {
    const names = Array.from({ length: 120 }, (_, index) => `agent-${index + 1}`);
    const large = Object.fromEntries(
      names.map((name, index) => [name, { host: sampleHost(index + 1), path: name, role: "agent" as const }]),
    );
    for (const options of [{}, { preview: "first" }] as const) {
      const { resources } = await deploy(() => {
        const checks = new HostChecks("hosts", { hosts: large });
        new HostCommand("last", { host: sampleHost(1), script: "apply() { :; }\n" }, { dependsOn: checks });
      }, options);
      assert.deepEqual(
        resources.find(({ name }) => name === "last")?.dependencies,
        names.map((name) => `hosts-${name}`).toSorted(),
      );
    }
  });

  it("holds up whatever acts on hosts, before it is made and before it is changed", () => {
    for (const name of ["after-1", "after-2"])
      assert.deepEqual(resourceNamed(deployment, name).changeHooks, ["hosts-check"]);
    assert.deepEqual(resourceNamed(deployment, "before-1").changeHooks, []);
  });

  it("concerns no other program", async () => {
    const other = await deploy(() => act("after-1"));
    assert.deepEqual(resourceNamed(other, "after-1").changeHooks, []);
  });

  it("records nothing of its own, so that a run that is refused leaves nothing for the next preview to compare with", () => {
    assert.deepEqual(resourceNamed(deployment, "hosts").inputs, {});
  });

  it("compares a host's role with that of its mark, also where an address is secret", async () => {
    const host = { ...sampleHost(11), address: pulumi.secret("198.51.100.11") };
    const hidden = await deploy(
      () => new HostChecks("hosts", { hosts: { "server-1": { host, path: "server-1", role: "server" } } }),
    );
    const mark = resourceNamed(hidden, "hosts-server-1");
    assert.ok(isShown(mark));
    assert.deepEqual(recordIn(scriptOf(mark)), { role: "server" });
    assert.deepEqual(readEarlierMark(scriptOf(mark)), { role: "server" });
    assert.deepEqual(mark.changeHooks.toSorted(), ["hosts-check", "hosts-role"]);
    assert.deepEqual(readEarlierMark("# The host is declared lost.\n"), {});
    // What an earlier release recorded of its check.
    assert.deepEqual(readEarlierMark("host_name=a\nrole=agent\nrole_word=agent\n"), { role: "agent" });
  });

  it("asks for what a host's role needs", async () => {
    const [server, database] = [checkedHosts["server-1"], checkedHosts["db-1"]];
    assert.ok(server !== undefined && database !== undefined);
    assert.match(
      await hostCheckScript({ ...server, name: "server-1" }),
      /^host_name=server-1\nrole=server\ncontrol_groups=\/sys\/fs\/cgroup\nprocesses=\/proc\nmodules_directory=\/lib\/modules\ndata_directory=\/var\/lib\/rancher\nneeded_mib=2048\nneeded_for_change_mib=256\nport=6443$/m,
    );
    assert.match(
      await hostCheckScript({ ...database, name: "db-1" }),
      /^role=datastore\ncontrol_groups=.*\nprocesses=.*\nmodules_directory=.*\ndata_directory=\/var\/lib\/mysql\nneeded_mib=1024\nneeded_for_change_mib=256\nport=''$/m,
    );
  });

  it("checks an entry on a server as what it is, and leaves the mark to the server", async () => {
    const host = sampleHost(11);
    const shared = { host, path: "k3s-ha:loadBalancer.onServers.lb-1", role: "loadBalancer", on: "server-1" } as const;
    const { result, resources } = await deploy(
      () =>
        new HostChecks("hosts", {
          hosts: { "server-1": { host, path: "k3s-ha:servers.server-1", role: "server" }, "lb-1": shared },
        }),
    );
    assert.deepEqual(await valueOf(result.checked), ["server-1", "lb-1"]);
    assert.deepEqual(
      resources.map(({ name }) => name),
      ["hosts", "hosts-server-1"],
    );
    const script = await hostCheckScript({ ...shared, name: "lb-1" });
    assert.match(script, /^role=loadBalancer$/m);
    assert.match(script, /^shared_node='server server-1'$/m);
  });

  it("tells which hosts are checked, lost ones left out, and registers that as its output", async () => {
    assert.deepEqual(await valueOf(deployment.result.checked), ["server-1", "db-1"]);
    assertRegistersItsFields(deployment, "hosts", deployment.result);
  });
});

describe("roleFault", () => {
  const path = "k3s-ha:servers.agent-2";

  it("refuses to make a node something else in one step", () => {
    assert.equal(
      roleFault(path, "agent-2", "agent", "server"),
      "k3s-ha:servers.agent-2: agent-2 is a node of the cluster, the agent agent-2, but is configured as the server agent-2. A host changes its role in two steps: remove its entry and run up, which uninstalls K3s; then add it in its new role.",
    );
    assert.match(roleFault(path, "a", "server", "loadBalancer") ?? "", /is configured as the load balancer a\./);
  });

  it("has nothing against a role that stays, nor against a host without K3s, nor against one that is new", () => {
    assert.equal(roleFault(path, "agent-2", "agent", "agent"), undefined);
    assert.equal(roleFault(path, "bk-1", "backup", "agent"), undefined);
    assert.equal(roleFault(path, "agent-2", undefined, "server"), undefined);
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
