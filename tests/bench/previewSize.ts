/**
 * How long a preview takes, and how much memory, by the number of agents: Pulumi.prod.yaml with 10, 100 and 1,000
 * workers instead of its own, and no host there. `node tests/bench/previewSize.ts 10 100` takes other sizes. Prints the least of
 * some rounds, since other work on the machine only ever adds.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { inTemporaryDirectory } from "../support/temporaryDirectory.ts";
import { PreviewStack, type StackFile, stackFile } from "../support/previewStack.ts";
import { type Usage, watchUsage } from "./processUsage.ts";

const rounds = Number(process.env["ROUNDS"] ?? 3);
const sizes = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [10, 100, 1000];

interface Figures {
  /** From the command to its end, in seconds. */
  wall: number;
  /** Processor time of the program's own process, in seconds. */
  programUser: number;
  /** Processor time of the CLI, the program and the plugins, in seconds. */
  user: number;
  /** Most memory of the program's process, in MiB. */
  programMebibytes: number;
  /** Most memory of the CLI's process, in MiB. */
  cliMebibytes: number;
}

/**
 * The production example with this many workers, whose keys stand in a file of known hosts: Pulumi hands a configuration to
 * a program in its environment, which Linux limits to 128 KiB.
 */
async function withWorkers(count: number, directory: string): Promise<StackFile> {
  const config = await stackFile("prod");
  const pools = config["k3s-ha:agentPools"] as Record<string, { hosts: Record<string, { hostKey?: string }> }>;
  const [like] = Object.values(pools["workers"]?.hosts ?? {});
  const hosts = Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      `worker-${index + 1}`,
      { address: `198.18.${8 + Math.floor(index / 250)}.${1 + (index % 250)}` },
    ]),
  );
  const lines = Object.values(hosts).map(({ address }) => `${address} ${like?.hostKey ?? ""}\n`);
  const knownHostsFile = join(directory, "known_hosts");
  await writeFile(knownHostsFile, lines.join(""));
  const ssh = { ...(config["k3s-ha:ssh"] as object), knownHostsFile };
  return { ...config, "k3s-ha:ssh": ssh, "k3s-ha:agentPools": { ...pools, workers: { hosts } } };
}

async function previewOnce(stack: PreviewStack): Promise<Figures> {
  const start = performance.now();
  const command = execa(stack.cli, ["preview", "--non-interactive", ...stack.arguments], {
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
  };
}

function least(figures: readonly Figures[], of: keyof Figures): string {
  return Math.min(...figures.map((each) => each[of])).toFixed(of.endsWith("Mebibytes") ? 0 : 1);
}

for (const size of sizes) {
  await inTemporaryDirectory(async (directory) =>
    PreviewStack.use(await withWorkers(size, directory), async (stack) => {
      const figures: Figures[] = [];
      for (let round = 0; round < rounds; round++) figures.push(await previewOnce(stack));
      console.log(
        `${size} agents: ${least(figures, "wall")} s; processor time ${least(figures, "user")} s, ${least(figures, "programUser")} s of it the program; memory of the program ${least(figures, "programMebibytes")} MiB, of the CLI ${least(figures, "cliMebibytes")} MiB`,
      );
    }),
  );
}
