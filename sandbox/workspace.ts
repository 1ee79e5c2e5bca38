/**
 * A stack of this project, ready for Pulumi's commands. The sandbox's stack keeps its state, its passphrase and its
 * copy of the configuration with the sandbox, so that running it leaves the checkout as it was and `down` takes all of
 * it away; any other stack uses what its user has set up.
 */
import { randomBytes } from "node:crypto";
import { copyFile, mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa, type Options } from "execa";
import { exists } from "./cache.ts";
import { identityOf, isAlive } from "./processes.ts";
import { say } from "./progress.ts";
import { atSite, machineSite } from "./state.ts";
import type { Toolchain } from "./toolchain/toolchain.ts";

/** The stack that lives in the sandbox unless told otherwise. */
export const sandboxStack = "dev";

/** The checkout. */
export const projectDirectory = join(import.meta.dirname, "..");

/** Where the sandbox's stacks keep what Pulumi knows of them. */
export const pulumiDirectory = join(machineSite.stateDirectory, "pulumi");

/** A stack, and how to run Pulumi on it. */
export interface Workspace {
  readonly stack: string;
  /** Environment of every command: toolchain, backend, passphrase. */
  readonly environment: Readonly<Record<string, string>>;
  /** Arguments that every command takes: project, stack and, in the sandbox, the configuration's copy. */
  readonly arguments: readonly string[];
  /** Path of the CLI. */
  readonly cli: string;
}

/** Opens a stack that its user has set up: their backend, their passphrase, `Pulumi.<stack>.yaml`. */
export function openWorkspace(stack: string, toolchain: Toolchain): Workspace {
  return {
    stack,
    environment: toolchain.environment,
    arguments: ["--cwd", projectDirectory, "--stack", stack],
    cli: toolchain.pulumi,
  };
}

/**
 * Opens a stack of the sandbox, and makes it on first use. `config` is its configuration (YAML), written for the
 * default site; it is copied, because Pulumi writes the passphrase's salt into it. The caller holds the sandbox, so a lock that is found is one that a
 * killed run has left behind, and is taken away.
 */
export async function openSandboxWorkspace(stack: string, config: string, toolchain: Toolchain): Promise<Workspace> {
  const project = join(pulumiDirectory, "project");
  await mkdir(join(pulumiDirectory, "state"), { recursive: true, mode: 0o700 });
  await mkdir(project, { recursive: true });
  const passphraseFile = join(pulumiDirectory, "passphrase");
  if (!(await exists(passphraseFile))) {
    await writeFile(passphraseFile, randomBytes(24).toString("hex"), { mode: 0o600, flag: "wx" });
  }
  const environment = {
    ...toolchain.environment,
    PULUMI_BACKEND_URL: `file://${join(pulumiDirectory, "state")}`,
    PULUMI_CONFIG_PASSPHRASE_FILE: passphraseFile,
  };
  const configFile = join(project, `Pulumi.${stack}.yaml`);
  await copyFile(join(projectDirectory, "Pulumi.yaml"), join(project, "Pulumi.yaml"));
  const salt = (await exists(configFile))
    ? /^encryptionsalt: .*$/m.exec(await readFile(configFile, "utf8"))?.[0]
    : undefined;
  await writeFile(configFile, `${atSite(config, machineSite).trimEnd()}\n${salt === undefined ? "" : `${salt}\n`}`);

  const workspace: Workspace = {
    stack,
    environment,
    arguments: ["--cwd", projectDirectory, "--stack", stack, "--config-file", configFile],
    cli: toolchain.pulumi,
  };
  if (salt === undefined) {
    await execa(toolchain.pulumi, ["stack", "init", stack, "--non-interactive", "--cwd", project], {
      env: environment,
      stdio: ["ignore", "ignore", "inherit"],
    });
  }
  await releaseStaleLock(workspace);
  return workspace;
}

/**
 * Takes away the lock of a run that was killed. One whose `pulumi` still works, because only what started it was
 * killed, is waited for.
 */
async function releaseStaleLock(workspace: Workspace): Promise<void> {
  const locks = join(pulumiDirectory, "state", ".pulumi", "locks", "organization", "k3s-ha", workspace.stack);
  if (!(await exists(locks))) return;
  let stale = false;
  for (const name of await readdir(locks)) {
    const { pid } = JSON.parse(await readFile(join(locks, name), "utf8")) as { pid: number };
    const holder = await identityOf(pid);
    if (holder !== undefined && (await readFile(`/proc/${pid}/comm`, "utf8")).trim() === "pulumi") {
      say(`  waiting for pulumi (process ${pid}), which an interrupted run left at work`);
      while (await isAlive(holder)) await sleep(500);
    } else {
      stale = true;
    }
  }
  if (!stale) return;
  say("  a run on this stack was interrupted; going on from what it had done");
  await execa(workspace.cli, ["cancel", "--yes", ...workspace.arguments.slice(0, 4)], {
    env: workspace.environment,
    stdio: ["ignore", "ignore", "inherit"],
  });
}

/** Runs a Pulumi command on the stack. Its output goes where `options` say; a failure throws. */
export function pulumi(workspace: Workspace, command: readonly string[], options: Options = {}) {
  return execa(workspace.cli, [...command, ...workspace.arguments], {
    ...options,
    env: { ...workspace.environment, ...options.env },
  });
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

/** What the last update did, such as "no changes" or "62 created". */
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
