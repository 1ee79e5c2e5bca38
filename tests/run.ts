/**
 * Runs all the tests, cheapest first, and sums them up; what failed, and why, stands at the end in a few lines. A stage
 * that fails does not stop the later ones: one run shows everything that is wrong.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { performance } from "node:perf_hooks";
import { execa } from "execa";
import { imageOf, packageRepository } from "../sandbox/image.ts";
import { buildK3s } from "../sandbox/k3s/build.ts";
import { buildObjectStore } from "../sandbox/objectStore.ts";
import { installMachinePackages } from "../sandbox/machinePackages.ts";
import { buildInformer } from "./support/informer.ts";
import { longVariable } from "./support/long.ts";
import { prepareToolchain } from "../toolchain/toolchain.ts";
import { drillEvents } from "./drill/events.ts";
import { renderLeft, renderTimes, root, type Ended } from "./runner/ended.ts";
import { selectTests, type Selected, type Selection } from "./runner/selection.ts";
import { rowsOf } from "./runner/stages.ts";

/** The sandbox that tests work in, and the numbers after it: that of `make up` stays as it is. */
const firstSandbox = Number(process.env["K3S_HA_SANDBOX"]) || 1;

interface Tally {
  passed: number;
  failed: number;
  /** What failed: where, what, and the first lines of why. */
  failures: readonly string[];
  ended: readonly Ended[];
}

/** What a run leaves to a longer command. */
const leftToDrill = `Left to make drill: ${drillEvents
  .flatMap(({ title, alsoIn }) => (alsoIn === undefined ? [] : [`${title} (as in ${basename(alsoIn)})`]))
  .join(", ")}; a thousand writes.`;

const nothing: Tally = { passed: 0, failed: 0, failures: [], ended: [] };

