/**
 * How long a preview takes, and how much memory, by the number of agents: Pulumi.prod.yaml with 10, 100, 1,000 and
 * 3,000 workers instead of its own, and no host there. `make bench ARGS='preview 10 100'` takes other sizes. Prints the least of
 * some rounds, since other work on the machine only ever adds, and fails when 100 agents take 20 s or 500 MB, or when time
 * grows faster than the number of agents.
 */
import { loadavg } from "node:os";
import { PreviewStack } from "../support/previewStack.ts";
import { inTemporaryDirectory } from "../support/temporaryDirectory.ts";
import { measurePreview, type PreviewFigures, withWorkers } from "./previewMeasurement.ts";

const rounds = Number(process.env["ROUNDS"] ?? 3);
const sizes = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [10, 100, 1000, 3000];

/** The least that each of the figures was in any round. */
function least(figures: readonly PreviewFigures[]): PreviewFigures {
  const of = (key: keyof PreviewFigures) => Math.min(...figures.map((each) => each[key]));
  return {
    wall: of("wall"),
    programUser: of("programUser"),
    user: of("user"),
    programMebibytes: of("programMebibytes"),
    cliMebibytes: of("cliMebibytes"),
    resources: of("resources"),
  };
}

console.log(`load when it started: ${loadavg()[0]?.toFixed(2) ?? "?"}`);
const measured: { size: number; figures: PreviewFigures }[] = [];
for (const size of sizes) {
  await inTemporaryDirectory(async (directory) =>
    PreviewStack.use(await withWorkers(size, directory), async (stack) => {
      const all: PreviewFigures[] = [];
      for (let round = 0; round < rounds; round++) all.push(await measurePreview(stack));
      const figures = least(all);
      measured.push({ size, figures });
      console.log(
        `${size} agents, ${figures.resources} resources: ${figures.wall.toFixed(1)} s; processor time ${figures.user.toFixed(1)} s, ${figures.programUser.toFixed(1)} s of it the program; memory of the program ${figures.programMebibytes.toFixed(0)} MiB, of the CLI ${figures.cliMebibytes.toFixed(0)} MiB`,
      );
    }),
  );
}

const faults: string[] = [];
for (const { size, figures } of measured.filter((each) => each.size <= 100)) {
  if (figures.wall >= 20) faults.push(`${size} agents took ${figures.wall.toFixed(1)} s, and may take 20 s`);
  if (figures.programMebibytes * 1.048576 >= 500) {
    faults.push(`${size} agents took ${figures.programMebibytes.toFixed(0)} MiB, and may take 500 MB`);
  }
}
for (const [index, { size, figures }] of measured.entries()) {
  const before = measured[index - 1];
  if (before === undefined || figures.user / before.figures.user <= size / before.size) continue;
  faults.push(`time grows faster than the number of agents from ${before.size} to ${size}`);
}
for (const fault of faults) console.error(fault);
process.exitCode = faults.length === 0 ? 0 : 1;
