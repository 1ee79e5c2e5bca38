import * as pulumi from "@pulumi/pulumi";

/** One output of another stack. */
export interface StackOutput {
  /** Its value; undefined if the stack has no such output. */
  readonly value: unknown;
  readonly isSecret: boolean;
}

/**
 * The outputs of another stack on the same backend: the one place that makes a `pulumi.StackReference`. A stack that does
 * not exist ends the run, with the engine's word `unknown stack "…"`.
 */
export class StackOutputs {
  /** Name of the stack: `organization/project/stack`. */
  readonly stack: string;
  readonly #reference: pulumi.StackReference;

  /** `name` is the reference's own among the resources. */
  constructor(stack: string, name = stack, opts?: pulumi.ResourceOptions) {
    this.stack = stack;
    this.#reference = new pulumi.StackReference(name, { name: stack }, opts);
  }

  /** Reads one output. Known in a preview too, since the other stack is not being changed. */
  async read(name: string): Promise<StackOutput> {
    const { value, secretValue } = (await this.#reference.getOutputDetails(name)) as Record<string, unknown>;
    return secretValue === undefined ? { value, isSecret: false } : { value: secretValue, isSecret: true };
  }

  /** The names of all outputs, sorted; none when the stack was never up. */
  async names(): Promise<string[]> {
    // Nothing else is asked for before an output could be read, so this is known.
    return new Promise((resolve) => {
      this.#reference.outputs.apply((outputs) => {
        resolve(Object.keys(outputs).toSorted());
      });
    });
  }
}

/**
 * Whether a value is what the engine hands over for a secret that it cannot decrypt: an empty map, and no word about
 * it, when the other stack was encrypted with another passphrase.
 */
export function isUndecrypted(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;
}