let selection: Selection;
try {
  selection = await selectTests(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(2);
}
const { stages: selected, long, left } = selection;
if (selected.length === 0) {
  console.log("No test depends on what differs from main.");
  process.exit();
}
const sandboxes = Math.max(1, ...selected.map(({ stage, files }) => Math.min(stage.sandboxes ?? 1, files.length)));
const highestSandbox = 9;
if (firstSandbox - 1 + sandboxes > highestSandbox) {
  console.error(
    `K3S_HA_SANDBOX is "${firstSandbox}", and these tests work in ${sandboxes} sandboxes, that one and those after it: set it to a number from 1 to ${highestSandbox + 1 - sandboxes}, or not at all.`,
  );
  process.exit(2);
}
const needs = new Set(selected.flatMap(({ stage }) => stage.needs ?? []));
if (needs.has("packages")) await installMachinePackages();
if (needs.has("toolchain")) await prepareToolchain();
if (needs.has("hosts")) {
  await buildK3s("v1.35.0+k3s1");
  // Only upgrades need it, and they take long.
  if (long) await buildK3s("v1.35.0+k3s3");
  for (const flavour of ["default", "mysql"] as const) await imageOf(flavour);
  await packageRepository();
  await buildInformer();
}
if (needs.has("objectStore")) await buildObjectStore();
/** What files of tests leave for this run: their times, and compiled modules, which all of them share. */
const scratch = await mkdtemp(join(tmpdir(), "k3s-ha-tests-"));
let runs = 0;
let total = nothing;
const lines: string[] = [];
for (const { stage, files } of selected) {
  const start = performance.now();
  console.log(`\n=== ${stage.name} ===`);
  const tally = stage.commands === undefined ? await runTests({ stage, files }) : await runCommands(stage.commands);
  total = sum(total, tally);
  lines.push(
    `${stage.name.padEnd(10)} ${String(tally.passed).padStart(5)} passed ${String(tally.failed).padStart(4)} failed  ${((performance.now() - start) / 1000).toFixed(0).padStart(5)} s`,
  );
}
await rm(scratch, { recursive: true });
console.log(renderTimes(total.ended));
if (selected.some(({ files }) => files.includes("tests/sandbox/drill.test.ts"))) console.log(`\n${leftToDrill}`);
const leftOver = renderLeft(left, total.ended);
if (leftOver !== "") console.log(`\n${leftOver}`);
// Last, for readers who keep only the end of a run's output.
for (const failure of total.failures) console.log(`\n${failure}`);
console.log(`\n${lines.join("\n")}`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;

/** Runs commands at the same time, and shows what each printed when it has ended. */
async function runCommands(commands: readonly (readonly string[])[]): Promise<Tally> {
  const tallies = commands.map(async ([program = "", ...args]): Promise<Tally> => {
    const { failed, all } = await execa(program, args, {
      ...{ cwd: root, stdin: "ignore", all: true, preferLocal: true, reject: false },
    });
    console.log(`${all === "" ? "" : `${all}\n`}${failed ? "✖" : "✔"} ${program}`);
    return {
      ...nothing,
      passed: failed ? 0 : 1,
      failed: failed ? 1 : 0,
      failures: failed ? [`✖ ${[program, ...args].join(" ")}`] : [],
    };
  });
  return (await Promise.all(tallies)).reduce(sum, nothing);
}

function sum(one: Tally, other: Tally): Tally {
  return {
    passed: one.passed + other.passed,
    failed: one.failed + other.failed,
    failures: [...one.failures, ...other.failures],
    ended: [...one.ended, ...other.ended],
  };
}

/** Runs test files under node's own runner, and counts what it counts. */
async function runTests({ stage, files }: Selected): Promise<Tally> {
  if (files.length === 0)
    return { ...nothing, failed: 1, failures: [`✖ ${stage.name}: no file is ${stage.tests ?? ""}`] };
  if (stage.sharesProcesses === true) return runTogether(files);
  if (stage.sandboxes === undefined) return runFiles(files, stage.concurrency ?? availableParallelism() + 1, "inherit");
  // Each takes the next row when it is done with one, so a long one holds up only itself.
  const waiting = rowsOf(files, long);
  let tally = nothing;
  await Promise.all(
    Array.from({ length: Math.min(stage.sandboxes, waiting.length) }, async (_, index) => {
      const sandbox = firstSandbox + index;
      for (let row = waiting.shift(); row !== undefined; row = waiting.shift()) {
        // What a run before left, or the row before: only files of one row share a cluster.
        await takeDown(sandbox);
        for (const file of row) {
          console.log(`▸ ${file}`);
          const one = await runFiles([file], 1, "together", sandbox);
          tally = sum(tally, one);
        }
      }
      await takeDown(sandbox);
    }),
  );
  return tally;
}

/** Runs files in as many processes as there are processors. */
async function runTogether(files: readonly string[]): Promise<Tally> {
  const count = Math.min(availableParallelism(), files.length);
  const groups = Array.from({ length: count }, (_, index) => files.filter((_file, place) => place % count === index));
  const tallies = await Promise.all(groups.map((group) => runFiles(group, "shared", "together")));
  return tallies.reduce(sum, nothing);
}

/** Takes the hosts of a sandbox down, if it has any. */
async function takeDown(sandbox: number): Promise<void> {
  const command = ["--disable-warning=ExperimentalWarning", join(root, "sandbox/cli.ts"), "down"];
  await execa(process.execPath, command, { cwd: root, stdin: "ignore", env: { K3S_HA_SANDBOX: String(sandbox) } });
}

/**
 * Runs files in processes of their own, `concurrency` at a time, or in one that they share. Shows what they print as it comes, or all of
 * it `together` when several print at the same time.
 */
async function runFiles(
  files: readonly string[],
  concurrency: number | "shared",
  output: "inherit" | "together",
  sandbox = firstSandbox,
): Promise<Tally> {
  const times = join(scratch, `times-${++runs}`);
  const { stdout, all, exitCode } = await execa(
    process.execPath,
    [
      "--disable-warning=ExperimentalWarning",
      "--test",
      ...["--test-reporter=spec", "--test-reporter-destination=stdout"],
      `--test-reporter=${join(root, "tests/runner/timesReporter.ts")}`,
      `--test-reporter-destination=${times}`,
      concurrency === "shared" ? "--test-isolation=none" : `--test-concurrency=${concurrency}`,
      ...files,
    ],
    {
      cwd: root,
      stdin: "ignore",
      stdout: output === "inherit" ? ["inherit", "pipe"] : "pipe",
      stderr: output === "inherit" ? ["inherit", "pipe"] : "pipe",
      all: true,
      reject: false,
      env: {
        FORCE_COLOR: "0",
        K3S_HA_SANDBOX: String(sandbox),
        NODE_COMPILE_CACHE: join(scratch, "compiled"),
        [longVariable]: long ? "yes" : "no",
      },
    },
  );
  if (output === "together") console.log(`--- ${files.join(" ")} ---\n${all}`);
  const count = (word: string) => Number(new RegExp(`^ℹ ${word} (\\d+)$`, "m").exec(stdout)?.[1] ?? 0);
  const failures = failuresIn(stdout);
  // A file that could not even start is a failure too.
  const failed = count("fail") + count("cancelled") || (exitCode === 0 ? 0 : 1);
  const ended = (await readFile(times, "utf8")).split("\n").filter((line) => line !== "");
  return {
    passed: count("pass"),
    failed,
    failures: failed > 0 && failures.length === 0 ? [`✖ ${files.join(" ")} (exit code ${exitCode})`] : failures,
    ended: ended.map((line) => JSON.parse(line) as Ended),
  };
}

/** What node's reporter says failed, each in at most ten lines: where, which test, and what it or Pulumi says of why. */
function failuresIn(printed: string): string[] {
  const [, list = ""] = printed.split(/^✖ failing tests:$/m);
  return list
    .split(/^test at /m)
    .slice(1)
    .map((failure) => {
      const [where = "", which = "", ...lines] = failure.split("\n");
      const why = lines.filter((line) => line.trim() !== "" && !/^\s+at |running "/.test(line));
      const diagnostics = why.findIndex((line) => line.includes("Diagnostics:"));
      const told =
        diagnostics < 0 ? why.slice(0, 9) : [...why.slice(0, 1), ...why.slice(diagnostics + 1, diagnostics + 9)];
      return [`${which} at ${where}`, ...told.map((line) => line.trimEnd().slice(0, 400))].join("\n");
    });
}
