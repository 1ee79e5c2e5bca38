/**
 * The smallest highly available cluster has three hosts: every one is a server, two of them are load balancers too, with a virtual
 * IP. The third has the datastore, or K3s keeps it in its own etcd on all three, which then may lose any one of them.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { boot, down, powerOff, up } from "../../sandbox/sandbox.ts";
import { eventually } from "../support/eventually.ts";
import { long } from "../support/long.ts";
import { lookAt } from "../support/makeStatus.ts";
import { endpointOf, failsNoRequest, probeDuring } from "../support/probe.ts";
import { addressOf, devConfig, onHost, readyNodes, SandboxStack, type StackConfig } from "../support/sandboxCluster.ts";
import { threeHosts, threeHostsApi, threeHostsConfig } from "../support/threeHosts.ts";

const { servers, balancers } = threeHosts;
const { address: virtualAddress, port } = threeHostsApi;
const allReady = servers.map((name) => `${name} v1.35.0+k3s1`);

let config: StackConfig;
let stack: SandboxStack;
let kubeconfig: string;

/** The load balancer's host that has the virtual address, once there is exactly one. */
const holder = () =>
  eventually(async () => {
    const held = await Promise.all(
      balancers.map((host) => onHost(host, `ip -oneline address show to ${virtualAddress}`)),
    );
    const [one, ...more] = balancers.filter((_, index) => held[index] !== "");
    assert.ok(one !== undefined && more.length === 0, `held by ${[one, ...more].join(" and ")}`);
    return one;
  }, 30);

const isHealthy = () =>
  eventually(async () => {
    const { status } = await lookAt("dev");
    assert.deepEqual(status.problems, []);
  }, 180);

describe("three hosts that share all roles", long, () => {
  before(async () => {
    await down();
    await up({ hosts: servers });
    config = threeHostsConfig(await devConfig());
    stack = await SandboxStack.open("dev", config);
    await stack.mustUp();
    kubeconfig = await stack.kubeconfig();
  });

  after(() => down());

  test("are a whole cluster at the virtual IP, which a second up leaves as it is", async () => {
    assert.equal(endpointOf(kubeconfig).server, `https://${virtualAddress}:${port}`);
    assert.deepEqual(await readyNodes(kubeconfig), allReady);
    for (const host of balancers) assert.equal(await onHost(host, "systemctl is-active haproxy k3s"), "active\nactive");
    assert.equal(await onHost("server-3", "systemctl is-active mariadb k3s"), "active\nactive");
    assert.match(await onHost("server-1", "cat /var/lib/k3s-ha/owner"), /^host=server-1\nrole=server$/m);
    await isHealthy();
    await (await SandboxStack.open("dev", config)).mustUp("--expect-no-changes");
  });

  test("lose the host that holds the virtual IP, and the API is back within 5 s", async () => {
    const host = await holder();
    const { failed, samples, longestGap } = await probeDuring(endpointOf(kubeconfig), () => powerOff(host), 8000);
    console.log(
      `power cut of ${host}: ${failed} of ${samples.length} failed, longest gap ${(longestGap / 1000).toFixed(2)} s`,
    );
    assert.ok(longestGap <= 5000, `${longestGap} ms`);
    await boot(host);
    await eventually(async () => {
      assert.deepEqual(await readyNodes(kubeconfig), allReady);
    }, 120);
    await holder();
    await isHealthy();
  });

  test("restart one after the other for a changed setting, and no request fails", async () => {
    const k3s = config["k3s"] as { serverConfig?: object };
    const changed = {
      ...config,
      k3s: { ...k3s, serverConfig: { ...k3s.serverConfig, "kube-apiserver-arg": ["goaway-chance=0.001"] } },
    };
    await failsNoRequest(endpointOf(kubeconfig), async () => (await SandboxStack.open("dev", changed)).mustUp());
    config = changed;
  });

  test("keep their other roles when one of them is no longer a load balancer", async () => {
    const alone = {
      ...config,
      loadBalancer: { onServers: { "lb-1": "server-1" }, names: [addressOf("server-2"), virtualAddress], port },
    };
    stack = await SandboxStack.open("dev", alone);
    await stack.mustUp();
    assert.equal(await onHost("server-2", "systemctl is-active k3s"), "active");
    assert.equal(await onHost("server-2", "systemctl is-active haproxy || test $? = 3"), "inactive");
    assert.match(await onHost("server-2", "cat /var/lib/k3s-ha/owner"), /^host=server-2$/m);
    kubeconfig = await stack.kubeconfig();
    assert.equal(endpointOf(kubeconfig).server, `https://${addressOf("server-1")}:${port}`);
    assert.deepEqual(await readyNodes(kubeconfig), allReady);
  });
});

describe("three hosts with K3s's own etcd", long, () => {
  before(async () => {
    await down();
    await up({ hosts: servers });
    config = threeHostsConfig(await devConfig(), { embedded: { engine: "etcd" } });
    stack = await SandboxStack.open("dev", config);
    await stack.mustUp();
    kubeconfig = await stack.kubeconfig();
  });

  after(() => down());

  test("are a whole cluster, which a second up leaves as it is", async () => {
    assert.equal(endpointOf(kubeconfig).server, `https://${virtualAddress}:${port}`);
    assert.deepEqual(await readyNodes(kubeconfig), allReady);
    await isHealthy();
    await stack.mustUp("--expect-no-changes");
  });

  for (const host of servers)
    test(`lose ${host} to a power cut, and the API is back within 12 s`, async () => {
      const { failed, samples, longestGap } = await probeDuring(endpointOf(kubeconfig), () => powerOff(host), 15_000);
      console.log(
        `power cut of ${host}: ${failed} of ${samples.length} failed, longest gap ${(longestGap / 1000).toFixed(2)} s`,
      );
      assert.ok(longestGap <= 12_000, `${longestGap} ms`);
      await boot(host);
      await eventually(async () => {
        assert.deepEqual(await readyNodes(kubeconfig), allReady);
      }, 180);
      await isHealthy();
    });

  test("restart one after the other for a changed setting, and no request is lost", async () => {
    const k3s = config["k3s"] as { serverConfig?: object };
    const changed = {
      ...config,
      k3s: { ...k3s, serverConfig: { ...k3s.serverConfig, "kube-apiserver-arg": ["goaway-chance=0.001"] } },
    };
    await failsNoRequest(endpointOf(kubeconfig), async () => (await SandboxStack.open("dev", changed)).mustUp());
  });
});
