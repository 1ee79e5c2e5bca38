/** A run that is killed in the middle, or a host that moves, leaves nothing that the next run cannot finish. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { destroyHosts, down, powerOff, up } from "../../sandbox/sandbox.ts";
import { killedWhen } from "../support/killedUp.ts";
import { long } from "../support/long.ts";
import {
  addressOf,
  devConfig,
  kubectl,
  onHost,
  readyNodes,
  runPod,
  SandboxStack,
  type StackConfig,
  type StateResource,
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

describe("an agent that an earlier release made with three commands", () => {
  test("is taken over with nothing restarted, and its old removals leave it alone", async () => {
    const stack = await SandboxStack.open("dev", await devConfig());
    const [release = "", secrets = ""] = await Promise.all(
      ["release", "secrets"].map((step) =>
        readFile(join(import.meta.dirname, "agentOfThreeCommands", `${step}.sh`), "utf8"),
      ),
    );
    // The state and the host as that release left them; the removals are exactly those that it recorded.
    await stack.changeState((resources) =>
      resources.flatMap((resource) => {
        if (!resource.urn.endsWith("::workers-agent-1-service")) return [resource];
        const withScript = (name: string, stdin: string): StateResource => ({
          ...resource,
          urn: resource.urn.replace(/workers-agent-1-service$/, name),
          id: name,
          inputs: { ...resource.inputs, stdin },
          outputs: { ...resource.outputs, stdin },
          dependencies: [],
          propertyDependencies: {},
        });
        return [
          withScript("workers-agent-1-release", release),
          withScript("workers-agent-1-secrets", secrets),
          withScript("workers-agent-1-service", "# the service's command of that release\n"),
        ];
      }),
    );
    await onHost(
      "agent-1",
      "cd /var/lib/k3s-ha && mv k3s.claims/workers-agent-1-agent k3s.claims/workers-agent-1 && cp k3s-agent.revision k3s-agent-secrets.revision && rm /usr/local/lib/k3s-ha/agent-functions",
    );
    const seen = () =>
      onHost(
        "agent-1",
        "systemctl show k3s-agent --property MainPID,NRestarts,ActiveEnterTimestampMonotonic; sha256sum /etc/rancher/k3s/config.yaml /etc/rancher/k3s/config.yaml.d/* /etc/systemd/system/k3s-agent.service /usr/local/bin/k3s /usr/local/lib/k3s-ha/k3s/*/*; cat /var/lib/k3s-ha/k3s-agent.proved",
      );
    const before = await seen();
    const output = await stack.mustUp();
    assert.match(output, /workers-agent-1-release deleted/);
    assert.match(output, /workers-agent-1-secrets deleted/);
    assert.equal(await seen(), before);
    assert.equal(await onHost("agent-1", "ls /var/lib/k3s-ha/k3s.claims"), "workers-agent-1-agent");
    await stack.mustUp("--expect-no-changes");
  });
});

describe("an agent that moves to another pool in one step", long, () => {
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
    assert.equal(await onHost("agent-1", "ls /var/lib/k3s-ha/k3s.claims"), "moved-agent-1-agent");
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
      /k3s-ha:servers\.agent-1: agent-1 is a node of the cluster, the agent agent-1, but is configured as the server agent-1\./.test(
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
      /k3s-ha:agentPools\.moved\.hosts\.agent-9 \(\S+\): is the agent agent-1, but is configured as the agent agent-9\. A host changes its role or its name in two steps/,
    );
    await (await SandboxStack.open("dev", config)).mustUp("--expect-no-changes");
  });
});

describe("an agent that is removed", long, () => {
  test("is refused with what to do while it is dead and not declared lost, and succeeds once it is", async () => {
    const config = inPool(await devConfig(), "moved");
    await powerOff("agent-1");
    const { all, exitCode } = await (await SandboxStack.open("dev", { ...config, agentPools: {} })).up();
    assert.notEqual(exitCode, 0, all);
    assert.match(
      all,
      /server-1: agent-1 is no longer in the configuration, but its host does not answer, so K3s cannot be uninstalled there\. Nothing was uninstalled\. .*restore its entry with "lost: true" and run up; then remove the entry \(docs\/day-two\.md\)\./,
    );
    const lost = { moved: { hosts: { "agent-1": { address: addressOf("agent-1"), lost: true } } } };
    const stack = await SandboxStack.open("dev", { ...config, agentPools: lost });
    await stack.mustUp();
    assert.deepEqual(await nodeNames(await stack.kubeconfig()), ["server-1", "server-2"]);
  });

  test("while it is half installed, the last one, completes and leaves the host clean", async () => {
    await destroyHosts(["agent-1"]);
    await up();
    const config = await devConfig();
    assert.ok(
      await killedWhen(await SandboxStack.open("dev", config), /workers-agent-1-service creating/, 1500),
      "the output never told that the agent joins",
    );
    const stack = await SandboxStack.open("dev", { ...config, agentPools: {} });
    await stack.mustUp();
    assert.deepEqual(await nodeNames(await stack.kubeconfig()), ["server-1", "server-2"]);
    assert.equal(
      await onHost(
        "agent-1",
        "ls -d /var/lib/rancher/k3s/agent /etc/rancher/k3s/config.yaml /etc/rancher/k3s/config.yaml.d/90-k3s-ha-secrets.yaml /usr/local/bin/k3s /usr/local/lib/k3s-ha/* /var/lib/k3s-ha/owner /etc/systemd/system/k3s*.service /var/lib/k3s-ha/k3s.claims 2>/dev/null; pgrep --list-full --full 'k3s|containerd-shim' | grep -v pgrep; true",
      ),
      "",
    );
  });
});

async function nodeNames(kubeconfig: string): Promise<string[]> {
  const names = await kubectl(kubeconfig, ["get", "nodes", "--output", "jsonpath={.items[*].metadata.name}"]);
  return names.split(" ").sort();
}

/** The configuration with its agent in one pool of that name, labelled with it. */
function inPool(config: StackConfig, pool: string): StackConfig {
  const { workers } = config["agentPools"] as { workers: object };
  return { ...config, agentPools: { [pool]: { ...workers, labels: { "k3s-ha.example/pool": pool } } } };
}
