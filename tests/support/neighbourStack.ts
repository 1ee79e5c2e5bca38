/** A stack of one of the examples, on the backend that the sandbox's stacks are on. */
import assert from "node:assert/strict";
import { copyFile, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa, type Result } from "execa";
import { stringify } from "yaml";
import { projectDirectory, pulumi, stackOutputs, type Workspace } from "../../operations/workspace.ts";
import { pulumiDirectory } from "../../sandbox/sandboxWorkspace.ts";

/** An example's stack, made on `open`, with `kubectl` on its path. Gone with the sandbox. */
export class NeighbourStack {
  readonly #workspace: Workspace;

  private constructor(workspace: Workspace) {
    this.#workspace = workspace;
  }

  /** `beside` is a stack whose backend it shares, and its passphrase unless it has one of its own. */
  static async open(
    example: string,
    config: Readonly<Record<string, unknown>>,
    beside: Workspace,
    { stack = "prod", passphrase }: { stack?: string; passphrase?: string } = {},
  ): Promise<NeighbourStack> {
    const directory = join(pulumiDirectory, `${example}-${stack}`);
    const programs = join(directory, "bin");
    await mkdir(programs, { recursive: true });
    const { path } = await beside.kubectl();
    if (path !== "kubectl") await symlink(path, join(programs, "kubectl"));
    const environment = {
      ...beside.environment,
      ...(passphrase === undefined ? {} : { PULUMI_CONFIG_PASSPHRASE: passphrase, PULUMI_CONFIG_PASSPHRASE_FILE: "" }),
      PATH: `${programs}:${beside.environment["PATH"] ?? process.env["PATH"] ?? ""}`,
    };
    await copyFile(join(projectDirectory, "examples", example, "Pulumi.yaml"), join(directory, "Pulumi.yaml"));
    await execa(beside.cli, ["stack", "init", stack, "--non-interactive", "--cwd", directory], { env: environment });
    const configFile = join(directory, `Pulumi.${stack}.yaml`);
    const salt = await readFile(configFile, "utf8");
    const values = Object.entries(config).map(([key, value]) => [`${example}:${key}`, value]);
    await writeFile(configFile, `${salt.trimEnd()}\n${stringify({ config: Object.fromEntries(values) as object })}`);
    return new NeighbourStack({
      stack,
      environment,
      arguments: ["--cwd", join(projectDirectory, "examples", example), "--stack", stack, "--config-file", configFile],
      cli: beside.cli,
      kubectl: beside.kubectl,
    });
  }

  /** Runs `pulumi up`; a failure is a result. */
  async up(): Promise<Result<{ all: true; reject: false; stdin: "ignore" }>> {
    return this.#run(["up", "--yes", "--skip-preview", "--non-interactive"]);
  }

  /** Runs `pulumi up`, and fails with its output when it fails. */
  async mustUp(...options: string[]): Promise<string> {
    return this.#must(["up", "--yes", "--skip-preview", "--non-interactive", ...options]);
  }

  /** Runs `pulumi destroy`, and fails with its output when it fails. */
  async mustDestroy(): Promise<string> {
    return this.#must(["destroy", "--yes", "--skip-preview", "--non-interactive"]);
  }

  /** The outputs, secrets in the clear. */
  async outputs(): Promise<Record<string, unknown>> {
    return stackOutputs(this.#workspace);
  }

  async #must(command: readonly string[]): Promise<string> {
    const { all, exitCode } = await this.#run(command);
    assert.equal(exitCode, 0, all);
    return all;
  }

  async #run(command: readonly string[]): Promise<Result<{ all: true; reject: false; stdin: "ignore" }>> {
    const options = { all: true, reject: false, stdin: "ignore" } as const;
    return (await pulumi(this.#workspace, command, options)) as Result<typeof options>;
  }
}
