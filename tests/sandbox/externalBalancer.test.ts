/**
 * A cluster behind a load balancer that the program does not run, as a cloud's: here a plain HAProxy on a host that is not in the
 * stack, which knows of the servers what their health port answers.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { serverHealthPort } from "../../components/balancer/serverHealth.ts";
import { stackOutputs } from "../../operations/workspace.ts";
import { down, exec, up } from "../../sandbox/sandbox.ts";
import { plainPort, plainSocket, startPlainBalancer } from "../drill/plainBalancer.ts";
import { eventually } from "../support/eventually.ts";
import { long } from "../support/long.ts";
import { lookAt } from "../support/makeStatus.ts";
import { endpointOf, failsNoRequest } from "../support/probe.ts";
import { addressOf, devConfig, onHost, readyNodes, SandboxStack, type StackConfig } from "../support/sandboxCluster.ts";

const servers = ["server-1", "server-2"] as const;
const release = "v1.35.0+k3s1";
let config: StackConfig;
let stack: SandboxStack;
let kubeconfig: string;

/** How often the load balancer took each server out, by its name. */
async function timesDown(): Promise<Record<string, number>> {
  const lines = await onHost(
    "lb-1",
    `echo 'show stat' | socat -t 2 - UNIX-CONNECT:${plainSocket} | awk -F , '$1 == "plain-servers" && $2 ~ /^server/ { print $2, $23 }'`,
  );
  return Object.fromEntries(lines.split("\n").map((line) => [line.split(" ")[0] ?? "", Number(line.split(" ")[1])]));
}

/** What a server answers at its health port. */
const health = (server: string) =>
  exec(
    "lb-1",
    `curl --silent --max-time 10 --write-out '%{http_code}' http://${addressOf(server)}:${serverHealthPort}/`,
  );

describe("a load balancer that is not in the stack", long, () => {
  before(async () => {
    await down();
    await up({ hosts: ["db-1", "lb-1", ...servers, "agent-1"] });
    await startPlainBalancer("lb-1", servers, serverHealthPort);
    config = {
      ...(await devConfig()),
      loadBalancer: { external: { address: addressOf("lb-1"), port: plainPort, checkSeconds: 5 } },
    };
    stack = await SandboxStack.open("dev", config);
    await stack.mustUp();
    kubeconfig = await stack.kubeconfig();
  });

  after(() => down());

  test("is what clients and agents reach the API at, and stays as it was", async () => {
    const endpoint = `https://${addressOf("lb-1")}:${plainPort}`;
    const outputs = await stackOutputs(stack.workspace);
    assert.equal(outputs["apiEndpoint"], endpoint);
    assert.deepEqual(outputs["loadBalancerAddresses"], {});
    assert.equal(endpointOf(kubeconfig).server, endpoint);
    assert.match(await onHost("agent-1", "cat /etc/rancher/k3s/config.yaml"), new RegExp(`server: "?${endpoint}`));
    assert.deepEqual(
      await readyNodes(kubeconfig),
      ["agent-1", ...servers].map((node) => `${node} ${release}`),
    );
    assert.equal(await onHost("lb-1", "find /var/lib/k3s-ha /etc/k3s-ha /etc/haproxy/k3s-ha 2>/dev/null | wc -l"), "0");
    for (const server of servers) assert.equal((await health(server)).stdout, "ready\n200");
  });

  test("is judged by make status from here and from every node", async () => {
    await eventually(async () => {
      const { status } = await lookAt("dev");
      assert.deepEqual(status.problems, []);
    }, 120);
    await onHost("server-2", "systemctl stop k3s-ha-server-health.socket");
    const { status } = await lookAt("dev");
    assert.match(
      status.problems.join("\n"),
      /^server-2 does not answer health checks of the load balancer on port 6442 \(.+\), so it gets no new clients\. Run "systemctl restart k3s-ha-server-health\.socket" there\.$/m,
    );
    await onHost("server-2", "systemctl restart k3s-ha-server-health.socket");
  });

  test("sends clients to the other server during a change, and no request fails", async () => {
    await eventually(async () => {
      assert.match((await health("server-2")).stdout, /200$/);
    });
    const before = await timesDown();
    const k3s = config["k3s"] as { serverConfig?: object };
    const changed = {
      ...config,
      k3s: { ...k3s, serverConfig: { ...k3s.serverConfig, "kube-apiserver-arg": ["goaway-chance=0.001"] } },
    };
    await failsNoRequest(endpointOf(kubeconfig), async () => (await SandboxStack.open("dev", changed)).mustUp());
    const now = await timesDown();
    for (const server of servers) {
      assert.match(await onHost(server, "cat /etc/rancher/k3s/config.yaml"), /goaway-chance=0\.001/);
      assert.ok((now[server] ?? 0) > (before[server] ?? 0), `the load balancer never took ${server} out`);
    }
    config = changed;
  });

  test("does so when an operator restarts K3s on a server, too", async () => {
    const before = await timesDown();
    await failsNoRequest(endpointOf(kubeconfig), () => onHost("server-1", "systemctl restart k3s"));
    assert.ok(((await timesDown())["server-1"] ?? 0) > (before["server-1"] ?? 0));
  });

  test("needs no change in another up", async () => {
    await (await SandboxStack.open("dev", config)).mustUp("--expect-no-changes");
  });
});
