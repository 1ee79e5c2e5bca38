/** A run that is killed in the middle leaves nothing that the next run cannot finish. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { down, up } from "../../sandbox/sandbox.ts";
import { devConfig, onHost, readyNodes, SandboxStack } from "../support/sandboxCluster.ts";

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
