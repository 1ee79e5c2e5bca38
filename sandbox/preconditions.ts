/** What the sandbox needs of this machine, each with the sentence that refuses when it is not there. */
import { mkdir, statfs } from "node:fs/promises";
import { execa } from "execa";
import { cacheDirectory } from "./cache.ts";
import { addressBlock, type Site } from "./state.ts";

/** Room for images, hosts and their databases, in GiB, when everything has been built. */
const neededGibibytes = 8;

/** What a precondition looks at. */
export interface Machine {
  readonly platform: string;
  readonly uid: number;
  /** GiB free where the hosts' disks and the cache are. */
  readonly freeGibibytes: Readonly<Record<string, number>>;
  /** The machine's routes, as `ip route` prints them. */
  readonly routes: readonly Route[];
}

/** A route of this machine. */
export interface Route {
  /** Destination, such as "198.51.100.0/24" or "default". */
  readonly dst: string;
  /** Interface. */
  readonly dev?: string;
}

const elsewhere = "To use hosts of your own, set up a stack for them (README.md, “On your own hosts”).";

/** Why the sandbox cannot be on this machine; undefined when it can. */
export function refusal(site: Site, machine: Machine): string | undefined {
  if (machine.platform !== "linux") {
    return `The sandbox's hosts need Linux, and this machine runs ${machine.platform}. ${elsewhere}`;
  }
  if (machine.uid !== 0)
    return `The sandbox makes hosts, which takes root, and this is user ${machine.uid}: run it with sudo. ${elsewhere}`;
  for (const [directory, free] of Object.entries(machine.freeGibibytes)) {
    if (free < neededGibibytes) {
      return `The sandbox needs ${neededGibibytes} GiB free in ${directory}, where ${free.toFixed(1)} GiB are: free some space there.`;
    }
  }
  const block = addressBlock(site);
  const taken = machine.routes.find(({ dst, dev }) => dev !== site.name && within(dst, site));
  if (taken) {
    return `The sandbox's addresses ${block} are routed to ${taken.dev ?? "somewhere"} on this machine already (${taken.dst}): remove that route, or use another machine. ${elsewhere}`;
  }
  return undefined;
}

/** Looks at this machine and throws when the sandbox cannot be on it. */
export async function checkMachine(site: Site): Promise<void> {
  const platform = process.platform;
  const uid = process.getuid?.() ?? -1;
  const early = refusal(site, { platform, uid, freeGibibytes: {}, routes: [] });
  if (early !== undefined) throw new Error(early);
  await mkdir(cacheDirectory, { recursive: true });
  const freeGibibytes: Record<string, number> = {};
  for (const directory of [cacheDirectory, "/var/lib"]) {
    const { bavail, bsize } = await statfs(directory);
    freeGibibytes[directory] = (bavail * bsize) / 2 ** 30;
  }
  const { stdout } = await execa("ip", ["-json", "-4", "route"]);
  const why = refusal(site, { platform, uid, freeGibibytes, routes: JSON.parse(stdout || "[]") as Route[] });
  if (why !== undefined) throw new Error(why);
}

/** True for a route to the site's block or to a part of it. */
function within(destination: string, site: Site): boolean {
  return destination.startsWith(`${site.addressPrefix}.`);
}
