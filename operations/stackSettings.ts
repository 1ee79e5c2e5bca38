/** A stack's configuration, read and checked as a run of the program would. */
import { execa } from "execa";
import { resolveHosts } from "../components/config/hostReference.ts";
import { type ConfigurationSource, parseSettings } from "../components/config/parseSettings.ts";
import { InvalidConfiguration } from "../components/config/problem.ts";
import type { Settings } from "../components/config/settings.ts";
import { OtherStack } from "./otherStack.ts";
import { projectDirectory, type Workspace } from "./workspace.ts";

/** One value as `pulumi config --json` shows it. */
interface ConfigValue {
  /** A map as JSON. */
  value?: string;
  secret: boolean;
}

/** The settings of a stack. Throws one sentence for each problem of its configuration. */
export async function readSettings(workspace: Workspace): Promise<Settings> {
  const { stdout } = await execa(workspace.cli, ["config", "--json", "--show-secrets", ...workspace.arguments], {
    env: workspace.environment,
  });
  try {
    const source = sourceOf(JSON.parse(stdout) as Record<string, ConfigValue>);
    const resolved = await resolveHosts(source.values, (stack) => new OtherStack(stack, workspace), source);
    // Nothing is configured here: problems that stop an update do not prevent a status or a restore.
    return parseSettings({ ...source, values: resolved.values, resolved, isPreview: true }).settings;
  } catch (error) {
    if (!(error instanceof InvalidConfiguration)) throw error;
    const problems = error.problems.map((problem) => `- ${problem}`).join("\n");
    const correction = workspace.correction === undefined ? "" : `\n${workspace.correction}`;
    throw new Error(`The configuration of the stack "${workspace.stack}" is not valid:\n${problems}${correction}`);
  }
}

/** The configuration as the program would be handed it. */
export function sourceOf(config: Readonly<Record<string, ConfigValue>>): ConfigurationSource {
  const entries = Object.entries(config);
  return {
    values: Object.fromEntries(entries.map(([key, { value }]) => [key, value ?? ""])),
    secretKeys: entries.filter(([, { secret }]) => secret).map(([key]) => key),
    projectDirectory,
    environment: process.env,
  };
}
