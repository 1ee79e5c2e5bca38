// Proves that agents are made and changed in waves, join through the load balancer, and get their pool's labels and taints.
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import fc from "fast-check";
import { parse } from "yaml";
import { AgentPool, type AgentPoolArgs } from "../../components/k3s/agentPool.ts";
import { HostCommand } from "../../components/host/hostCommand.ts";
import { assertSafeCommands } from "../support/commandRules.ts";
import { commandsOf, deploy, type Deployment, resourceNamed, scriptOf } from "../support/deploy.ts";
import { fileOf, filesOf, functionsOf } from "../support/hostFiles.ts";
import { assertRegistersItsFields, valueOf } from "../support/outputs.ts";
import { sampleHost } from "../support/sampleHosts.ts";
import { isSecret } from "../support/wire.ts";

const joinToken = "K10deadbeef::node:a-join-token";

function hosts(count: number): AgentPoolArgs["hosts"] {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`agent-${index + 1}`, sampleHost(index + 1)]));
}

function makePool(changes: Partial<AgentPoolArgs> = {}): AgentPool {
  return new AgentPool("workers", {
    hosts: hosts(3),
    release: { version: "v1.35.0+k3s1" },
    apiEndpoint: "https://198.51.100.30:6443",
    joinToken: pulumi.secret(joinToken),
    labels: { "example.com/tier": "web", "example.com/zone": "a" },
    taints: ["dedicated=web:NoSchedule"],
    config: { "kubelet-arg": ["max-pods=50"] },
    ...changes,
  });
}

