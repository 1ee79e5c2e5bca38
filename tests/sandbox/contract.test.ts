/**
 * Proves what lies before and behind a cluster, on real hosts: hosts that another stack exports, one of them reached
 * through a bastion only, all with a key of the SSH agent's, become a cluster, with images and registries of its own; a
 * preview of it tells what a change does; and a third stack takes the cluster by its contract and runs pods in it, or is
 * told why it cannot.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { execa } from "execa";
import { testImage } from "../../sandbox/k3s/images.ts";
import { down, exec, up } from "../../sandbox/sandbox.ts";
import { eventually } from "../support/eventually.ts";
import { long } from "../support/long.ts";
import { NeighbourStack } from "../support/neighbourStack.ts";
import { changedLines, plannedChanges } from "../support/previewDiff.ts";
import { sampleArguments } from "../support/processArguments.ts";
import {
  addressOf,
  devConfig,
  kubectl,
  onHost,
  readyNodes,
  SandboxStack,
  type StackConfig,
} from "../support/sandboxCluster.ts";
import { secretNeedles } from "../support/secretValues.ts";
import { SshAgent } from "../support/sshAgent.ts";
import { inTemporaryDirectory } from "../support/temporaryDirectory.ts";

const nodes = ["server-1", "server-2", "agent-1"] as const;
const archive = "/srv/extra.tar";
const guardedPort = 2222;
const version = "v1.35.0+k3s1";

let clusterConfig: StackConfig;
let stack: SandboxStack;
let kubeconfig: string;
let agent: SshAgent | undefined;
let fingerprint: string;

before(async () => {
  await down();
  await up();
  const machine = async (name: string, more: object = {}) => ({
    address: addressOf(name),
    hostKey: await onHost(name, "cut -d ' ' -f 1,2 /etc/ssh/ssh_host_ed25519_key.pub"),
    ...more,
  });
  // A port of the second server that only the load balancer's host gets to; the other one is this test's own.
  await onHost(
    "server-2",
    `mkdir -p /etc/ssh/sshd_config.d
printf 'Port 22\\nPort ${guardedPort}\\n' >/etc/ssh/sshd_config.d/90-port.conf
systemctl reload ssh
iptables -I INPUT -p tcp --dport ${guardedPort} ! -s ${addressOf("lb-1")} -j REJECT`,
  );
  const { ssh, loadBalancer, ...config } = await devConfig();
  // Logins with a key that no file of the stack names.
  await inTemporaryDirectory(async (directory) => {
    const key = join(directory, "key");
    await execa("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "agent", "-f", key]);
    const publicKey = await readFile(`${key}.pub`, "utf8");
    for (const host of ["db-1", "lb-1", ...nodes])
      await onHost(host, `echo '${publicKey}' >>/root/.ssh/authorized_keys`);
    fingerprint = (await execa("ssh-keygen", ["-l", "-f", key])).stdout.split(" ")[1] ?? "";
    agent = await SshAgent.start(key);
    process.env["SSH_AUTH_SOCK"] = agent.socketPath;
  });
  // Images that are on the nodes' disks, as on hosts that fetch nothing.
  for (const node of nodes)
    await onHost(
      node,
      `cp "$(ls /usr/lib/sandbox-host/k3s/var/lib/rancher/k3s/agent/images/*.tar | tail -n 1)" ${archive}`,
    );
  const sha256 = await onHost("server-1", `sha256sum ${archive} | cut -d ' ' -f 1`);
  const fromInfrastructure = (output: string) => ({ stack: "organization/infrastructure/prod", output });
  clusterConfig = {
    ...config,
    ssh: { ...(ssh as object), privateKeyFile: undefined },
    loadBalancer: { ...(loadBalancer as object), idleSeconds: 600 },
    k3s: { ...(config["k3s"] as object), images: [{ source: archive, sha256 }] },
    servers: fromInfrastructure("servers"),
    agentPools: { workers: { hosts: fromInfrastructure("workers") } },
  };
  stack = await SandboxStack.open("dev", clusterConfig);
  const machines = {
    servers: {
      "server-1": await machine("server-1"),
      "server-2": await machine("server-2", { port: guardedPort, bastion: await machine("lb-1") }),
    },
    workers: { "agent-1": await machine("agent-1") },
  };
  await (await NeighbourStack.open("infrastructure", machines, stack.workspace)).mustUp();
  await stack.mustUp();
  kubeconfig = await stack.kubeconfig();
});

after(async () => {
  delete process.env["SSH_AUTH_SOCK"];
  await agent?.stop();
  await down();
});

describe("hosts that another stack exports", () => {
  test("are the cluster's nodes", async () => {
    assert.deepEqual(await readyNodes(kubeconfig), [
      `agent-1 ${version}`,
      `server-1 ${version}`,
      `server-2 ${version}`,
    ]);
  });

  test("are reached through their bastion, if they have one", async () => {
    const journal = await onHost("server-2", "journalctl --unit ssh --output cat");
    assert.ok(journal.includes(`Accepted publickey for root from ${addressOf("lb-1")} port`));
    const directly = `timeout 3 bash -c 'exec 3<>/dev/tcp/${addressOf("server-2")}/${guardedPort}'`;
    assert.notEqual((await exec("server-1", directly)).exitCode, 0);
    assert.equal((await exec("lb-1", directly)).exitCode, 0);
  });

  test("are logged in to with the key that the SSH agent holds", async () => {
    for (const host of ["db-1", "lb-1", ...nodes]) {
      const journal = await onHost(host, "journalctl --unit ssh --output cat");
      assert.ok(
        journal
          .split("\n")
          .some((line) => line.startsWith("Accepted publickey for root") && line.includes(fingerprint)),
        host,
      );
    }
  });

  test("change nothing when they have not changed", async () => {
    await stack.mustUp("--expect-no-changes");
  });
});

describe("images and registries", long, () => {
  const imported = "/var/lib/rancher/k3s/agent/images/extra.tar";
  const path = "/etc/rancher/k3s/registries.yaml";
  const password = "a-registrys-password";
  const mirrorOf = (node: string) =>
    exec(node, "cat /var/lib/rancher/k3s/agent/etc/containerd/certs.d/docker.io/hosts.toml");

  test("that are on the nodes are K3s's before its first start", async () => {
    for (const node of nodes) {
      assert.equal(await onHost(node, `cmp ${archive} ${imported} && stat -c %a ${imported}`), "644", node);
      const started = await onHost(
        node,
        "systemctl show --property ExecMainStartTimestampMonotonic --value k3s k3s-agent",
      );
      assert.match(started, /[1-9]/);
      assert.match(await onHost(node, "journalctl --output cat --unit k3s --unit k3s-agent"), /extra\.tar/, node);
    }
  });

  test("with a login reach K3s on every node, for root alone, and go when they are no longer configured", async () => {
    const k3s = clusterConfig["k3s"] as object;
    const registries = { mirrors: { "docker.io": { endpoint: ["https://registry.example.com"] } } };
    const other = await SandboxStack.open("dev", { ...clusterConfig, k3s: { ...k3s, registries } });
    await other.setSecret(
      "registryCredentials",
      JSON.stringify({ "registry.example.com": { username: "me", password } }),
    );
    const { seen } = await sampleArguments(() => other.mustUp());
    for (const line of seen) assert.ok(!line.includes(password), line);
    for (const node of nodes) {
      assert.equal(await onHost(node, `stat -c '%a %U' ${path}; grep -c ${password} ${path}`), "600 root\n1", node);
      assert.match((await mirrorOf(node)).stdout, /registry\.example\.com/, node);
    }
    assert.equal((await readyNodes(kubeconfig)).length, 3);
    // Another password: that it changes is shown, and neither of the two.
    const next = "another-password-of-it";
    await other.setSecret(
      "registryCredentials",
      JSON.stringify({ "registry.example.com": { username: "me", password: next } }),
    );
    const shown = await other.preview();
    assert.deepEqual(plannedChanges(shown), [
      ...["servers-server-1", "servers-server-2"].flatMap((node) => [
        `update ${node}-secrets`,
        `update ${node}-service`,
      ]),
      "update workers-agent-1-service",
    ]);
    assert.match(shown, /stdin: \[secret\]/);
    for (const word of [password, next])
      for (const form of [word, Buffer.from(word).toString("base64")]) assert.ok(!shown.includes(form));
    stack = await SandboxStack.open("dev", clusterConfig);
    await stack.mustUp();
    for (const node of nodes) {
      assert.equal((await exec(node, `test -e ${path}`)).exitCode, 1, node);
      assert.doesNotMatch((await mirrorOf(node)).stdout, /registry\.example\.com/, node);
    }
    await stack.mustUp("--expect-no-changes");
  });
});

describe("a preview of the running cluster", () => {
  test("shows a changed timeout as its line of haproxy.cfg, and nothing else", async () => {
    const loadBalancer = { ...(clusterConfig["loadBalancer"] as object), idleSeconds: 1200 };
    const shown = await (await SandboxStack.open("dev", { ...clusterConfig, loadBalancer })).preview();
    stack = await SandboxStack.open("dev", clusterConfig);
    assert.deepEqual(plannedChanges(shown), ["update balancer-lb-1-service"]);
    assert.deepEqual(changedLines(shown), [
      "+ description k3s-ha REVISION",
      "+ revision=REVISION",
      "+ timeout tunnel 1200s",
      "- description k3s-ha REVISION",
      "- revision=REVISION",
      "- timeout tunnel 600s",
    ]);
  });

  test("shows that a password changes and who takes it, never the value, and replaces nothing but it", async () => {
    const urn =
      "urn:pulumi:dev::k3s-ha::k3s-ha:index:MySQLDatastore$random:index/randomPassword:RandomPassword::datastore-k3s-password";
    const shown = await stack.preview("--replace", urn);
    assert.deepEqual(plannedChanges(shown), [
      "replace datastore-k3s-password",
      "update datastore-access",
      // It logs in with it.
      "update datastore-preflight",
      "update servers-server-1-secrets",
      "update servers-server-1-service",
      "update servers-server-2-secrets",
      "update servers-server-2-service",
    ]);
    assert.match(shown, /stdin: \[secret\]/);
    const needles = secretNeedles(await stack.exported());
    assert.ok(needles.length >= 12, `only ${needles.length} secrets to look for`);
    assert.equal(needles.filter((needle) => shown.includes(needle)).length, 0);
  });

  test("is about resources whose names, as a tree, are the architecture", async () => {
    const components = new Map<string, string[]>();
    const [, drawn = ""] = (await stack.tree()).split(/^ +TYPE +NAME$/m);
    for (const [, branches = "", type = "", name = ""] of drawn
      .split(/^$/m)[0]
      ?.matchAll(/^ {4}((?:│ {2}| {3})*(?:[├└]─ ))(\S+) +(\S+)$/gm) ?? []) {
      if (type.startsWith("pulumi:")) continue;
      if (branches.length === 3) components.set(`${name} ${type}`, []);
      else [...components.values()].at(-1)?.push(name);
    }
    for (const [component, children] of components) {
      const [name = ""] = component.split(" ");
      for (const child of children) assert.ok(child.startsWith(`${name}-`), `${child} in ${name}`);
    }
    assert.deepEqual([...components.keys()].toSorted(), [
      "backup k3s-ha:index:BackupCron",
      "balancer k3s-ha:index:HAProxyBalancer",
      "cluster k3s-ha:index:ClusterIdentity",
      "datastore k3s-ha:index:MySQLDatastore",
      "hosts k3s-ha:index:HostChecks",
      "members k3s-ha:index:ClusterMembers",
      "servers k3s-ha:index:K3sServerPool",
      "upgrade k3s-ha:index:UpgradeDump",
      "workers k3s-ha:index:AgentPool",
    ]);
    const steps = (host: string, ...of: string[]) => of.map((step) => `${host}-${step}`);
    assert.deepEqual(
      components.get("balancer k3s-ha:index:HAProxyBalancer")?.toSorted(),
      steps("balancer-lb-1", "packages", "secrets", "service"),
    );
    assert.deepEqual(components.get("servers k3s-ha:index:K3sServerPool")?.toSorted(), [
      ...steps("servers-server-1", "release", "secrets", "service"),
      ...steps("servers-server-2", "release", "secrets", "service"),
    ]);
    assert.deepEqual(components.get("workers k3s-ha:index:AgentPool"), ["workers-agent-1-service"]);
  });
});

describe("a stack that cannot take the cluster makes nothing, and is told that", long, () => {
  const cluster = "organization/k3s-ha/dev";
  const config = { cluster, image: testImage, replicas: 1 };

  /** What an `up` says that has to fail, without the line breaks of the terminal. */
  const failureOf = async (consumer: NeighbourStack): Promise<string> => {
    const { all, exitCode } = await consumer.up();
    assert.notEqual(exitCode, 0, all);
    assert.doesNotMatch(all, /\.ts:\d+/, "a stack trace");
    const made = await kubectl(kubeconfig, ["get", "namespace", "hello", "--ignore-not-found", "--output", "name"]);
    assert.equal(made, "");
    return all.replaceAll(/\s+/g, " ");
  };

  test("its passphrase is another", async () => {
    const options = { stack: "stranger", passphrase: "another" };
    const failure = await failureOf(await NeighbourStack.open("consumer", config, stack.workspace, options));
    const fault = (output: string) =>
      `- its output ${output} is secret and could not be decrypted: give both stacks the same passphrase or secrets provider (pulumi stack change-secrets-provider)`;
    const faults = ["kubeconfig", "datastoreEndpoint", "joinToken"].map(fault).join(" ");
    assert.ok(failure.includes(`The stack ${cluster} does not have the outputs of a cluster: ${faults}`), failure);
  });

  test("an output is missing, or the contract is newer", async () => {
    const consumer = await NeighbourStack.open("consumer", config, stack.workspace, { stack: "early" });
    await stack.withOutputs({ kubeconfig: undefined }, async () => {
      const missing = `The stack ${cluster} does not have the outputs of a cluster: - it has no output kubeconfig: run pulumi up on it`;
      const failure = await failureOf(consumer);
      assert.ok(failure.includes(missing), failure);
    });
    await stack.withOutputs({ contractVersion: 2 }, async () => {
      const newer = `The stack ${cluster} has version 2 of the contract, but this program reads versions up to 1: update k3s-ha here to the version of that stack.`;
      const failure = await failureOf(consumer);
      assert.ok(failure.includes(newer), failure);
    });
  });

  test("there is no such stack, or it is no cluster", async () => {
    const open = (name: string, stackName: string) =>
      NeighbourStack.open("consumer", { ...config, cluster: name }, stack.workspace, { stack: stackName });
    assert.match(
      await failureOf(await open("organization/k3s-ha/absent", "lost")),
      /unknown stack "organization\/k3s-ha\/absent"/,
    );
    const failure = await failureOf(await open("organization/infrastructure/prod", "astray"));
    const other =
      "The stack organization/infrastructure/prod has no output contractVersion, so it is not a cluster of k3s-ha: name the cluster's stack (this one has servers, workers).";
    assert.ok(failure.includes(other), failure);
  });
});

