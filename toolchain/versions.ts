/** The versions this project is pinned to, read from package-lock.json, so that CLI, SDK and plugins can't drift apart. */
import { readFileSync } from "node:fs";

const { packages } = JSON.parse(readFileSync(new URL("../package-lock.json", import.meta.url), "utf8")) as {
  packages: Record<string, { version: string } | undefined>;
};

function pinned(dependency: string): string {
  const version = packages[`node_modules/${dependency}`]?.version;
  if (version === undefined) throw new Error(`package-lock.json must pin ${dependency}: run npm install.`);
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
