/**
 * A control group per host, and one for the mirror, in every hierarchy that this machine has. It keeps a host's
 * services apart from those of other hosts (two systemds in one group would kill each other's processes), and it tells
 * which processes are the host's, whatever became of their parents.
 */
import { mkdir, readFile, readdir, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { exists } from "../build/cache.ts";
import type { Site } from "./state.ts";

interface Hierarchy {
  readonly mountPoint: string;
  readonly unified: boolean;
  readonly cpuset: boolean;
}

async function hierarchies(): Promise<Hierarchy[]> {
  const mounts = (await readFile("/proc/self/mountinfo", "utf8")).trimEnd().split("\n");
  const found = mounts.flatMap((line) => {
    const [before, after] = line.split(" - ");
    const [type, , options] = (after ?? "").split(" ");
    const mountPoint = before?.split(" ")[4];
    if (mountPoint === undefined || (type !== "cgroup" && type !== "cgroup2")) return [];
    return [{ mountPoint, unified: type === "cgroup2", cpuset: options?.split(",").includes("cpuset") ?? false }];
  });
  if (found.length === 0)
    throw new Error("No control groups are mounted on this machine; mount them at /sys/fs/cgroup.");
  return found;
}

/**
 * How much more of the processors a site may claim than one busy process of the machine beside it. Otherwise all hosts
 * of a sandbox together would have no more than that one process, and K3s gives up leases and probes that come too late.
 */
const weight = 10;

/** Makes the host's groups and returns their directories. A process joins by writing its id to their `cgroup.procs`. */
export async function makeControlGroups(site: Site, host: string): Promise<string[]> {
  const directories: string[] = [];
  for (const hierarchy of await hierarchies()) {
    const ours = join(hierarchy.mountPoint, site.name);
    const directory = join(ours, host);
    await mkdir(directory, { recursive: true });
    if (hierarchy.cpuset && !hierarchy.unified) await inheritCpuset(hierarchy.mountPoint, [ours, directory]);
    if (hierarchy.unified) await delegate(hierarchy.mountPoint, ours);
    await weigh(ours);
    directories.push(directory);
  }
  return directories;
}

/** A new group of the old cpuset hierarchy has no CPUs and no memory, and so admits no process. */
async function inheritCpuset(from: string, groups: string[]): Promise<void> {
  for (const file of ["cpuset.cpus", "cpuset.mems"]) {
    const value = await readFile(join(from, file), "utf8");
    for (const group of groups) await writeFile(join(group, file), value);
  }
}

/** Hands on the controllers that the machine hands to its own groups. */
async function delegate(from: string, to: string): Promise<void> {
  const controllers = (await readFile(join(from, "cgroup.subtree_control"), "utf8")).trim();
  if (controllers === "") return;
  await writeFile(join(to, "cgroup.subtree_control"), controllers.replace(/(^| )/g, "$1+"));
}

/** Sets the group's weight where the hierarchy divides processor time: by shares of 1024, or by weights of 100. */
async function weigh(group: string): Promise<void> {
  for (const [file, ofOne] of [
    ["cpu.shares", 1024],
    ["cpu.weight", 100],
  ] as const) {
    const path = join(group, file);
    if (await exists(path)) await writeFile(path, String(weight * ofOne));
  }
}

/** Ids of all processes of a host. */
export async function membersOf(site: Site, host: string): Promise<number[]> {
  const pids = new Set<number>();
  for (const { mountPoint } of await hierarchies()) {
    for (const group of await subtree(join(mountPoint, site.name, host))) {
      const procs = await readFile(join(group, "cgroup.procs"), "utf8").catch(ignoreMissing(""));
      // 0 is a process of another namespace, which cannot be one of ours.
      for (const pid of procs.split("\n").map(Number)) if (pid > 0) pids.add(pid);
    }
  }
  return [...pids];
}

/** Bash that joins control groups and becomes a command. Arguments: groups …, `--`, the command. */
export const joinAndRun = `set -euo pipefail
while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs"; shift; done; shift
exec "$@"`;

/** How long processes may take to die of SIGKILL, in milliseconds: one that waits for a slow disk takes its time. */
const deathLimit = 60_000;

/**
 * Ends all processes of a host's group at once, or of the whole site when none is given, and removes the group. Nothing
 * happens when there is none.
 */
export async function killGroup(site: Site, host = ""): Promise<void> {
  const deadline = performance.now() + deathLimit;
  for (;;) {
    const members = await membersOf(site, host);
    if (members.length === 0 && (await removeControlGroups(site, host))) return;
    if (performance.now() > deadline) {
      throw new Error(
        `These processes of ${host || "the sandbox"} do not end: ${members.join(", ")}; find what they wait for, and run the command again.`,
      );
    }
    if (!(await killByGroup(site, host))) members.forEach(killByNumber);
    await sleep(20);
  }
}

/** Has the kernel kill all of a group in one step, which no fork and no reused id escapes; false when it cannot (< 5.14). */
async function killByGroup(site: Site, host: string): Promise<boolean> {
  let done = false;
  for (const { mountPoint } of (await hierarchies()).filter(({ unified }) => unified)) {
    const file = join(mountPoint, site.name, host, "cgroup.kill");
    if (!(await exists(file))) continue;
    await writeFile(file, "1").catch(ignoreMissing(undefined));
    done = true;
  }
  return done;
}

function killByNumber(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Removes groups. False when a process is in them: one whose starter was killed may have joined meanwhile. */
async function removeControlGroups(site: Site, host: string): Promise<boolean> {
  let removed = true;
  for (const { mountPoint } of await hierarchies()) {
    for (const group of await subtree(join(mountPoint, site.name, host))) {
      try {
        await rmdir(group);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code !== "EBUSY" && code !== "ENOENT") throw error;
        if (code === "EBUSY") removed = false;
      }
    }
  }
  return removed;
}

/** Names of the hosts that have groups. */
export async function hostsWithControlGroups(site: Site): Promise<string[]> {
  const names = new Set<string>();
  for (const { mountPoint } of await hierarchies()) {
    for (const name of await groupsIn(join(mountPoint, site.name))) names.add(name);
  }
  return [...names];
}

/** The group and all below it, the deepest first; empty when there is none. */
async function subtree(group: string): Promise<string[]> {
  const children = await readdir(group, { withFileTypes: true }).catch(ignoreMissing(undefined));
  if (children === undefined) return [];
  const below = children.filter((child) => child.isDirectory()).map((child) => subtree(join(group, child.name)));
  return [...(await Promise.all(below)).flat(), group];
}

async function groupsIn(group: string): Promise<string[]> {
  const children = await readdir(group, { withFileTypes: true }).catch(ignoreMissing([]));
  return children.filter((child) => child.isDirectory()).map((child) => child.name);
}

/** Groups come and go while they are listed. */
function ignoreMissing<T>(instead: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === "ENOENT" || error.code === "ENODEV") return instead;
    throw error;
  };
}
