/**
 * The Pulumi toolchain of the sandbox: the CLI, its Node language host and the provider plugins, in exactly the versions
 * that package-lock.json pins. The official ones where they can be downloaded; else the CLI built from its Go module, with
 * this project's language host and drop-in plugins. Nothing is installed outside the cache.
 */
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheDirectory, keyOf } from "../build/cache.ts";
import { assembleBuiltPulumi } from "./builtPulumi.ts";
import { downloadOfficialPulumi, officialPulumiOnPath, releaseAddress } from "./officialRelease.ts";
import { installPlugins, type PluginOrigins } from "./providerPlugins.ts";

/** Everything needed to run `pulumi` in this checkout. */
export interface Toolchain {
  /** Path of the CLI. */
  readonly pulumi: string;
  /** PULUMI_HOME: plugins and the CLI's own state. Of this checkout alone. */
  readonly home: string;
  /** Variables to run the CLI with, on top of the process's own. Backend and passphrase are the caller's. */
  readonly environment: Readonly<Record<string, string>>;
  /** Where the CLI comes from. */
  readonly origin: "official" | "built";
  /** Where each provider plugin comes from. */
  readonly plugins: PluginOrigins;
}

/** Which toolchain to take: `auto` prefers the official one, the others insist. */
export type ToolchainChoice = "auto" | "official" | "built";

/** Options of `prepareToolchain`. */
export interface ToolchainOptions {
  /** Default: the variable K3S_HA_TOOLCHAIN, else `auto`. */
  readonly choice?: ToolchainChoice;
  /** Where releases are downloaded from; for tests. Default: Pulumi's own address. */
  readonly releases?: string;
}

/** The root of this checkout. */
const checkout = fileURLToPath(new URL("../", import.meta.url));

/**
 * Makes the toolchain ready and says what it is. Fast once the cache is warm; the first time it downloads the release,
 * or builds the CLI for some minutes. Throws if what was insisted on can't be had, or if Go is missing for the build.
 */
export async function prepareToolchain(options: ToolchainOptions = {}): Promise<Toolchain> {
  const choice = options.choice ?? choiceOf(process.env["K3S_HA_TOOLCHAIN"]);
  const releases = options.releases ?? releaseAddress;
  // A launcher holds the checkout's path, so two checkouts never share a home; nor do choices, which hold other plugins.
  const home = join(cacheDirectory, `pulumi-home-${keyOf(checkout, choice, releases).slice(0, 12)}`);
  const official = choice === "built" ? undefined : await officialPulumi(choice, releases);
  const pulumi = official ?? (await assembleBuiltPulumi(checkout, join(home, "bin")));
  const environment = {
    PATH: [dirname(pulumi), dirname(projectNode()), process.env["PATH"] ?? ""].join(delimiter),
    PULUMI_HOME: home,
    PULUMI_SKIP_UPDATE_CHECK: "true",
    // A missing plugin is an error that names it, not a download in the middle of an update.
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    // Plugins come from PULUMI_HOME, and the language host from beside the CLI, whatever else is on the PATH.
    PULUMI_IGNORE_AMBIENT_PLUGINS: "true",
  };
  const plugins = await installPlugins({ choice, checkout, pulumi, environment, releases });
  return { pulumi, home, environment, origin: official === undefined ? "built" : "official", plugins };
}

/** The official CLI, or undefined where `auto` has to do without it. */
async function officialPulumi(choice: ToolchainChoice, releases: string): Promise<string | undefined> {
  return (await officialPulumiOnPath()) ?? (await downloadOfficialPulumi(releases, choice === "official"));
}

function choiceOf(value: string | undefined): ToolchainChoice {
  const choice = value || "auto";
  if (choice === "auto" || choice === "official" || choice === "built") return choice;
  throw new Error(`K3S_HA_TOOLCHAIN must be auto, official or built; it is "${choice}".`);
}

/** The Node that runs the program, its language host and the plugins: the one package.json pins. */
function projectNode(): string {
  return join(checkout, "node_modules", "node", "bin", "node");
}
