/** Which provider plugins a program's npm packages need, so that the engine can check for them before it starts. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** A provider plugin that an installed package needs. */
export interface RequiredPlugin {
  /** e.g. `command` */
  readonly name: string;
  /** With a leading v, e.g. `v1.2.1`. */
  readonly version: string;
  /** Where to download it instead of the default place; empty for the default. */
  readonly server: string;
}

/** The part of a package.json that concerns plugins. */
interface PackageManifest {
  readonly name?: string;
  readonly version?: string;
  readonly pulumi?: { resource?: boolean; name?: string; version?: string; server?: string };
}

/**
 * The plugins of every package below `directory`/node_modules. Packages that are hoisted to a folder further up are
 * left out: the engine finds their plugins when the program first uses them.
 */
export async function requiredPlugins(directory: string): Promise<RequiredPlugin[]> {
  const found = new Map<string, RequiredPlugin>();
  await collect(join(directory, "node_modules"), found);
  return [...found.values()];
}

async function collect(modules: string, found: Map<string, RequiredPlugin>): Promise<void> {
  const names = (await namesIn(modules)).filter((name) => !name.startsWith("."));
  await Promise.all(
    names.map(async (name) => {
      const path = join(modules, name);
      if (name.startsWith("@")) return collect(path, found);
      const plugin = requiredBy(await manifestIn(path));
      if (plugin) found.set(`${plugin.name}@${plugin.version}`, plugin);
      return collect(join(path, "node_modules"), found);
    }),
  );
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

async function manifestIn(directory: string): Promise<PackageManifest> {
  try {
    return JSON.parse(await readFile(join(directory, "package.json"), "utf8")) as PackageManifest;
  } catch (error) {
    // Folders without a readable manifest aren't packages; npm would have complained about its own.
    if (isAbsent(error) || error instanceof SyntaxError) return {};
    throw error;
  }
}

function isAbsent(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === "ENOENT" || code === "ENOTDIR";
}

function requiredBy({ name, version, pulumi }: PackageManifest): RequiredPlugin | undefined {
  if (pulumi?.resource !== true) return undefined;
  // A third-party package must say its plugin's name; one under @pulumi/ is named after it.
  const plugin = pulumi.name ?? (name?.startsWith("@pulumi/") ? name.slice("@pulumi/".length) : undefined);
  const pluginVersion = pulumi.version ?? version;
  if (plugin === undefined || pluginVersion === undefined) return undefined;
  return { name: plugin, version: `v${pluginVersion.replace(/^v/, "")}`, server: pulumi.server ?? "" };
}
