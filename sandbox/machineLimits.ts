/**
 * Limits of the machine that all hosts count against together. They are raised while a sandbox is up and put back by
 * `down`; what they were is in /run, which a restart of the machine empties, as it restores the limits.
 */
import { readFile, rm, writeFile } from "node:fs/promises";
import { exclusively } from "./machineLock.ts";
import { readRecord, writeWhole, type Site } from "./state.ts";

/**
 * What is needed at least. Of inotify instances a K3s host takes about 40 and any other host 10; Linux allows 128 to
 * each user of the machine, and the kubelet fails when there is none left.
 */
const needed = {
  "fs/inotify/max_user_instances": 2048,
  "fs/inotify/max_user_watches": 131_072,
} as const;

type Limit = keyof typeof needed;

interface Raised {
  /** Sites that need the raised limits. */
  readonly sites: readonly string[];
  /** Values before the first of them came, of those that were raised. */
  readonly before: Readonly<Partial<Record<Limit, number>>>;
}

const recordPath = "/run/k3s-ha-limits.json";

/** Raises what is too low, for as long as the site is there. */
export async function raiseLimits(site: Site): Promise<void> {
  await exclusively("k3s-ha-limits", "raise limits", site.name, async () => {
    const raised = (await readRecord<Raised>(recordPath)) ?? { sites: [], before: {} };
    const before: Partial<Record<Limit, number>> = { ...raised.before };
    for (const limit of limits) {
      const now = await read(limit);
      if (now < needed[limit]) before[limit] ??= now;
    }
    await writeWhole(recordPath, JSON.stringify({ sites: [...new Set([...raised.sites, site.name])], before }));
    for (const limit of limits) if ((await read(limit)) < needed[limit]) await write(limit, needed[limit]);
  });
}

/** Puts the limits back when no other site needs them. One that was changed since is left alone. */
export async function restoreLimits(site: Site): Promise<void> {
  await exclusively("k3s-ha-limits", "restore limits", site.name, async () => {
    const raised = await readRecord<Raised>(recordPath);
    if (raised === undefined) return;
    const sites = raised.sites.filter((name) => name !== site.name);
    if (sites.length > 0) {
      await writeWhole(recordPath, JSON.stringify({ ...raised, sites }));
      return;
    }
    for (const limit of limits) {
      const before = raised.before[limit];
      if (before !== undefined && (await read(limit)) === needed[limit]) await write(limit, before);
    }
    await rm(recordPath);
  });
}

const limits = Object.keys(needed) as Limit[];

async function read(limit: Limit): Promise<number> {
  return Number(await readFile(`/proc/sys/${limit}`, "utf8"));
}

async function write(limit: Limit, value: number): Promise<void> {
  await writeFile(`/proc/sys/${limit}`, `${value}\n`);
}
