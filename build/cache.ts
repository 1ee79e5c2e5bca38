/**
 * The build cache: results that take minutes to make, kept outside the checkout and keyed by everything they were
 * made from, so that nothing is built twice. A result appears under its final name only when it is whole.
 */
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import lockfile from "proper-lockfile";
import { say } from "./progress.ts";

/** `${XDG_CACHE_HOME:-~/.cache}/k3s-ha`. `make down` leaves it; deleting it costs time, never data. */
export const cacheDirectory = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "k3s-ha");

/** The sha256, in hex, of `parts`, each with its length, so that ["ab","c"] and ["a","bc"] differ. */
export function keyOf(...parts: (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:`).update(part);
  return hash.digest("hex");
}

/** The key of files by content, in the order given. */
export async function keyOfFiles(...paths: string[]): Promise<string> {
  return keyOf(...(await Promise.all(paths.map((path) => readFile(path)))));
}

/**
 * Returns the directory `<cache>/<kind>/<key>`, made by `build` if it is not there yet. `build` fills an empty
 * directory on the same file system, which is renamed to its final name when it returns; a build that fails or is
 * killed leaves nothing under the final name. Two processes that want the same result build it once: the second waits,
 * and says for what.
 */
export async function cached(kind: string, key: string, build: (directory: string) => Promise<void>): Promise<string> {
  const final = place(kind, key);
  if (await exists(final)) return final;
  await mkdir(dirname(final), { recursive: true });
  const release = await lock(final);
  try {
    if (await exists(final)) return final;
    const partial = `.${basename(final)}-partial-`;
    // What builds of the same that were killed have left; this process has the lock, so no other works there.
    for (const name of await readdir(dirname(final))) {
      if (name.startsWith(partial)) await rm(join(dirname(final), name), { recursive: true, force: true });
    }
    const directory = await mkdtemp(join(dirname(final), partial));
    try {
      await build(directory);
      await rename(directory, final);
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
    return final;
  } finally {
    await release();
  }
}

/** True when `cached` would build nothing. */
export async function isCached(kind: string, key: string): Promise<boolean> {
  return exists(place(kind, key));
}

function place(kind: string, key: string): string {
  return join(cacheDirectory, kind, key.slice(0, 20));
}

/** True when something exists at `path`. */
export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

async function lock(path: string): Promise<() => Promise<void>> {
  // A holder refreshes its lock every few seconds; one that was killed is stale after this.
  const options = { stale: 20_000, realpath: false };
  try {
    return await lockfile.lock(path, options);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ELOCKED") throw error;
    say(`  another process is building ${basename(dirname(path))}; waiting for it`);
    return lockfile.lock(path, { ...options, retries: { forever: true, minTimeout: 1000, maxTimeout: 3000 } });
  }
}
