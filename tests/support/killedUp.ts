/** An `up` that is killed in the middle. */
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import type { SandboxStack } from "./sandboxCluster.ts";

/** Starts an `up` and kills its CLI some time after a line of its output; false when it ended before. */
export async function killedWhen(
  { workspace }: SandboxStack,
  line: RegExp,
  afterMilliseconds: number,
): Promise<boolean> {
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
