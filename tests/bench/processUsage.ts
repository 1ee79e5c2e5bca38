/** What a command and the processes that it starts take of the machine, read from /proc while they run. */
import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** What one process took. */
export interface Usage {
  /** Its command line, words separated by spaces. */
  readonly command: string;
  /** Most memory that it held at one time, in MiB. The kernel keeps count, so a late sample misses nothing. */
  readonly peakMebibytes: number;
  /** Processor time in its own code, in seconds, without the kernel's. */
  readonly userSeconds: number;
}

const everyMilliseconds = 50;

/** The kernel's unit of processor time that /proc counts in, on every Linux of today. */
const ticksPerSecond = 100;

/** Watches a process and all that descend from it until `finished` settles. */
export async function watchUsage(root: number, finished: Promise<unknown>): Promise<Usage[]> {
  const usages = new Map<number, Usage>();
  let running = true;
  const stop = () => (running = false);
  finished.then(stop, stop);
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- set by the promise
  while (running) {
    for (const pid of await descendantsOf(root)) {
      const usage = await usageOf(pid);
      if (usage !== undefined) usages.set(pid, usage);
    }
    await sleep(everyMilliseconds);
  }
  return [...usages.values()];
}

async function descendantsOf(root: number): Promise<number[]> {
  const children = new Map<number, number[]>();
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const parent = Number((await statOf(Number(name)))?.[1] ?? NaN);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const within = (pid: number): number[] => [pid, ...(children.get(pid) ?? []).flatMap(within)];
  return within(root);
}

async function usageOf(pid: number): Promise<Usage | undefined> {
  const stat = await statOf(pid);
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  // It has ended meanwhile, or it is only being started.
  if (stat === undefined || kibibytes === undefined) return undefined;
  const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return {
    command: command.replaceAll("\0", " ").trim(),
    peakMebibytes: Number(kibibytes) / 1024,
    userSeconds: Number(stat[11]) / ticksPerSecond,
  };
}

/** The fields of /proc/<pid>/stat after the program's name: state, parent, … */
async function statOf(pid: number): Promise<string[] | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  return text?.slice(text.lastIndexOf(")") + 2).split(" ");
}
