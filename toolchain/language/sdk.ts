/** Finds the runners that the Pulumi SDK brings: the SDK of the program, not the one next to this host. */
import { createRequire } from "node:module";
import { join } from "node:path";

/** The SDK's entry points for a program, a policy pack and any other plugin. */
export type Runner = "run" | "run-policy-pack" | "run-plugin";

/** The file to hand to `node`. Throws, with the remedy, if the SDK isn't installed for `programDirectory`. */
export function sdkRunner(runner: Runner, programDirectory: string): string {
  const module = `@pulumi/pulumi/cmd/${runner}`;
  try {
    return createRequire(join(programDirectory, "package.json")).resolve(module);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw error;
    throw new Error(
      `It looks like the Pulumi SDK has not been installed: "${module}" can't be found from ${programDirectory}. ` +
        "Have you run npm install?",
      { cause: error },
    );
  }
}
