/** Whose sandbox it is: the checkout that brought it up, until it takes it down. */
import { exists } from "../build/cache.ts";
import { isRunning } from "./hostProcess.ts";
import { readHosts } from "./hostRecord.ts";
import { pathsOf, readRecord, writeWhole, type Site } from "./state.ts";

interface Owner {
  readonly checkout: string;
  /** Of the run that made the sandbox. It has probably ended. */
  readonly pid: number;
  /** ISO 8601. */
  readonly since: string;
}

/**
 * Returns whether the sandbox is `ours`, without an owner (`free`), or what is left of another checkout's (`theirs`: none of its
 * hosts is running, or its checkout no longer exists). Throws while it is another checkout's, and says whose.
 */
export async function requireOurs(site: Site, checkout: string): Promise<"ours" | "free" | "theirs"> {
  const owner = await readRecord<Owner>(pathsOf(site).owner);
  if (owner === undefined) return "free";
  if (owner.checkout === checkout) return "ours";
  if ((await exists(owner.checkout)) && (await anyRunning(site))) {
    throw new Error(
      `This machine's sandbox belongs to ${owner.checkout} (process ${owner.pid}, since ${owner.since}): run \`make down\` there first, or work there.`,
    );
  }
  return "theirs";
}

/** Makes the sandbox this checkout's, unless it is already. */
export async function claim(site: Site, checkout: string): Promise<void> {
  if ((await requireOurs(site, checkout)) === "ours") return;
  const owner: Owner = { checkout, pid: process.pid, since: new Date().toISOString() };
  await writeWhole(pathsOf(site).owner, JSON.stringify(owner));
}

async function anyRunning(site: Site): Promise<boolean> {
  for (const host of await readHosts(site)) if (await isRunning(host)) return true;
  return false;
}
