/** Stacks on anybody's own hosts: they run on their user's own Pulumi. */
import type { StackPlace } from "./stackPlace.ts";
import { userPulumi } from "./userPulumi.ts";
import { openWorkspace, pulumi, type Workspace } from "./workspace.ts";

const open = async (stack: string): Promise<Workspace> => openWorkspace(stack, await userPulumi(stack));

/** The place of every stack but the sandbox's. */
export const userPlace: StackPlace = {
  open,
  openExisting: open,
  openKnown: open,
  // Pulumi's backend has a lock of its own.
  holding: (_purpose, work) => work(),
  bringUp: () => Promise.resolve(),
  // Pulumi shows its preview and asks.
  updateOptions: [],
  takeDown: async (stack) => {
    await pulumi(await open(stack), ["destroy"], { stdio: "inherit" });
  },
};