describe("a stack that takes the cluster by its contract", () => {
  let consumer: NeighbourStack;

  test("runs pods in it, and shows the kubeconfig to no process list", async () => {
    const config = { cluster: "organization/k3s-ha/dev", image: testImage, replicas: 2 };
    consumer = await NeighbourStack.open("consumer", config, stack.workspace);
    const { seen } = await sampleArguments(() => consumer.mustUp());
    const found = await kubectl(kubeconfig, ["get", "pods", "--namespace", "hello", "--output", "json"]);
    const pods = (JSON.parse(found) as { items: { metadata: { name: string }; status: { phase: string } }[] }).items
      // One that a node would not take at first is there until it is swept up; the rollout does not count it.
      .filter(({ status }) => status.phase !== "Failed");
    assert.deepEqual(
      pods.map(({ status }) => status.phase),
      ["Running", "Running"],
      found,
    );
    const first = pods[0]?.metadata.name ?? "";
    // What a pod prints is there a moment after it has started.
    await eventually(async () => {
      assert.equal(await kubectl(kubeconfig, ["logs", "--namespace", "hello", first]), `hello from ${first}`);
    });
    const key = (JSON.parse(kubeconfig) as { users: [{ user: Record<string, string> }] }).users[0].user[
      "client-key-data"
    ];
    assert.ok(key !== undefined && seen.size > 0);
    for (const line of seen) assert.ok(!line.includes(key.slice(60, 120)), line);
    assert.deepEqual(await consumer.outputs(), {
      apiEndpoint: `https://${addressOf("lb-1")}:6443`,
      k3sVersion: version,
      status: 'deployment "hello" successfully rolled out',
    });
  });

  test("changes nothing when nothing has changed, and takes with it what it brought", async () => {
    await consumer.mustUp("--expect-no-changes");
    await consumer.mustDestroy();
    const left = await kubectl(kubeconfig, ["get", "namespace", "hello", "--ignore-not-found", "--output", "name"]);
    assert.equal(left, "");
    assert.equal((await readyNodes(kubeconfig)).length, 3);
  });
});
