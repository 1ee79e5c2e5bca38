/** Runs the Go toolchain: fetches the source of a module, builds programs from it, and says how far a build is. */
import { execa } from "execa";
import type { Step } from "./progress.ts";

/** Keeps the person's own settings of Go out of a build. */
const environment = { GOFLAGS: "-mod=readonly", GOWORK: "off" };

/** How many of the last lines of a failed build are shown. */
const shownOnFailure = 30;

/** The toolchain on this machine, as far as it shows in what it builds. */
export interface Toolchain {
  /** e.g. `go1.26.0`. */
  readonly version: string;
  /** e.g. `amd64`. */
  readonly architecture: string;
}

/** One program to build. */
export interface Program {
  /** Package path, absolute or relative to the module. */
  readonly package: string;
  readonly tags?: readonly string[];
  /** Values for string variables: variable → value. */
  readonly variables?: Readonly<Record<string, string>>;
  /** True when it contains C. It is then linked statically, so that it runs with the C library of any host. */
  readonly c?: boolean;
}

/** Asks Go for its version. Without Go on this machine, says what is missing. */
export async function toolchain(): Promise<Toolchain> {
  const { stdout } = await go(["env", "GOVERSION", "GOARCH"], ".");
  const [version = "", architecture = ""] = stdout.split("\n");
  return { version, architecture };
}

/**
 * Fetches a module and returns the directory of its (read-only) source, after checking that the source is what `sum`
 * says. The public checksum database is not asked: `sum` is stricter, and the database does not know every fork.
 */
export async function moduleSource(path: string, version: string, sum: string): Promise<string> {
  const { stdout } = await go(["mod", "download", "-json", `${path}@${version}`], "/", { GONOSUMDB: path });
  const found = JSON.parse(stdout) as { Dir: string; Sum: string };
  if (found.Sum !== sum) throw new Error(`${path}@${version} has the hash ${found.Sum}, not ${sum} as expected`);
  return found.Dir;
}

/** The command line that builds `program`. It is also what a cache key needs to know of a build. */
export function buildArguments(program: Program): string[] {
  const variables = Object.entries(program.variables ?? {}).map(([name, value]) => `-X ${name}=${value}`);
  const linking = ["-s", "-w", ...variables, ...(program.c ? ["-extldflags=-static"] : [])];
  // -trimpath: the result must not depend on the directory it was built in.
  const fixed = ["build", "-v", "-trimpath", "-buildvcs=false"];
  return [...fixed, `-tags=${(program.tags ?? []).join(",")}`, `-ldflags=${linking.join(" ")}`, program.package];
}

/** Builds `program` in the module at `directory` and writes it to `output`. */
export async function buildProgram(directory: string, program: Program, output: string, step: Step): Promise<void> {
  const [verb = "", ...rest] = buildArguments(program);
  const build = execa("go", [verb, "-o", output, ...rest], {
    cwd: directory,
    env: { ...environment, CGO_ENABLED: program.c ? "1" : "0" },
    stdin: "ignore",
    stdout: "ignore",
    buffer: false,
    reject: false,
  });
  const last: string[] = [];
  let packages = 0;
  for await (const line of build.iterable({ from: "stderr" })) {
    last.push(line);
    if (last.length > shownOnFailure) last.shift();
    if (!line.startsWith("go: ")) packages += 1;
    step.detail(`${packages} packages, ${line}`);
  }
  const result = await build;
  if (result.failed) throw new Error(`go could not build ${program.package}:\n${last.join("\n")}`, { cause: result });
}

async function go(args: string[], cwd: string, more: Record<string, string> = {}): Promise<{ stdout: string }> {
  try {
    return await execa("go", args, { cwd, env: { ...environment, ...more }, stdin: "ignore" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new Error("The sandbox builds K3s from source and needs Go: install Go 1.26 or newer and put it on PATH.", {
      cause: error,
    });
  }
}
