import { isAbsolute } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { resolveHosts } from "./hostReference.ts";
import { parseSettings } from "./parseSettings.ts";
import { InvalidConfiguration } from "./problem.ts";
import type { Settings } from "./settings.ts";
import { StackOutputs } from "../contract/stackOutputs.ts";

/** Tells whether a key is encrypted. Part of the SDK, but left out of its types. */
const { isConfigSecret } = pulumi.runtime as unknown as { isConfigSecret: (key: string) => boolean };

/**
 * The settings of the current stack. The one place that reads Pulumi's configuration. Hosts that other stacks
 * export, or that stand in files, are read from there, in a preview too, since names and numbers of hosts decide which resources there are.
 *
 * Secrets are read together with all else, not by `pulumi.Config`, so that unknown keys are noticed; they
 * are marked secret while they are parsed.
 *
 * @throws pulumi.RunError that tells all problems of the configuration at once.
 */
export async function loadSettings(): Promise<Settings> {
  const values = pulumi.runtime.allConfig();
  // Outside of Pulumi's own runner the SDK knows no root directory and answers with a placeholder.
  const root = pulumi.getRootDirectory();
  const surroundings = { projectDirectory: isAbsolute(root) ? root : process.cwd(), environment: process.env };
  const resolved = await resolveHosts(values, (stack) => new StackOutputs(stack), surroundings);
  try {
    const { settings, warnings } = parseSettings({
      values: resolved.values,
      resolved,
      secretKeys: Object.keys(values).filter((key) => isConfigSecret(key)),
      ...surroundings,
      isPreview: pulumi.runtime.isDryRun(),
    });
    for (const warning of warnings) void pulumi.log.warn(warning);
    return settings;
  } catch (error) {
    if (!(error instanceof InvalidConfiguration)) throw error;
    const { problems } = error;
    const count = problems.length === 1 ? "a problem" : `${problems.length} problems`;
    throw new pulumi.RunError(
      `The configuration of the stack "${pulumi.getStack()}" has ${count}:\n${problems.map((problem) => `- ${problem}`).join("\n")}`,
    );
  }
}
