/**
 * A cluster whose network plugin is its owner's: `up` ends with nodes that are not Ready, and they get Ready when the plugin is
 * installed, here one of plain bridges and routes.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { testImage } from "../../sandbox/k3s/images.ts";
import { down, up } from "../../sandbox/sandbox.ts";
import { eventually } from "../support/eventually.ts";
import { lookAt } from "../support/makeStatus.ts";
import { addressOf, devConfig, kubectl, onHost, SandboxStack } from "../support/sandboxCluster.ts";

const nodes = ["server-1", "agent-1"] as const;
let stack: SandboxStack;
let kubeconfig: string;

before(async () => {
  await down();
  await up({ hosts: ["db-1", "lb-1", ...nodes] });
  const { k3s, servers, ...config } = await devConfig();
  stack = await SandboxStack.open("dev", {
    ...config,
    servers: { "server-1": (servers as Record<string, unknown>)["server-1"] },
    k3s: { ...(k3s as object), network: "own", manifests: ["examples/namespace.yaml"] },
  });
  await stack.mustUp();
  kubeconfig = await stack.kubeconfig();
});

after(() => down());

const statesOf = async () =>
  (await kubectl(kubeconfig, ["get", "nodes", "--no-headers"])).split("\n").map((line) => line.split(/\s+/)[1]);

test("is up before its nodes are Ready, and has what its manifests name", async () => {
  assert.deepEqual(await statesOf(), ["NotReady", "NotReady"]);
  await eventually(async () => {
    assert.match(await kubectl(kubeconfig, ["get", "namespace", "restricted"]), /Active/);
  });
  const { status } = await lookAt("dev");
  assert.match(status.problems.join("\n"), /^The node agent-1 is NotReady: /m);
});

test("has nodes that are Ready, and pods that reach each other, when the plugin is installed", async () => {
  const networks = new Map<string, string>();
  for (const node of nodes) {
    networks.set(node, await kubectl(kubeconfig, ["get", "node", node, "--output", "jsonpath={.spec.podCIDR}"]));
  }
  for (const node of nodes) {
    const other = nodes.find((each) => each !== node) ?? assert.fail();
    const network = networks.get(node);
    const bridge = { type: "bridge", bridge: "own0", isGateway: true };
    const ipam = { type: "host-local", subnet: network, routes: [{ dst: "0.0.0.0/0" }] };
    const plugins = JSON.stringify({ cniVersion: "1.0.0", name: "own", plugins: [{ ...bridge, ipam }] });
    await onHost(
      node,
      `setting() { sed -nE "s/^ *$1 = \\"(.*)\\"/\\1/p" /var/lib/rancher/k3s/agent/etc/containerd/config.toml | head -n 1; }
programs=$(setting bin_dir) settings=$(setting conf_dir)
programs=\${programs:-/opt/cni/bin} settings=\${settings:-/etc/cni/net.d}
mkdir -p "$programs" "$settings"
for name in bridge host-local loopback; do
  [[ -e $programs/$name ]] || ln -s "$(find /var/lib/rancher/k3s/data -name "$name" | head -n 1)" "$programs/$name"
done
sysctl --quiet --write net.ipv4.ip_forward=1
ip route replace ${networks.get(other) ?? ""} via ${addressOf(other)}
cat >"$settings/10-own.conflist" <<'JSON'
${plugins}
JSON`,
    );
  }
  await eventually(async () => {
    assert.deepEqual(await statesOf(), ["Ready", "Ready"]);
  }, 120);
  const pods = nodes.map((node) => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: `on-${node}` },
    spec: {
      nodeName: node,
      terminationGracePeriodSeconds: 0,
      containers: [{ name: "idle", image: testImage, imagePullPolicy: "Never", command: ["sleep", "3600"] }],
    },
  }));
  for (const pod of pods) await kubectl(kubeconfig, ["apply", "--filename", "-"], JSON.stringify(pod));
  await kubectl(kubeconfig, ["wait", "pod", "--all", "--for=condition=Ready", "--timeout=180s"]);
  const address = await kubectl(kubeconfig, ["get", "pod", "on-server-1", "--output", "jsonpath={.status.podIP}"]);
  assert.match(
    await kubectl(kubeconfig, ["exec", "on-agent-1", "--", "ping", "-c", "1", "-W", "3", address]),
    /1 packets received/,
  );
  await eventually(async () => {
    const { status } = await lookAt("dev");
    assert.deepEqual(status.problems, []);
  }, 120);
});

test("changes nothing in another up", async () => {
  await stack.mustUp("--expect-no-changes");
});
