/** A Pulumi project of its own in a temporary directory, run with the real CLI on a file backend beside it. */
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { execa, type ResultPromise } from "execa";
import { stringify } from "yaml";
import { prepareToolchain } from "../../toolchain/toolchain.ts";
import { inTemporaryDirectory } from "../support/temporaryDirectory.ts";

const modules = join(import.meta.dirname, "..", "..", "node_modules");

/** How long one `pulumi` command may take on a busy machine before the test fails. */
const commandMilliseconds = 600_000;

/** What a `pulumi` command left behind. */
export interface Finished {
  readonly exitCode: number | undefined;
  /** stdout and stderr together, as a person sees them, without colours. */
  readonly output: string;
}

/** One project. Its stack is `dev` unless a test says otherwise. */
export class TemporaryProject {
  readonly directory: string;
  readonly #environment: Readonly<Record<string, string>>;

  constructor(directory: string, environment: Readonly<Record<string, string>>) {
    this.directory = directory;
    this.#environment = environment;
  }

  /** Writes files, by path relative to the project. A folder with a package.json of its own gets the packages too. */
  async write(files: Readonly<Record<string, string>>): Promise<void> {
    for (const [path, text] of Object.entries(files)) {
      const file = join(this.directory, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
      if (path.endsWith("package.json")) await symlink(modules, join(dirname(file), "node_modules"));
    }
  }

  /** Runs `pulumi` to its end; the caller checks for a failure. */
  async pulumi(...args: string[]): Promise<Finished> {
    const result = await this.start(...args);
    return { exitCode: result.exitCode, output: result.all };
  }

  /** As `pulumi`, for commands that the test takes for granted: throws with their output if they fail. */
  async succeed(...args: string[]): Promise<string> {
    const { exitCode, output } = await this.pulumi(...args);
    if (exitCode !== 0) throw new Error(`pulumi ${args.join(" ")} exited with ${String(exitCode)}:\n${output}`);
    return output;
  }

  /** Starts `pulumi` and returns the running process. */
  start(...args: string[]): ResultPromise<{ all: true; reject: false; stdin: "ignore" }> {
    return execa("pulumi", ["--non-interactive", "--color=never", ...args], {
      cwd: this.directory,
      env: this.#environment,
      stdin: "ignore",
      all: true,
      reject: false,
      timeout: commandMilliseconds,
    });
  }

  /** The stack's outputs, secrets in clear. */
  async outputs(stack = "dev"): Promise<Record<string, unknown>> {
    const text = await this.succeed("stack", "output", "--json", "--show-secrets", "--stack", stack);
    return JSON.parse(text) as Record<string, unknown>;
  }
}

/** Options of `inTemporaryProject`. */
export interface ProjectOptions {
  /** The program, index.ts. */
  readonly program: string;
  /** Added to Pulumi.yaml. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Added to the CLI's environment. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Runs `use` with a project named `project` that has a stack `dev`; nothing of it is left afterwards. */
export async function inTemporaryProject(
  options: ProjectOptions,
  use: (project: TemporaryProject) => Promise<void>,
): Promise<void> {
  const { environment } = await prepareToolchain();
  await inTemporaryDirectory(async (directory) => {
    const backend = join(directory, ".state");
    await mkdir(backend);
    const project = new TemporaryProject(directory, {
      ...environment,
      PULUMI_BACKEND_URL: `file://${backend}`,
      PULUMI_CONFIG_PASSPHRASE: "test",
      ...options.environment,
    });
    const runtime = { name: "nodejs", options: { typescript: false } };
    await project.write({
      "Pulumi.yaml": stringify({ name: "project", runtime, main: "index.ts", ...options.settings }),
      "package.json": JSON.stringify({ type: "module", main: "index.ts" }),
      "index.ts": options.program,
    });
    await project.succeed("stack", "init", "dev");
    await use(project);
  });
}
