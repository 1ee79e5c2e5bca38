/** Executables that start a TypeScript file of this checkout, for a CLI that looks for a program of a certain name. */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

const firstLine = "#!/bin/sh";

/** Writes `path`, a two-line shell script that runs `file` (relative to the checkout) with the project's own Node. */
export async function writeLauncher(path: string, checkout: string, file: string): Promise<void> {
  const node = join(checkout, "node_modules", "node", "bin", "node");
  const command = [node, "--disable-warning=ExperimentalWarning", join(checkout, file)].map(quoted).join(" ");
  const text = `${firstLine}\nexec ${command} "$@"\n`;
  if ((await contentOf(path)) === text) return;
  await mkdir(dirname(path), { recursive: true });
  // Renamed into place: another process may be about to run it.
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, text, { mode: 0o755 });
  await rename(temporary, path);
}

/** True if `path` is a launcher, whatever it launches; false if it is anything else, or nothing. */
export async function isLauncher(path: string): Promise<boolean> {
  return (await contentOf(path))?.startsWith(`${firstLine}\nexec `) ?? false;
}

async function contentOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** As one word of sh. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
