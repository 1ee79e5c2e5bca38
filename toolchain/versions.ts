/** The versions this project is pinned to, read from package.json, so that CLI, SDK and plugins can't drift apart. */
import { readFileSync } from "node:fs";

const { dependencies } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  dependencies: Record<string, string>;
};

function pinned(dependency: string): string {
  const version = dependencies[dependency];
  if (version === undefined || !/^\d+\.\d+\.\d+$/.test(version)) {
    throw new Error(`package.json must pin ${dependency} to one exact version; it says ${version ?? "nothing"}.`);
  }
  return version;
}

/** The version of the Pulumi SDK, CLI and language host, e.g. `3.259.0`: always one and the same. */
export const pulumiVersion = pinned("@pulumi/pulumi");

/** The provider plugins that programs here use, by plugin name, with the version of the npm package. */
export const pluginVersions = {
  command: pinned("@pulumi/command"),
  random: pinned("@pulumi/random"),
  tls: pinned("@pulumi/tls"),
  mysql: pinned("@pulumi/mysql"),
} as const;

/** A provider plugin that programs here use. */
export type PluginName = keyof typeof pluginVersions;
