/**
 * `make drill`: makes a cluster in the sandbox, holds the drill on it, shows what every event cost, and writes it all to
 * a page and a file of results. Exit code 1 when a limit was not kept, a write was
 * lost, or anything failed outside of the events.
 */
import { randomInt } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Command, Option } from "commander";
import { say, step } from "../../build/progress.ts";
import { DrillCluster } from "./cluster.ts";
import { enoughWrites, holdDrill } from "./drill.ts";
import { drillEvents } from "./events.ts";
import { renderPage } from "./page.ts";
import { renderMarkdown, renderTable } from "./report.ts";
import { isWithinLimit } from "./results.ts";
import { type ShapeName, shapes } from "./shape.ts";

interface Options {
  hosts: ShapeName;
  seed: string;
  events?: string[];
  output: string;
  keep?: true;
  markdown?: string;
}

const program = new Command("drill")
  .description(
    "Breaks a cluster in the sandbox in every way that its API has to survive, and measures what clients see.",
  )
  .addOption(
    new Option("--hosts <number>", "a role on each of six hosts, or all roles on three")
      .choices(Object.keys(shapes))
      .default("six"),
  )
  .option("--seed <number>", "repeats the order of the events", String(randomInt(2 ** 31)))
  .option("--events <names...>", `only these: ${drillEvents.map(({ name }) => name).join(", ")}`)
  .option("--output <directory>", "where the page and the results go", "drill-results")
  .option("--markdown <file>", "write the table there as well, as it stands in docs/measurements.md")
  .option("--keep", "leave the cluster when the drill is over")
  .action(run);

async function run({ hosts, seed, events, output, keep, markdown }: Options): Promise<void> {
  const cluster = await step("Make a cluster", () => DrillCluster.create(shapes[hosts]));
  const results = await holdDrill(cluster, { seed: Number(seed), ...(events === undefined ? {} : { only: events }) });
  if (keep !== true) await step("Take the cluster away", () => cluster.remove());
  const directory = resolve(output);
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "results.json"), `${JSON.stringify(results)}\n`);
  console.log(renderTable(results));
  await writeFile(join(directory, "drill.html"), renderPage(results));
  if (markdown !== undefined) await writeFile(resolve(markdown), renderMarkdown(results));
  say(`Timelines: ${join(directory, "drill.html")}`);
  const isFine =
    results.events.every((event) => isWithinLimit(event, "k3s-ha")) &&
    results.writes.lost.length === 0 &&
    results.writes.acknowledged >= (events === undefined ? enoughWrites : 0) &&
    results.failedBetween["k3s-ha"] === 0;
  process.exitCode = isFine ? 0 : 1;
}

await program.parseAsync();
