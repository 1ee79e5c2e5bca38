/**
 * A dual-stack cluster: nodes, pods and services have an address of each family, and pods reach each other with both.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { down, up } from "../../sandbox/sandbox.ts";
import { testImage } from "../../sandbox/k3s/images.ts";
import { eventually } from "../support/eventually.ts";
import { lookAt } from "../support/makeStatus.ts";
import { addressOf, devConfig, kubectl, onHost, readyNodes, SandboxStack } from "../support/sandboxCluster.ts";

const nodes = { "server-1": "fd20::11", "server-2": "fd20::12", "agent-1": "fd20::21" };
const names = Object.keys(nodes) as (keyof typeof nodes)[];

describe("a dual-stack cluster", () => {
  let stack: SandboxStack;
  let kubeconfig: string;

  before(async () => {
    await down();
    await up({ hosts: ["db-1", "lb-1", ...names] });
    for (const name of names) {
      await onHost(
        name,
        `card=$(ip -oneline address show to ${addressOf(name)} | awk '{ sub("@.*", "", $2); print $2 }')
ip address add ${nodes[name]}/64 dev "$card" nodad`,
      );
    }
    const { servers, agentPools, k3s, ...config } = await devConfig();
    const entries = { ...(servers as object) } as Record<string, object>;
    const withBoth = (name: keyof typeof nodes, entry: unknown) => ({
      [name]: { ...(entry as object), secondaryNodeAddress: nodes[name] },
    });
    const pools = agentPools as Record<string, { hosts: Record<string, object> }>;
    stack = await SandboxStack.open("dev", {
      ...config,
      servers: { ...withBoth("server-1", entries["server-1"]), ...withBoth("server-2", entries["server-2"]) },
      agentPools: Object.fromEntries(
        Object.entries(pools).map(([pool, { hosts, ...rest }]) => [
          pool,
          { ...rest, hosts: withBoth("agent-1", hosts["agent-1"]) },
        ]),
      ),
      k3s: {
        ...(k3s as object),
        serverConfig: {
          ...(k3s as { serverConfig?: object }).serverConfig,
          "cluster-cidr": "10.42.0.0/16,fd42::/56",
          "service-cidr": "10.43.0.0/16,fd43::/112",
        },
      },
    });
    await stack.mustUp();
    kubeconfig = await stack.kubeconfig();
  });

  after(() => down());

  test("has nodes with an address and a network for pods of each family", async () => {
    assert.equal((await readyNodes(kubeconfig)).length, names.length);
    for (const name of names) {
      const path = '{.status.addresses[?(@.type=="InternalIP")].address} {.spec.podCIDRs[*]}';
      const [first, second, ...pods] = (
        await kubectl(kubeconfig, ["get", "node", name, "--output", `jsonpath=${path}`])
      ).split(" ");
      assert.deepEqual([first, second], [addressOf(name), nodes[name]]);
      assert.match(pods.join(" "), /^10\.42\.\d+\.0\/24 fd42:.*\/64$/);
    }
  });

  test("has pods that reach each other on other nodes with both families, and a service of both", async () => {
    const pods = names.map((name) => ({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: `on-${name}` },
      spec: {
        nodeName: name,
        terminationGracePeriodSeconds: 0,
        containers: [{ name: "idle", image: testImage, imagePullPolicy: "Never", command: ["sleep", "3600"] }],
      },
    }));
    for (const pod of pods) await kubectl(kubeconfig, ["apply", "--filename", "-"], JSON.stringify(pod));
    await kubectl(kubeconfig, ["wait", "pod", "--all", "--for=condition=Ready", "--timeout=180s"]);
    const addresses = await kubectl(kubeconfig, [
      "get",
      "pod",
      "on-agent-1",
      "--output",
      "jsonpath={.status.podIPs[*].ip}",
    ]);
    assert.match(addresses, /^10\.42\.\S+ fd42:\S+$/);
    for (const name of names.filter((each) => each !== "agent-1")) {
      for (const address of addresses.split(" ")) {
        const ping = ["exec", `on-${name}`, "--", "ping", "-c", "1", "-W", "3", address];
        assert.match(await kubectl(kubeconfig, ping), /1 packets received/, `${name} to ${address}`);
      }
    }
    const service = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "both" },
      spec: { ipFamilyPolicy: "RequireDualStack", ports: [{ port: 80 }], selector: { app: "none" } },
    };
    await kubectl(kubeconfig, ["apply", "--filename", "-"], JSON.stringify(service));
    assert.match(
      await kubectl(kubeconfig, ["get", "service", "both", "--output", "jsonpath={.spec.clusterIPs[*]}"]),
      /^10\.43\.\S+ fd43::\S+$/,
    );
  });

  test("is healthy, and reports pods whose IPv6 traffic to another node is lost", async () => {
    await eventually(async () => {
      assert.deepEqual((await lookAt("dev")).status.problems, []);
    }, 60);
    await onHost(
      "agent-1",
      "nft add table inet lost && nft 'add chain inet lost in { type filter hook input priority 0; }' && nft add rule inet lost in meta nfproto ipv6 udp dport 8472 drop",
    );
    try {
      assert.match((await lookAt("dev")).status.problems.join("\n"), /agent-1.*flannel-v6\.1/);
    } finally {
      await onHost("agent-1", "nft delete table inet lost");
    }
  });

  test("changes nothing in another up", async () => {
    await stack.mustUp("--expect-no-changes");
  });
});
