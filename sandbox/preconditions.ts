/** What must be true of a machine before hosts are made on it. Each refusal says what, where, and what to do. */
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { execa } from "execa";
import { cacheDirectory } from "../build/cache.ts";
import { addressBlock, type Site } from "./state.ts";

/** Free space that a sandbox needs for its hosts, in GiB: five hosts after a day's use, with room to spare. */
export const stateGibibytes = 6;

/** Free space that the cache needs when it is empty, in GiB: images, K3s and the toolchain with what they are built from. */
export const cacheGibibytes = 12;

/** An entry of the machine's routing tables. */
export interface Route {
  /** `default`, an address, or a block such as `10.0.0.0/8`. */
  readonly dst: string;
  readonly dev?: string;
}

/** What the checks ask the machine. */
export interface MachineProbe {
  readonly platform: string;
  readonly userId: number;
  /** Free bytes on the file system that `path` is on, or will be on. */
  freeBytes(path: string): Promise<number>;
  /** IPv4 routes of all tables. */
  routes(): Promise<readonly Route[]>;
}

/** This machine. */
export const thisMachine: MachineProbe = {
  platform: process.platform,
  userId: process.getuid?.() ?? -1,
  freeBytes: freeBytesAt,
  routes: async () => {
    const { stdout } = await execa("ip", ["-json", "-4", "route", "show", "table", "all"]);
    return JSON.parse(stdout || "[]") as Route[];
  },
};

/** Throws unless this is Linux and we are root. */
export function requireRootOnLinux({ platform, userId }: MachineProbe): void {
  const instead = "or point the stack at hosts of your own (see README.md)";
  if (platform !== "linux") {
    throw new Error(
      `The sandbox needs Linux and this machine runs ${platform}; run it on a Linux machine, ${instead}.`,
    );
  }
  if (userId !== 0) {
    throw new Error(`The sandbox needs root on this machine and you are user ${userId}; run it with sudo, ${instead}.`);
  }
}

/** Throws unless there is room on disk. `warm` means that the cache holds what is needed already. */
export async function requireRoom(probe: MachineProbe, site: Site, warm: boolean): Promise<void> {
  const needs = [[site.stateDirectory, stateGibibytes, "or delete what you do not need there"]] as [
    string,
    number,
    string,
  ][];
  if (!warm) needs.push([cacheDirectory, cacheGibibytes, "or set XDG_CACHE_HOME to a directory with enough space"]);
  for (const [path, needed, remedy] of needs) {
    const free = (await probe.freeBytes(path)) / 2 ** 30;
    if (free < needed) {
      throw new Error(
        `The sandbox needs ${needed} GiB at ${path} and ${free.toFixed(1)} GiB are free there; free some space, ${remedy}.`,
      );
    }
  }
}

/** Throws if another network has a route to the site's addresses. */
export async function requireFreeAddresses(probe: MachineProbe, site: Site): Promise<void> {
  const block = addressBlock(site);
  const taken = (await probe.routes()).find(({ dst, dev }) => dev !== site.name && overlaps(dst, block));
  if (taken) {
    const where = taken.dev === undefined ? "" : ` through ${taken.dev}`;
    throw new Error(
      `The sandbox's addresses ${block} are in use: this machine has a route to ${taken.dst}${where}; remove that route, or run the sandbox on another machine.`,
    );
  }
}

/** True when two IPv4 blocks share an address. The default route is not a block. */
export function overlaps(one: string, other: string): boolean {
  const [a, b] = [parseBlock(one), parseBlock(other)];
  if (a === undefined || b === undefined) return false;
  const size = Math.max(a.size, b.size);
  return Math.floor(a.start / size) === Math.floor(b.start / size);
}

function parseBlock(text: string): { start: number; size: number } | undefined {
  const [address, bits = "32"] = text.split("/");
  const octets = (address ?? "").split(".").map(Number);
  if (octets.length !== 4 || octets.some((octet) => !Number.isInteger(octet)) || bits === "0") return undefined;
  return { start: octets.reduce((sum, octet) => sum * 256 + octet, 0), size: 2 ** (32 - Number(bits)) };
}

async function freeBytesAt(path: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return freeBytesAt(dirname(path));
  }
}