describe("AgentPool", () => {
  let deployment: Deployment<AgentPool>;
  before(async () => {
    deployment = await deploy(makePool);
  });
  const script = (name: string, of: Deployment<unknown> = deployment) => scriptOf(resourceNamed(of, name));
  const configOf = async (agent: string, of: Deployment<unknown> = deployment) =>
    parse((await fileOf(script(`workers-${agent}-service`, of), "/etc/rancher/k3s/config.yaml")) ?? "") as unknown;

  it("is made of one command for each agent", () => {
    assert.deepEqual(
      deployment.resources.map(({ type, name, parent }) => `${type} ${name} ${String(parent)}`).toSorted(),
      [
        ...["agent-1", "agent-2", "agent-3"].map((agent) => `command:remote:Command workers-${agent}-service workers`),
        "k3s-ha:index:AgentPool workers undefined",
      ],
    );
  });

  it("acts on its hosts safely", () => {
    assertSafeCommands(deployment, [joinToken]);
  });

  it("has never more agents under way than a wave is wide", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 5 }), async (count, waveWidth) => {
        const of = await deploy(() => makePool({ hosts: hosts(count), waveWidth }));
        const spans = Object.keys(hosts(count)).map((agent) => {
          const { started, ended } = resourceNamed(of, `workers-${agent}-service`);
          return { from: started, to: ended };
        });
        for (const { from } of spans) {
          assert.ok(spans.filter((other) => other.from <= from && other.to > from).length <= waveWidth);
        }
      }),
      { numRuns: 12 },
    );
  });

  it("waits for the agent one wave earlier, and for no other", async () => {
    const of = await deploy(() => makePool({ hosts: hosts(5), waveWidth: 2 }));
    const dependencies = Object.keys(hosts(5)).map(
      (agent) => resourceNamed(of, `workers-${agent}-service`).dependencies,
    );
    assert.deepEqual(dependencies, [
      [],
      [],
      ["workers-agent-1-service"],
      ["workers-agent-2-service"],
      ["workers-agent-3-service"],
    ]);
  });

  it("joins through the load balancer, with the pool's labels, taints and settings", async () => {
    assert.deepEqual(await configOf("agent-2"), {
      server: "https://198.51.100.30:6443",
      "node-name": "agent-2",
      "node-ip": "198.51.100.2",
      "node-label": ["example.com/tier=web", "example.com/zone=a"],
      "node-taint": ["dedicated=web:NoSchedule"],
      "kubelet-arg": ["max-pods=50"],
    });
  });

  it("says nothing of labels and taints when there are none", async () => {
    const plain = await deploy(
      () =>
        new AgentPool("workers", {
          hosts: hosts(1),
          release: { version: "v1.35.0+k3s1" },
          apiEndpoint: "https://198.51.100.30:6443",
          joinToken: pulumi.secret(joinToken),
        }),
    );
    assert.deepEqual(await configOf("agent-1", plain), {
      server: "https://198.51.100.30:6443",
      "node-name": "agent-1",
      "node-ip": "198.51.100.1",
    });
  });

  it("keeps the join token secret, in a file for root only", async () => {
    const files = await filesOf(script("workers-agent-1-service"));
    const secrets = files.find(({ path }) => path === "/etc/rancher/k3s/config.yaml.d/90-k3s-ha-secrets.yaml");
    assert.deepEqual(parse(String(secrets?.content)), { token: joinToken });
    assert.equal(secrets?.mode, "0600");
    assert.ok(isSecret(resourceNamed(deployment, "workers-agent-1-service").inputs["stdin"]));
  });

  it("shows what changes of the agents' settings on the pool, since their scripts are secret", async () => {
    const { inputs } = resourceNamed(
      await deploy(() => makePool({ drainSeconds: 90, certificateRotation: "a" })),
      "workers",
    );
    assert.deepEqual(inputs, {
      hosts: ["agent-1", "agent-2", "agent-3"],
      release: { version: "v1.35.0+k3s1", mirror: "https://github.com/k3s-io/k3s/releases/download" },
      labels: { "example.com/tier": "web", "example.com/zone": "a" },
      taints: ["dedicated=web:NoSchedule"],
      config: { "kubelet-arg": ["max-pods=50"] },
      waveWidth: 10,
      drainSeconds: 90,
      certificateRotation: "a",
    });
  });

  it("claims its host by another name than agents of three commands did, whose removal then leaves K3s alone", () => {
    assert.match(script("workers-agent-1-service"), /^claim=workers-agent-1-agent$/m);
  });

  it("drains an agent before a restart only if that is asked for, and gives it the time on its host", async () => {
    assert.match(script("workers-agent-1-service"), /^drain_seconds=0$/m);
    const drained = await deploy(() => makePool({ drainSeconds: 90 }));
    assert.match(
      script("workers-agent-1-service", drained),
      /^drain_seconds=90\napi_endpoint=https:\/\/198\.51\.100\.30:6443$/m,
    );
    const { inputs } = resourceNamed(drained, "workers-agent-1-service");
    assert.match(String(inputs["create"]), /timeout \S+ \S+ 1380 /);
  });

  it("gives an agent settings of its own beside those of its pool, and shows them", async () => {
    const own = {
      labels: { "example.com/zone": "b" },
      taints: ["gpu=:NoExecute", "dedicated=web:NoSchedule"],
      config: { "kubelet-arg": "v=4", "node-external-ip": "203.0.113.1" },
    };
    const of = await deploy(() => makePool({ hosts: { ...hosts(3), "agent-1": sampleHost(1, own) } }));
    assert.deepEqual(await configOf("agent-1", of), {
      "node-label": ["example.com/tier=web", "example.com/zone=b"],
      "node-taint": ["dedicated=web:NoSchedule", "gpu=:NoExecute"],
      "kubelet-arg": ["max-pods=50", "v=4"],
      "node-external-ip": "203.0.113.1",
      server: "https://198.51.100.30:6443",
      "node-name": "agent-1",
      "node-ip": "198.51.100.1",
    });
    assert.equal(
      script("workers-agent-2-service", of),
      script("workers-agent-2-service"),
      "an agent without settings of its own",
    );
    assert.deepEqual(resourceNamed(of, "workers").inputs["hostSettings"], { "agent-1": own });
    assert.ok(!("hostSettings" in resourceNamed(deployment, "workers").inputs));
  });

  it("leaves the network interface for pods' traffic alone on an agent whose own settings name one", async () => {
    const config = { "flannel-iface": "eth1" };
    const of = await deploy(() => makePool({ hosts: { ...hosts(2), "agent-1": sampleHost(1, { config }) } }));
    assert.match(script("workers-agent-1-service", of), /^chooses_pod_card=false$/m);
    assert.match(script("workers-agent-2-service", of), /^chooses_pod_card=true$/m);
  });

  it("answers no load balancer", async () => {
    const paths = (await filesOf(script("workers-agent-1-service"))).map(({ path }) => path);
    assert.deepEqual(paths, [
      "/etc/systemd/system/k3s-agent.service",
      "/etc/rancher/k3s/config.yaml.d/90-k3s-ha-secrets.yaml",
      "/etc/rancher/k3s/config.yaml",
    ]);
  });

  it("asks nothing of the datastore", () => {
    const service = script("workers-agent-1-service");
    for (const text of [service, functionsOf(service)]) assert.doesNotMatch(text, /check_datastore|openssl s_client/);
  });

  it("tells an agent's address once its node is ready", async () => {
    assert.deepEqual(await valueOf(deployment.result.addresses), {
      "agent-1": "198.51.100.1",
      "agent-2": "198.51.100.2",
      "agent-3": "198.51.100.3",
    });
    const { resources } = await deploy(() => {
      const { addresses } = makePool();
      return new pulumi.ComponentResource("test:index:Neighbour", "neighbour", { address: addresses["agent-2"] });
    });
    assert.deepEqual(resources.find(({ name }) => name === "neighbour")?.dependencies, ["workers-agent-2-service"]);
  });

  it("leaves out no agent of a large pool, nor what comes after all of them", async () => {
    const large = hosts(120);
    const of = await deploy(() => {
      const pool = makePool({ hosts: large });
      new HostCommand("last", { host: sampleHost(1), script: "apply() { :; }\n" }, { dependsOn: pool });
      return pool;
    });
    const services = Object.keys(large).map((agent) => `workers-${agent}-service`);
    assert.deepEqual(resourceNamed(of, "last").dependencies, services.toSorted());
    assert.deepEqual(resourceNamed(of, "workers-agent-120-service").dependencies, ["workers-agent-110-service"]);
    const addresses = await valueOf(of.result.addresses);
    assert.deepEqual(Object.keys(addresses), Object.keys(large));
    assert.equal(addresses["agent-120"], "198.51.100.120");
    assertRegistersItsFields(of, "workers", of.result);
    const first = await deploy(() => makePool({ hosts: large }), { preview: "first" });
    assert.equal(commandsOf(first).length, 120);
  });

  it("registers its fields as its outputs", () => {
    assertRegistersItsFields(deployment, "workers", deployment.result);
  });

  it("renames no other agent's resources when one is removed", async () => {
    const left = Object.fromEntries(Object.entries(hosts(3)).filter(([agent]) => agent !== "agent-2"));
    const of = await deploy(() => makePool({ hosts: left }));
    const names = (all: Deployment<unknown>) =>
      commandsOf(all)
        .map(({ name }) => name)
        .toSorted();
    assert.deepEqual(
      names(of),
      names(deployment).filter((name) => !name.startsWith("workers-agent-2-")),
    );
  });

  it("can be previewed when nothing exists", async () => {
    const first = await deploy(makePool, { preview: "first" });
    assert.equal(commandsOf(first).length, commandsOf(deployment).length);
    assert.ok(isSecret(resourceNamed(first, "workers-agent-1-service").inputs["stdin"]));
    const again = await deploy(makePool, { preview: "again" });
    assert.deepEqual(await configOf("agent-1", again), await configOf("agent-1"));
  });
});
