/**
 * Processes that outlive the one that started them. A process is known by its id, its start time and the machine's
 * boot, so that a signal never reaches a stranger who was given the same id later.
 */
import { spawn } from "node:child_process";
import { open, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** Who a process is, for as long as it lives. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks between the machine's boot and the process's start. */
  readonly startTicks: string;
  readonly bootId: string;
}

/** The process that has this id now; undefined when none has, or when it is dead and only waits to be collected. */
export async function identityOf(pid: number): Promise<ProcessIdentity | undefined> {
  let stat: string;
  try {
    stat = await readFile(`/proc/${pid}/stat`, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ESRCH") return undefined;
    throw error;
  }
  // The name, in parentheses, may hold anything; what follows it is: state, parent, … and the start time as the 20th.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, startTicks] = [fields[0], fields[19]];
  if (state === "Z" || state === "X" || startTicks === undefined) return undefined;
  const bootId = (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
  return { pid, startTicks, bootId };
}

/** True while that very process runs. */
export async function isAlive(identity: ProcessIdentity | undefined): Promise<boolean> {
  if (identity === undefined) return false;
  const now = await identityOf(identity.pid);
  return now?.startTicks === identity.startTicks && now.bootId === identity.bootId;
}

/** Sends a signal to that very process, a name or a number. Does nothing when it is gone. */
export async function signal(identity: ProcessIdentity, name: NodeJS.Signals | number): Promise<void> {
  if (!(await isAlive(identity))) return;
  try {
    process.kill(identity.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Waits until the process is gone; false when it still runs after `milliseconds`. */
export async function goneWithin(identity: ProcessIdentity, milliseconds: number): Promise<boolean> {
  const deadline = performance.now() + milliseconds;
  while (await isAlive(identity)) {
    if (performance.now() > deadline) return false;
    await sleep(50);
  }
  return true;
}

/**
 * Starts a process in a session of its own, with nothing of this process's terminal: it stays when this process ends.
 * Its output is appended to `log`. Throws when it cannot be started or ends at once.
 */
export async function startDetached(
  command: readonly [string, ...string[]],
  log: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<ProcessIdentity> {
  const output = await open(log, "a", 0o600);
  try {
    const [program, ...args] = command;
    const child = spawn(program, args, {
      cwd: "/",
      detached: true,
      stdio: ["ignore", output.fd, output.fd],
      env: { ...process.env, ...environment },
    });
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", reject);
    });
    child.unref();
    const identity = child.pid === undefined ? undefined : await identityOf(child.pid);
    if (identity === undefined) throw new Error(`${program} exited immediately; see ${log}`);
    return identity;
  } finally {
    await output.close();
  }
}
