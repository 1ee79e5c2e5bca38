/**
 * A hardened cluster: it passes K3s's self-assessment of the CIS benchmark, as far as a script can do it, refuses pods that ask for
 * more than the restricted profile, and has the files that its configuration names before K3s starts.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { down, up } from "../../sandbox/sandbox.ts";
import { testImage } from "../../sandbox/k3s/images.ts";
import { assessmentFunctions, selfAssessment } from "../support/selfAssessment.ts";
import { devConfig, kubectl, onHost, readyNodes, SandboxStack, type StackConfig } from "../support/sandboxCluster.ts";

const nodes = ["server-1", "agent-1"] as const;
const path = "/etc/rancher/k3s/notes.txt";

describe("a hardened cluster", () => {
  let stack: SandboxStack;
  let config: StackConfig;
  let kubeconfig: string;
  let directory: string;

  const configured = (k3s: object) => ({ ...config, k3s: { ...(config["k3s"] as object), ...k3s } });
  const file = (name: string) => ({ path, source: join(directory, name), mode: "0640" });
  const restarts = async () =>
    Promise.all(
      nodes.map(async (node) => {
        const unit = node.startsWith("agent") ? "k3s-agent" : "k3s";
        return onHost(node, `systemctl show --property ExecMainStartTimestampMonotonic --value ${unit}`);
      }),
    );

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "k3s-ha-files-"));
    await writeFile(join(directory, "first.txt"), "first\n");
    await writeFile(join(directory, "second.txt"), "second\n");
    await down();
    await up({ hosts: ["db-1", "lb-1", ...nodes] });
    const { servers, ...others } = await devConfig();
    config = { ...others, servers: { "server-1": (servers as Record<string, unknown>)["server-1"] } };
    await onHost("agent-1", `mkdir -p "$(dirname ${path})" && echo theirs >${path}`);
    stack = await SandboxStack.open("dev", configured({ hardened: true, files: [file("first.txt")] }));
    await stack.mustUp();
    kubeconfig = await stack.kubeconfig();
  });

  after(async () => {
    await down();
    await rm(directory, { recursive: true });
  });

  test("passes K3s's self-assessment on a server and on an agent", async () => {
    assert.equal((await readyNodes(kubeconfig)).length, nodes.length);
    const failed: string[] = [];
    for (const node of nodes) {
      const items = selfAssessment.filter(({ on }) => on === "node" || node.startsWith(on));
      const checks = items.map(
        ({ item, check }) =>
          `if (${check}) >/dev/null 2>&1; then echo '[PASS] ${item}'; else echo '[FAIL] ${item}'; fi`,
      );
      const report = await onHost(node, `${assessmentFunctions}${checks.join("\n")}`);
      console.log(`${node}\n${report}`);
      assert.equal(report.split("\n").length, items.length);
      failed.push(
        ...report
          .split("\n")
          .filter((line) => !line.startsWith("[PASS]"))
          .map((line) => `${node} ${line}`),
      );
    }
    assert.deepEqual(failed, []);
  });

  test("refuses a pod that asks for more than the restricted profile, and runs one that does not", async () => {
    const pod = (name: string, securityContext: object) => ({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name },
      spec: {
        nodeName: "agent-1",
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 0,
        containers: [{ name, image: testImage, imagePullPolicy: "Never", command: ["sleep", "3600"], securityContext }],
      },
    });
    await assert.rejects(
      kubectl(kubeconfig, ["apply", "--filename", "-"], JSON.stringify(pod("privileged", { privileged: true }))),
      /violates PodSecurity "restricted:latest"/,
    );
    const restricted = {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
      runAsNonRoot: true,
      runAsUser: 65534,
      seccompProfile: { type: "RuntimeDefault" },
    };
    await kubectl(kubeconfig, ["apply", "--filename", "-"], JSON.stringify(pod("restricted", restricted)));
    await kubectl(kubeconfig, ["wait", "pod/restricted", "--for=condition=Ready", "--timeout=120s"]);
  });

  test("has its files before K3s starts, and keeps what others left there", async () => {
    for (const node of nodes)
      assert.equal(await onHost(node, `cat ${path}; stat --format '%a %U:%G' ${path}`), "first\n640 root:root");
    await stack.mustUp("--expect-no-changes");
  });

  test("restarts one node after the other for a changed file, and puts back what others left when it is removed", async () => {
    const before = await restarts();
    stack = await SandboxStack.open("dev", configured({ hardened: true, files: [file("second.txt")] }));
    await stack.mustUp();
    const changed = await restarts();
    for (const [index, node] of nodes.entries()) {
      assert.notEqual(changed[index], before[index], node);
      assert.equal(await onHost(node, `cat ${path}`), "second");
    }
    stack = await SandboxStack.open("dev", configured({}));
    await stack.mustUp();
    assert.equal(await onHost("server-1", `ls ${path} /etc/sysctl.d/90-kubelet.conf 2>/dev/null | wc -l`), "0");
    assert.equal(await onHost("agent-1", `cat ${path}`), "theirs");
    assert.equal((await readyNodes(kubeconfig)).length, nodes.length);
    await stack.mustUp("--expect-no-changes");
  });
});
