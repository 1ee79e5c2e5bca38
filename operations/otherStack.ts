import { execa } from "execa";
import type { OutputReader } from "../components/config/hostReference.ts";
import type { StackOutput } from "../components/contract/stackOutputs.ts";
import type { Workspace } from "./workspace.ts";

/** Outputs of another stack on the same backend, read by the CLI: what a stack reference is in the program. */
export class OtherStack implements OutputReader {
  readonly #stack: string;
  readonly #workspace: Workspace;
  #outputs: Promise<Record<string, unknown>> | undefined;

  constructor(stack: string, workspace: Workspace) {
    this.#stack = stack;
    this.#workspace = workspace;
  }

  async read(name: string): Promise<StackOutput> {
    return { value: (await this.#all())[name], isSecret: false };
  }

  async names(): Promise<string[]> {
    return Object.keys(await this.#all()).toSorted();
  }

  #all(): Promise<Record<string, unknown>> {
    this.#outputs ??= execa(
      this.#workspace.cli,
      ["stack", "output", "--json", "--show-secrets", "--stack", this.#stack],
      { env: this.#workspace.environment },
    ).then(({ stdout }) => JSON.parse(stdout) as Record<string, unknown>);
    return this.#outputs;
  }
}
