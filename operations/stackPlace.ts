/** The place of a stack's hosts: the steps of its commands before and around Pulumi. */
import type { Workspace } from "./workspace.ts";

/** The differences between the sandbox's stack and stacks on a user's own hosts. */
export interface StackPlace {
  /** Opens a stack to change it. Makes one where the place is able to. */
  open(stack: string): Promise<Workspace>;
  /** Opens a stack that has to be there already, to change it. */
  openExisting(stack: string): Promise<Workspace>;
  /** Opens a stack as the last run left it, to ask it something: also while another run is at work on it. */
  openKnown(stack: string): Promise<Workspace>;
  /** Runs `work` while no other process changes the place. */
  holding<T>(purpose: string, work: () => Promise<T>): Promise<T>;
  /** Makes the hosts ready for an update. */
  bringUp(): Promise<void>;
  /** Options of `pulumi up`. */
  readonly updateOptions: readonly string[];
  /** Removes the stack's cluster. */
  takeDown(stack: string): Promise<void>;
}
