/** A preview of a large stack with the real CLI, and what it takes: `Pulumi.prod.yaml` with many workers, and no host there. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { type PreviewStack, type StackFile, stackFile } from "../support/previewStack.ts";
import { type Usage, watchUsage } from "./processUsage.ts";

/** What one preview took. */
export interface PreviewFigures {
  /** From the command to its end, in seconds. */
  readonly wall: number;
  /** Processor time of the program's own process, in seconds. */
  readonly programUser: number;
  /** Processor time of the CLI, the program and the plugins, in seconds. */
  readonly user: number;
  /** Most memory of the program's process, in MiB. */
  readonly programMebibytes: number;
  /** Most memory of the CLI's process, in MiB. */
  readonly cliMebibytes: number;
  /** Resources that it says would be created. */
  readonly resources: number;
}

/** A network for the pods of 4,096 nodes; K3s's own has room for 256. */
export const roomyNetwork = { "cluster-cidr": "10.64.0.0/12" };

/**
 * The production example with this many workers, in a file of their own: Pulumi hands a configuration to a program in its
 * environment, which Linux limits to 128 KiB.
 */
export async function withWorkers(count: number, directory: string): Promise<StackFile> {
  const config = await stackFile("prod");
  const pools = config["k3s-ha:agentPools"] as Record<string, { hosts: Record<string, { hostKey?: string }> }>;
  const [like] = Object.values(pools["workers"]?.hosts ?? {});
  const hosts = Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      `worker-${index + 1}`,
      { address: `198.18.${8 + Math.floor(index / 250)}.${1 + (index % 250)}`, hostKey: like?.hostKey },
    ]),
  );
  const file = join(directory, "workers.json");
  await writeFile(file, JSON.stringify(hosts));
  const k3s = config["k3s-ha:k3s"] as { serverConfig?: object };
  return {
    ...config,
    "k3s-ha:agentPools": { ...pools, workers: { hosts: { file } } },
    "k3s-ha:k3s": { ...k3s, serverConfig: { ...k3s.serverConfig, ...roomyNetwork } },
  };
}

/** Previews a stack once. Fails as the preview does. */
export async function measurePreview(stack: PreviewStack): Promise<PreviewFigures> {
  const start = performance.now();
  const command = execa(stack.cli, ["preview", "--non-interactive", "--color=never", ...stack.arguments], {
    env: stack.environment,
    stdin: "ignore",
    maxBuffer: 1e9,
  });
  const finished = command.then(() => (performance.now() - start) / 1000);
  const usages = await watchUsage(command.pid ?? 0, finished);
  const isProgram = ({ command: line }: Usage) => line.includes("@pulumi/pulumi/cmd/run");
  const isCli = ({ command: line }: Usage) => line.startsWith(stack.cli);
  const sum = (of: (usage: Usage) => number, which = usages) => which.reduce((total, usage) => total + of(usage), 0);
  return {
    wall: await finished,
    programUser: sum(({ userSeconds }) => userSeconds, usages.filter(isProgram)),
    user: sum(({ userSeconds }) => userSeconds),
    programMebibytes: sum(({ peakMebibytes }) => peakMebibytes, usages.filter(isProgram)),
    cliMebibytes: sum(({ peakMebibytes }) => peakMebibytes, usages.filter(isCli)),
    resources: Number(/\+ (\d+) to create/.exec((await command).stdout)?.[1] ?? 0),
  };
}
