/** Builds programs with Go, and says before how long that takes and meanwhile how far it is. */
import { availableParallelism, totalmem } from "node:os";
import { execa } from "execa";
import { buildArguments, goEnvironment, type Program } from "./golang.ts";
import { say, type Step } from "./progress.ts";
import { Turns } from "./turns.ts";

/** How many of the last lines of a failed build are shown. */
const shownOnFailure = 30;

/** Processor seconds that a package takes on average: K3s 0.33, the Pulumi CLI 0.28 (docs/measurements.md). */
const secondsPerPackage = 0.3;

/** Builds with fewer packages are done before anybody has read how long they take. */
const longFrom = 200;

const longBuilds = new Turns();

/**
 * Builds `program` in the module at `directory` and writes it to `output`. Of long builds in one process one compiles at
 * a time: each has all processors, and does not compile what another has.
 */
export async function buildProgram(directory: string, program: Program, output: string, step: Step): Promise<void> {
  step.detail("listing the packages to compile");
  const total = await packagesToCompile(directory, program);
  if (total < longFrom) return runBuild({ directory, program, output, step, total });
  step.detail("waiting for another build");
  const endTurn = await longBuilds.take();
  try {
    const left = await packagesToCompile(directory, program);
    say(`  ${announcement(left, availableParallelism())}`);
    await runBuild({ directory, program, output, step, total: left, onCompiled: endTurn });
  } finally {
    endTurn();
  }
}

interface Build {
  readonly directory: string;
  readonly program: Program;
  readonly output: string;
  readonly step: Step;
  /** How many packages it compiles. */
  readonly total: number;
  /** Called when only linking is left, which keeps a single processor busy. */
  readonly onCompiled?: () => void;
}

async function runBuild({ directory, program, output, step, total, onCompiled }: Build): Promise<void> {
  const [verb = "", ...rest] = buildArguments(program);
  const go = execa("go", [verb, "-o", output, ...rest], {
    cwd: directory,
    env: { ...environmentOf(program), ...compilerMemory(totalmem(), availableParallelism()) },
    stdin: "ignore",
    stdout: "ignore",
    buffer: false,
    reject: false,
  });
  const last: string[] = [];
  let compiled = 0;
  for await (const line of go.iterable({ from: "stderr" })) {
    last.push(line);
    if (last.length > shownOnFailure) last.shift();
    // Besides packages, one a line, Go prints what it downloads and what compilers have to say.
    if (/^\S+$/.test(line)) compiled += 1;
    if (compiled >= total) onCompiled?.();
    step.detail(`${share(compiled, total)}, ${line}`);
  }
  const result = await go;
  if (result.failed) throw new Error(`go could not build ${program.package}:\n${last.join("\n")}`, { cause: result });
}

/**
 * Fetches what a build needs of other modules, so that it has to wait for nothing. That something is missing, or cannot
 * be fetched, is for the build to say.
 */
export async function fetchModules(directory: string, program: Program): Promise<void> {
  const [, ...rest] = buildArguments(program);
  await execa("go", ["list", "-e", "-deps", "-f", "", ...rest], {
    cwd: directory,
    env: environmentOf(program),
    stdio: "ignore",
    reject: false,
  });
}

/**
 * Lets compilers collect garbage only when they need their share of half the machine's memory: they end after a second
 * or two, and what they would free by then is free anyway. It makes no difference to what they write.
 */
export function compilerMemory(bytes: number, processors: number): Record<string, string> {
  return { GOGC: "off", GOMEMLIMIT: `${Math.floor(bytes / 2 / processors / 1024 ** 2)}MiB` };
}

/** How many packages a build compiles; those that are in Go's own cache are not among them. 0 if Go cannot tell. */
export async function packagesToCompile(directory: string, program: Program): Promise<number> {
  const [, ...rest] = buildArguments(program);
  const { stdout } = await execa("go", ["list", "-deps", "-f", "{{.StaleReason}}", ...rest], {
    cwd: directory,
    env: environmentOf(program),
    stdin: "ignore",
    // What is wrong with the module is for the build to say.
    reject: false,
  });
  return stdout.split("\n").filter((reason) => /^(build ID mismatch|stale dependency)/.test(reason)).length;
}

/** What is said before a long build. */
export function announcement(packages: number, processors: number): string {
  const minutes = Math.ceil((packages * secondsPerPackage) / processors / 60);
  return `${packages} packages to compile: about ${minutes} min on ${processors} idle processors; finished packages are kept`;
}

/** How far a build is. */
export function share(compiled: number, total: number): string {
  if (total === 0) return `${compiled} packages`;
  // Go counts what it links, too.
  const done = Math.min(compiled, total);
  return `${done} of ${total} packages, ${Math.floor((done / total) * 100)} %`;
}

function environmentOf(program: Program): Record<string, string> {
  return { ...goEnvironment, CGO_ENABLED: program.c ? "1" : "0" };
}
