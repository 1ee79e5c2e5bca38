/**
 * A stack of this project with a state of its own in a temporary directory, run with the real CLI: for previews, which
 * reach no host. The checkout and its stacks stay as they are.
 */
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa, type Options } from "execa";
import { parse, stringify } from "yaml";
import { prepareToolchain } from "../../toolchain/toolchain.ts";
import { projectDirectory } from "../../operations/workspace.ts";
import { inTemporaryDirectory } from "./temporaryDirectory.ts";

/** The configuration of a stack, with the keys as in its file: `k3s-ha:servers`. */
export type StackFile = Record<string, unknown>;

/** The configuration that comes with the program for a stack. */
export async function stackFile(stack: "dev" | "prod"): Promise<StackFile> {
  const text = await readFile(join(projectDirectory, `Pulumi.${stack}.yaml`), "utf8");
  return (parse(text) as { config: StackFile }).config;
}

/** What a `pulumi` command left behind. */
export interface Finished {
  readonly exitCode: number | undefined;
  /** stdout and stderr together, as a person sees them, without colours. */
  readonly output: string;
}

/** A stack of this project; its configuration can change between two commands. */
export class PreviewStack {
  /** Path of the CLI. */
  readonly cli: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Arguments that tell every command which stack it is about. */
  readonly arguments: readonly string[];
  readonly #configFile: string;

  private constructor(cli: string, environment: Readonly<Record<string, string>>, configFile: string) {
    this.cli = cli;
    this.environment = environment;
    this.#configFile = configFile;
    this.arguments = ["--cwd", projectDirectory, "--stack", "preview", "--config-file", configFile];
  }

  /** Runs `use` with a new stack; nothing of it is left afterwards. */
  static async use(config: StackFile, use: (stack: PreviewStack) => Promise<void>): Promise<void> {
    const toolchain = await prepareToolchain();
    await inTemporaryDirectory(async (directory) => {
      const [state, project] = [join(directory, "state"), join(directory, "project")];
      await mkdir(state);
      await mkdir(project);
      await copyFile(join(projectDirectory, "Pulumi.yaml"), join(project, "Pulumi.yaml"));
      const configFile = join(project, "Pulumi.preview.yaml");
      const stack = new PreviewStack(
        toolchain.pulumi,
        {
          ...toolchain.environment,
          PULUMI_BACKEND_URL: `file://${state}`,
          PULUMI_CONFIG_PASSPHRASE: "test",
          // Pulumi.prod.yaml logs in with the agent's keys. A preview asks no agent for any.
          SSH_AUTH_SOCK: join(directory, "no-agent"),
        },
        configFile,
      );
      await stack.configure(config);
      await execa(stack.cli, ["stack", "init", "preview", "--non-interactive", "--cwd", project], {
        env: stack.environment,
        stdin: "ignore",
      });
      await use(stack);
    });
  }

  /** Gives the stack another configuration. Its secrets stay if they are set again. */
  async configure(config: StackFile): Promise<void> {
    const before = await readFile(this.#configFile, "utf8").catch(() => "");
    const salt = /^encryptionsalt: .*$/m.exec(before)?.[0] ?? "";
    await writeFile(this.#configFile, `${stringify({ config })}${salt}\n`);
  }

  /** Runs `pulumi` on the stack; the caller checks for a failure. */
  async pulumi(command: readonly string[], options: Options = {}): Promise<Finished> {
    const { exitCode, all } = await execa(
      this.cli,
      [...command, "--non-interactive", "--color=never", ...this.arguments],
      { stdin: "ignore", ...options, env: { ...this.environment, ...options.env }, all: true, reject: false },
    );
    return { exitCode, output: String(all) };
  }

  /** As `pulumi`, for commands that have to work: throws with their output if they fail. */
  async succeed(command: readonly string[], options: Options = {}): Promise<string> {
    const { exitCode, output } = await this.pulumi(command, options);
    if (exitCode !== 0) throw new Error(`pulumi ${command.join(" ")} exited with ${String(exitCode)}:\n${output}`);
    return output;
  }
}
