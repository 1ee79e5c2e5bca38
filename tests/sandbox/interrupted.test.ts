/** A run that is killed in the middle, or a host that moves, leaves nothing that the next run cannot finish. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { down, up } from "../../sandbox/sandbox.ts";
import {
  addressOf,
  devConfig,
  kubectl,
  onHost,
  readyNodes,
  runPod,
  SandboxStack,
  type StackConfig,
} from "../support/sandboxCluster.ts";

const version = "v1.35.0+k3s1";

/** Moments that a run is killed at: when a line of its output tells that this has begun. */
const moments = [
  { name: "while the datastore is being set up", begun: /datastore-(server|access) creating/, afterMilliseconds: 300 },
  {
    name: "while the first server starts on an empty schema",
    begun: /servers-server-1-service creating/,
    afterMilliseconds: 2500,
  },
  { name: "while the agent joins", begun: /workers-agent-1-service creating/, afterMilliseconds: 1500 },
];

before(async () => {
  await down();
  await up();
});

after(() => down());

describe("an up that is killed with SIGKILL", () => {
  // One after the other on the same hosts: what one killed run left is what the next one finds.
  for (const { name, begun, afterMilliseconds } of moments) {
    test(`${name} can be run again`, async () => {
      const stack = await SandboxStack.open("dev", await devConfig());
      assert.ok(await killedWhen(stack, begun, afterMilliseconds), `the output never told that ${name}`);
    });
  }

  test("three times over ends in the cluster that was asked for", async () => {
    const stack = await SandboxStack.open("dev", await devConfig());
    const output = await stack.mustUp();
    assert.doesNotMatch(output, /error/i);
    assert.deepEqual(await readyNodes(await stack.kubeconfig()), [
      `agent-1 ${version}`,
      `server-1 ${version}`,
      `server-2 ${version}`,
    ]);
    assert.equal(
      await onHost("db-1", `mariadb -N -e "SELECT COUNT(DISTINCT name) FROM k3s.kine WHERE name LIKE '/bootstrap/%'"`),
      "1",
    );
    await (await SandboxStack.open("dev", await devConfig())).mustUp("--expect-no-changes");
  });
});

describe("an agent that moves to another pool in one step", () => {
  test("has its new settings, and keeps K3s and its pods through the end of the old pool", async () => {
    const config = await devConfig();
    const stack = await SandboxStack.open("dev", inPool(config, "moved"));
    const pid = () => onHost("agent-1", "pgrep --full --oldest containerd-shim");
    await runPod(await stack.kubeconfig(), "stayer", "agent-1");
    const shim = await pid();
    await stack.mustUp();
    assert.match(await onHost("agent-1", "cat /etc/rancher/k3s/config.yaml"), /k3s-ha.example\/pool=moved/);
    assert.equal(await pid(), shim, "the pods of the agent were stopped");
    assert.equal(await onHost("agent-1", "systemctl is-active k3s-agent"), "active");
    const kubeconfig = await stack.kubeconfig();
    assert.ok((await readyNodes(kubeconfig)).includes(`agent-1 ${version}`));
    assert.equal(
      await kubectl(kubeconfig, [
        "get",
        "node",
        "agent-1",
        "--output",
        "jsonpath={.metadata.labels.k3s-ha\\.example/pool}",
      ]),
      "moved",
    );
    assert.equal(await onHost("agent-1", "ls /var/lib/k3s-ha/k3s.claims"), "moved-agent-1");
    await stack.mustUp("--expect-no-changes");
  });

  test("is refused another role in the preview, and another name before any host is changed", async () => {
    const config = inPool(await devConfig(), "moved");
    const promoted = {
      ...config,
      agentPools: {},
      servers: { ...(config["servers"] as object), "agent-1": { address: addressOf("agent-1") } },
    };
    await assert.rejects((await SandboxStack.open("dev", promoted)).preview(), ({ all }: { all?: string }) =>
      /k3s-ha:servers\.agent-1: agent-1 is a node of the cluster, the agent agent-1, and is to be the server agent-1\./.test(
        String(all),
      ),
    );
    const { all, exitCode } = await (
      await SandboxStack.open("dev", {
        ...config,
        agentPools: { moved: { hosts: { "agent-9": { address: addressOf("agent-1") } } } },
      })
    ).up();
    assert.notEqual(exitCode, 0, all);
    assert.match(
      all,
      /k3s-ha:agentPools\.moved\.hosts\.agent-9 \(\S+\): is the agent agent-1, and is to be the agent agent-9\. A host gets another role or another name in two steps/,
    );
    await (await SandboxStack.open("dev", config)).mustUp("--expect-no-changes");
  });
});

/** The configuration with its agent in one pool of that name, labelled with it. */
function inPool(config: StackConfig, pool: string): StackConfig {
  const { workers } = config["agentPools"] as { workers: object };
  return { ...config, agentPools: { [pool]: { ...workers, labels: { "k3s-ha.example/pool": pool } } } };
}

/** Starts an `up` and kills its CLI some time after a line of its output; false when it ended before. */
async function killedWhen({ workspace }: SandboxStack, line: RegExp, afterMilliseconds: number): Promise<boolean> {
  const child = execa(workspace.cli, ["up", "--yes", "--skip-preview", "--non-interactive", ...workspace.arguments], {
    env: workspace.environment,
    all: true,
    reject: false,
    stdin: "ignore",
  });
  for await (const printed of child.iterable({ from: "all" })) {
    if (!line.test(printed)) continue;
    await sleep(afterMilliseconds);
    child.kill("SIGKILL");
    break;
  }
  const { isTerminated } = await child;
  return isTerminated;
}
