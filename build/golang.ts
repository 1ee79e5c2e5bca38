/** The Go toolchain of this machine: its version, the source of modules, and the command line of a build. */
import { execa } from "execa";

/** Keeps the person's own settings of Go out of a build. */
export const goEnvironment = { GOFLAGS: "-mod=readonly", GOWORK: "off" };

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

async function go(args: string[], cwd: string, more: Record<string, string> = {}): Promise<{ stdout: string }> {
  try {
    return await execa("go", args, { cwd, env: { ...goEnvironment, ...more }, stdin: "ignore" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new Error("The sandbox builds K3s from source and needs Go: install Go 1.26 or newer and put it on PATH.", {
      cause: error,
    });
  }
}
