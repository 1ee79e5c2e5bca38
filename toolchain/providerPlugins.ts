/** The provider plugins in PULUMI_HOME: the official ones where they can be downloaded, else this project's drop-ins. */
import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { exists } from "../build/cache.ts";
import { say, step } from "../build/progress.ts";
import { isLauncher, writeLauncher } from "./launcher.ts";
import { isOfficialReachable, rememberUnreachable } from "./officialRelease.ts";
import type { ToolchainChoice } from "./toolchain.ts";
import { pluginVersions, type PluginName } from "./versions.ts";

/** Where a plugin comes from. */
export type PluginOrigin = "official" | "drop-in";

/** Where each plugin comes from. */
export type PluginOrigins = Readonly<Record<PluginName, PluginOrigin>>;

/** What the installation needs to know. */
export interface PluginInstallation {
  readonly choice: ToolchainChoice;
  readonly checkout: string;
  /** The CLI, and the variables to run it with; PULUMI_HOME among them. */
  readonly pulumi: string;
  readonly environment: Readonly<Record<"PULUMI_HOME", string>>;
  /** Where releases are downloaded from: whether that works is known or found out quickly. */
  readonly releases: string;
}

/** Installs every plugin that isn't there yet. Throws if `official` was insisted on and one can't be downloaded. */
export async function installPlugins(installation: PluginInstallation): Promise<PluginOrigins> {
  const origins: Partial<Record<PluginName, PluginOrigin>> = {};
  // One after the other: once a download has failed, the others aren't tried.
  for (const name of Object.keys(pluginVersions) as PluginName[])
    origins[name] = await installPlugin(name, installation);
  return origins as PluginOrigins;
}

async function installPlugin(name: PluginName, installation: PluginInstallation): Promise<PluginOrigin> {
  const version = pluginVersions[name];
  const directory = join(installation.environment.PULUMI_HOME, "plugins", `resource-${name}-v${version}`);
  const executable = join(directory, `pulumi-resource-${name}`);
  const isOfficial = (await exists(executable)) && !(await isLauncher(executable));
  // A folder of this name with a `.partial` file beside it is a download that was cut off: the CLI ignores it.
  const isComplete = !(await exists(`${directory}.partial`));
  if (isOfficial && isComplete) return "official";
  if (await isOfficialWanted(installation)) {
    const failure = await installOfficial(name, version, directory, installation);
    if (failure === undefined) return "official";
    if (installation.choice === "official")
      throw new Error(`Plugin ${name} ${version} can't be downloaded: ${failure}`);
    await rememberUnreachable(installation.releases);
    say(`  Plugin ${name} ${version} can't be downloaded (${failure}); using this project's drop-in instead`);
  }
  if (!isComplete)
    await Promise.all([directory, `${directory}.partial`].map((path) => rm(path, { recursive: true, force: true })));
  await mkdir(dirname(executable), { recursive: true });
  await writeLauncher(executable, installation.checkout, `toolchain/plugins/${name}/provider.ts`);
  return "drop-in";
}

async function isOfficialWanted({ choice, releases }: PluginInstallation): Promise<boolean> {
  if (choice === "built") return false;
  return choice === "official" || (await isOfficialReachable(releases));
}

/** Downloads one plugin; returns why that failed, or undefined. */
async function installOfficial(
  name: PluginName,
  version: string,
  directory: string,
  { pulumi, environment }: PluginInstallation,
): Promise<string | undefined> {
  await rm(directory, { recursive: true, force: true });
  const result = await step(`Download plugin ${name} ${version}`, () =>
    execa(pulumi, ["plugin", "install", "resource", name, version], {
      env: environment,
      stdin: "ignore",
      reject: false,
    }),
  );
  if (!result.failed) return undefined;
  return result.stderr.trim().split("\n").at(-1) || result.shortMessage;
}
