/**
 * Proves what lies before and behind a cluster, on real hosts: hosts that another stack exports, one of them reached
 * through a bastion only, become a cluster, with images and registries of its own; and a third stack takes the cluster by its contract and runs pods in it.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { testImage } from "../../sandbox/k3s/images.ts";
import { down, exec, up } from "../../sandbox/sandbox.ts";
import { NeighbourStack } from "../support/neighbourStack.ts";
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

const nodes = ["server-1", "server-2", "agent-1"] as const;
const archive = "/srv/extra.tar";
const guardedPort = 2222;
const version = "v1.35.0+k3s1";

let clusterConfig: StackConfig;
let stack: SandboxStack;
let kubeconfig: string;

before(async () => {
  await down();
  await up();
  const machine = async (name: string, more: object = {}) => ({
    address: addressOf(name),
    hostKey: await onHost(name, "cut -d ' ' -f 1,2 /etc/ssh/ssh_host_ed25519_key.pub"),
    ...more,
  });
  // A port of the second server that only the balancer's host gets to; the other one is this test's own.
  await onHost(
    "server-2",
    `mkdir -p /etc/ssh/sshd_config.d
printf 'Port 22\\nPort ${guardedPort}\\n' >/etc/ssh/sshd_config.d/90-port.conf
systemctl reload ssh
iptables -I INPUT -p tcp --dport ${guardedPort} ! -s ${addressOf("lb-1")} -j REJECT`,
  );
  const config = await devConfig();
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

after(() => down());

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

  test("change nothing when they have not changed", async () => {
    await stack.mustUp("--expect-no-changes");
  });
});

describe("images and registries", () => {
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
    stack = await SandboxStack.open("dev", clusterConfig);
    await stack.mustUp();
    for (const node of nodes) {
      assert.equal((await exec(node, `test -e ${path}`)).exitCode, 1, node);
      assert.doesNotMatch((await mirrorOf(node)).stdout, /registry\.example\.com/, node);
    }
    await stack.mustUp("--expect-no-changes");
  });
});

describe("a stack that takes the cluster by its contract", () => {
  let consumer: NeighbourStack;

  test("runs pods in it, and shows the kubeconfig to no process list", async () => {
    const config = { cluster: "organization/k3s-ha/dev", image: testImage, replicas: 2 };
    consumer = await NeighbourStack.open("consumer", config, stack.workspace);
    const { seen } = await sampleArguments(() => consumer.mustUp());
    const pods = JSON.parse(await kubectl(kubeconfig, ["get", "pods", "--namespace", "hello", "--output", "json"])) as {
      items: { metadata: { name: string }; status: { phase: string } }[];
    };
    assert.deepEqual(
      pods.items.map(({ status }) => status.phase),
      ["Running", "Running"],
    );
    const [first] = pods.items;
    const logs = await kubectl(kubeconfig, ["logs", "--namespace", "hello", first?.metadata.name ?? ""]);
    assert.equal(logs, `hello from ${first?.metadata.name ?? ""}`);
    const key = (JSON.parse(kubeconfig) as { users: [{ user: Record<string, string> }] }).users[0].user[
      "client-key-data"
    ];
    assert.ok(key !== undefined && seen.size > 0);
    for (const line of seen) assert.ok(!line.includes(key.slice(0, 40)), line);
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
