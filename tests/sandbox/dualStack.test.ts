/**
 * A dual-stack cluster: nodes, pods and services have an address of each family, and pods reach each other with both. With IPv6
 * first, clients reach the API at an IPv6 address, and servers reach the datastore with their second address: it has IPv4 alone.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { execa } from "execa";
import { down, up } from "../../sandbox/sandbox.ts";
import { testImage } from "../../sandbox/k3s/images.ts";
import { machineSite } from "../../sandbox/state.ts";
import { eventually } from "../support/eventually.ts";
import { long } from "../support/long.ts";
import { lookAt } from "../support/makeStatus.ts";
import { addressOf, devConfig, kubectl, onHost, readyNodes, SandboxStack } from "../support/sandboxCluster.ts";

const names = ["server-1", "server-2", "agent-1"] as const;

/** Sandboxes may be on one machine at the same time, so each has an IPv6 network of its own. */
const network = `fd20:0:0:${machineSite.addressPrefix.split(".")[2] ?? ""}`;
const ipv6Of = (host: string) => `${network}::${addressOf(host).split(".")[3] ?? ""}`;

/** The families' networks for pods and services, and what a node, a pod and a service then have of them. */
const families = {
  IPv4: {
    ...{ pods: "10.42.0.0/16", services: "10.43.0.0/16", addressOf },
    ...{ ofNode: String.raw`10\.42\.\d+\.0/24`, ofPod: String.raw`10\.42\.\S+`, ofService: String.raw`10\.43\.\S+` },
  },
  IPv6: {
    ...{ pods: "fd42::/56", services: "fd43::/112", addressOf: ipv6Of },
    ...{ ofNode: String.raw`fd42:\S*/64`, ofPod: String.raw`fd42:\S+`, ofService: String.raw`fd43::\S+` },
  },
};

const both = (first: string, second: string) => new RegExp(`^${first} ${second}$`);

describeDualStack("IPv4", "IPv6");
describeDualStack("IPv6", "IPv4");

function describeDualStack(first: keyof typeof families, second: keyof typeof families): void {
  describe(`a dual-stack cluster with ${first} first`, long, () => {
    const [own, other] = [families[first], families[second]];
    let stack: SandboxStack;
    let kubeconfig: string;

    before(async () => {
      await down();
      await up({ hosts: ["db-1", "lb-1", ...names] });
      for (const name of [...names, "lb-1"]) {
        await onHost(
          name,
          `card=$(ip -oneline address show to ${addressOf(name)} | awk '{ sub("@.*", "", $2); print $2 }')
ip address add ${ipv6Of(name)}/64 dev "$card" nodad`,
        );
      }
      // The network of the hosts is removed with them, and this address with it.
      await execa("ip", ["address", "add", `${network}::1/64`, "dev", machineSite.name, "nodad"]);
      const { k3s, ...config } = await devConfig();
      const placed = (...hosts: string[]) =>
        Object.fromEntries(
          hosts.map((name) => [
            name,
            {
              address: addressOf(name),
              nodeAddress: own.addressOf(name),
              secondaryNodeAddress: other.addressOf(name),
            },
          ]),
        );
      stack = await SandboxStack.open("dev", {
        ...config,
        servers: placed("server-1", "server-2"),
        agentPools: { workers: { hosts: placed("agent-1") } },
        loadBalancer: { hosts: { "lb-1": { address: addressOf("lb-1"), nodeAddress: own.addressOf("lb-1") } } },
        k3s: {
          ...(k3s as object),
          serverConfig: {
            ...(k3s as { serverConfig?: object }).serverConfig,
            "cluster-cidr": `${own.pods},${other.pods}`,
            "service-cidr": `${own.services},${other.services}`,
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
        const [one, two, ...pods] = (
          await kubectl(kubeconfig, ["get", "node", name, "--output", `jsonpath=${path}`])
        ).split(" ");
        assert.deepEqual([one, two], [own.addressOf(name), other.addressOf(name)]);
        assert.match(pods.join(" "), both(own.ofNode, other.ofNode));
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
      assert.match(addresses, both(own.ofPod, other.ofPod));
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
        both(own.ofService, other.ofService),
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
}
