/** The sandbox as a place for a stack: its hosts are made before an update, and removed with the cluster. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { exists } from "../build/cache.ts";
import { step } from "../build/progress.ts";
import type { StackPlace } from "../operations/stackPlace.ts";
import { projectDirectory, type Workspace } from "../operations/workspace.ts";
import { prepareToolchain } from "../toolchain/toolchain.ts";
import { helloPods } from "./helloPods.ts";
import { down, holdingSandbox, up } from "./sandbox.ts";
import { knownSandboxWorkspace, openSandboxWorkspace, pulumiDirectory } from "./sandboxWorkspace.ts";

async function open(stack: string): Promise<Workspace> {
  const config = await readFile(join(projectDirectory, `Pulumi.${stack}.yaml`), "utf8");
  return openSandboxWorkspace(stack, config, await prepareToolchain());
}

async function requireStack(): Promise<void> {
  if (!(await exists(pulumiDirectory))) throw new Error("The sandbox has no cluster yet: run `make up` first.");
}

/** The place of the stack `dev`. */
export const sandboxPlace: StackPlace = {
  open,
  openExisting: async (stack) => {
    await requireStack();
    return open(stack);
  },
  openKnown: async (stack) => {
    await requireStack();
    return knownSandboxWorkspace(stack, await prepareToolchain());
  },
  holding: holdingSandbox,
  bringUp: async () => {
    await up({ manifests: helloPods, meanwhile: prepareToolchain });
  },
  // Nothing is at stake.
  updateOptions: ["--yes", "--skip-preview", "--suppress-outputs"],
  takeDown: () => step("Remove the sandbox: cluster, hosts and their data", () => down()),
};
