/**
 * A stack of this project, ready for Pulumi's commands. Any but the sandbox's uses what its user has set up: their
 * Pulumi, their backend, their passphrase, `Pulumi.<stack>.yaml`.
 */
import { join } from "node:path";
import { execa, type Options } from "execa";
import { type KubectlProgram, requireKubectl } from "./kubectl.ts";

/** The checkout. */
export const projectDirectory = join(import.meta.dirname, "..");

/** A Pulumi CLI, and the variables to run it with on top of the process's own. */
export interface PulumiCli {
  readonly path: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** A stack, and how to run Pulumi on it. */
export interface Workspace {
  readonly stack: string;
  /** Environment of every command: toolchain, backend, passphrase. */
  readonly environment: Readonly<Record<string, string>>;
  /** Arguments that every command takes: project, stack and, in the sandbox, the configuration's copy. */
  readonly arguments: readonly string[];
  /** Path of the CLI. */
  readonly cli: string;
  /** The remedy for an invalid configuration if its copy is read. Default: the file itself is read. */
  readonly correction?: string;
  /** Finds kubectl. */
  readonly kubectl: () => Promise<KubectlProgram>;
}

/** Opens a stack that its user has set up: their backend, their passphrase, `Pulumi.<stack>.yaml`. */
export function openWorkspace(stack: string, { path, environment }: PulumiCli): Workspace {
  return {
    stack,
    environment,
    arguments: ["--cwd", projectDirectory, "--stack", stack],
    cli: path,
    kubectl: requireKubectl,
  };
}

/** Runs a Pulumi command on the stack. `options` select its output; a failure throws. */
export function pulumi(workspace: Workspace, command: readonly string[], options: Options = {}) {
  return execa(workspace.cli, [...command, ...workspace.arguments], {
    ...options,
    env: { ...workspace.environment, ...options.env },
  });
}

/** Runs `pulumi up`, of some resources only if their names are given; `*` stands for any part of a name. */
export async function update(workspace: Workspace, names: readonly string[] = []): Promise<void> {
  const targets = names.flatMap((name) => ["--target", `**::${name}`]);
  const { all, failed } = await pulumi(workspace, ["up", "--yes", "--skip-preview", "--non-interactive", ...targets], {
    all: true,
    reject: false,
    stdin: "ignore",
  });
  if (failed) throw new Error(`pulumi up failed:\n${String(all)}`);
}

/** The inputs of a resource in the stack's last update; undefined if there is none. Secrets stay encrypted. */
export async function inputsOf(
  workspace: Workspace,
  name: string,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const { stdout } = await execa(workspace.cli, ["stack", "export", ...workspace.arguments.slice(0, 4)], {
    env: workspace.environment,
    maxBuffer: 1e9,
  });
  const { deployment } = JSON.parse(stdout) as {
    deployment: { resources?: readonly { urn: string; inputs?: Readonly<Record<string, unknown>> }[] };
  };
  return deployment.resources?.find(({ urn }) => urn.endsWith(`::${name}`))?.inputs;
}

/** The stack's outputs, secrets in the clear: never to be printed. */
export async function stackOutputs(workspace: Workspace): Promise<Record<string, unknown>> {
  const { stdout } = await execa(
    workspace.cli,
    ["stack", "output", "--json", "--show-secrets", ...workspace.arguments.slice(0, 4)],
    { env: workspace.environment },
  );
  return JSON.parse(stdout) as Record<string, unknown>;
}

/** The result of the last update, such as "no changes" or "62 created". */
export async function lastChanges(workspace: Workspace): Promise<string> {
  const { stdout } = await execa(
    workspace.cli,
    ["stack", "history", "--json", "--page-size", "1", ...workspace.arguments.slice(0, 4)],
    { env: workspace.environment },
  );
  const [last] = JSON.parse(stdout) as { resourceChanges?: Record<string, number> }[];
  const changes = Object.entries(last?.resourceChanges ?? {}).filter(([kind]) => kind !== "same");
  return changes.length === 0 ? "no changes" : changes.map(([kind, count]) => `${count} ${kind}d`).join(", ");
}
