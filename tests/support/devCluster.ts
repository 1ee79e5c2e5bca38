/** The cluster of Pulumi.dev.yaml, which files of tests take over from each other: another one would take them a minute each. */
import type { K3sVersion } from "../../sandbox/k3s/releases.ts";
import { down, status, up } from "../../sandbox/sandbox.ts";
import { devConfig, kubectl, SandboxStack } from "./sandboxCluster.ts";

/** What `make up` has by default. */
const hosts = ["agent-1", "db-1", "lb-1", "server-1", "server-2"];

/**
 * The dev stack, whose cluster is up. A file that uses it leaves its hosts running and its cluster whole: the next one in the same sandbox
 * goes on with both, whatever settings they have by then. Any other state is taken down, and another cluster is made.
 *
 * @param releases releases of K3s that the hosts have to have; more than the sandbox's own need hosts of their own.
 */
export async function devCluster(releases: readonly K3sVersion[] = []): Promise<SandboxStack> {
  if (releases.length <= 1 && (await areRunning())) {
    const stack = await SandboxStack.open("dev", await devConfig());
    const { exitCode } = await stack.up();
    if (exitCode === 0 && (await isWhole(stack))) return stack;
    console.log("The previous cluster is not whole; another one is made.");
  }
  await down();
  await up(releases.length === 0 ? {} : { releases });
  const stack = await SandboxStack.open("dev", await devConfig());
  await stack.mustUp();
  return stack;
}

/** Whether the sandbox has exactly the hosts, all on. */
async function areRunning(): Promise<boolean> {
  const found = await status();
  const running = found.filter(({ state }) => state === "running").map(({ host }) => host.name);
  return found.length === hosts.length && running.toSorted().join() === hosts.join();
}

/** Whether its nodes are those of the hosts, all Ready. */
async function isWhole(stack: SandboxStack): Promise<boolean> {
  const path = '{range .items[*]}{.metadata.name}={.status.conditions[?(@.type=="Ready")].status} {end}';
  const nodes = await kubectl(await stack.kubeconfig(), ["get", "nodes", "--output", `jsonpath=${path}`]);
  return nodes === "agent-1=True server-1=True server-2=True";
}
