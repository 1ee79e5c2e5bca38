/**
 * The stacks that live in the sandbox. They keep their state, their passphrase and their copy of the configuration with
 * the sandbox, so that running them leaves the checkout unchanged and `down` removes all of it.
 */
import { randomBytes } from "node:crypto";
import { copyFile, mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { projectDirectory, type Workspace } from "../operations/workspace.ts";
import { exists } from "../build/cache.ts";
import { sandboxKubectl } from "./kubectl.ts";
import { identityOf, isAlive } from "./processes.ts";
import { say } from "../build/progress.ts";
import { atSite, machineSite, pathsOf } from "./state.ts";
import type { Toolchain } from "../toolchain/toolchain.ts";

/** Where the sandbox's stacks keep what Pulumi knows of them. */
export const pulumiDirectory = pathsOf(machineSite).pulumi;

const project = join(pulumiDirectory, "project");
const passphraseFile = join(pulumiDirectory, "passphrase");
const configFileOf = (stack: string) => join(project, `Pulumi.${stack}.yaml`);

/** A stack of the sandbox as the last run left it, to read from it: nothing is written or waited for. */
export function knownSandboxWorkspace(stack: string, toolchain: Toolchain): Workspace {
  return {
    stack,
    environment: {
      ...toolchain.environment,
      PULUMI_BACKEND_URL: `file://${join(pulumiDirectory, "state")}`,
      PULUMI_CONFIG_PASSPHRASE_FILE: passphraseFile,
    },
    arguments: ["--cwd", projectDirectory, "--stack", stack, "--config-file", configFileOf(stack)],
    cli: toolchain.pulumi,
    correction: `The sandbox keeps the configuration of its last \`make up\`: correct Pulumi.${stack}.yaml and run \`make up\` again.`,
    kubectl: sandboxKubectl,
  };
}

/**
 * Opens a stack of the sandbox, and makes it on first use. `config` is its configuration (YAML), written for the
 * default site; it is copied, because Pulumi writes the passphrase's salt into it. The caller holds the sandbox, so a lock that is found is one that a
 * killed run has left behind, and is removed.
 */
export async function openSandboxWorkspace(stack: string, config: string, toolchain: Toolchain): Promise<Workspace> {
  const workspace = knownSandboxWorkspace(stack, toolchain);
  await mkdir(join(pulumiDirectory, "state"), { recursive: true, mode: 0o700 });
  await mkdir(project, { recursive: true });
  if (!(await exists(passphraseFile))) {
    await writeFile(passphraseFile, randomBytes(24).toString("hex"), { mode: 0o600, flag: "wx" });
  }
  const configFile = configFileOf(stack);
  await copyFile(join(projectDirectory, "Pulumi.yaml"), join(project, "Pulumi.yaml"));
  const salt = (await exists(configFile))
    ? /^encryptionsalt: .*$/m.exec(await readFile(configFile, "utf8"))?.[0]
    : undefined;
  await writeFile(configFile, `${atSite(config, machineSite).trimEnd()}\n${salt === undefined ? "" : `${salt}\n`}`);

  if (salt === undefined) {
    await execa(toolchain.pulumi, ["stack", "init", stack, "--non-interactive", "--cwd", project], {
      env: workspace.environment,
      stdio: ["ignore", "ignore", "inherit"],
    });
  }
  await releaseStaleLock(workspace);
  return workspace;
}

/**
 * Removes the lock of a run that was killed. One whose `pulumi` still works, because only what started it was
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
      say(`  waiting for pulumi (process ${pid}) of an interrupted run`);
      while (await isAlive(holder)) await sleep(500);
    } else {
      stale = true;
    }
  }
  if (!stale) return;
  say("  a run on this stack was interrupted; continuing from its last step");
  await execa(workspace.cli, ["cancel", "--yes", ...workspace.arguments.slice(0, 4)], {
    env: workspace.environment,
    stdio: ["ignore", "ignore", "inherit"],
  });
}
