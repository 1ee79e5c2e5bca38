/**
 * Locks that hold across processes and checkouts of this machine. A lock is a socket in the kernel's abstract
 * namespace: it has one owner, is free the moment its owner dies, however that happens, and leaves no file behind. Who
 * waits asks the owner who it is, and is woken when it is gone.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { say } from "../build/progress.ts";

/** Who holds a lock. */
export interface Holder {
  readonly pid: number;
  /** ISO 8601. */
  readonly since: string;
  /** What for, such as "up". */
  readonly purpose: string;
  /** The checkout that it runs from. */
  readonly checkout: string;
}

/** The locks that the running code holds: taking one again inside of it succeeds. */
const held = new AsyncLocalStorage<ReadonlySet<string>>();

/**
 * Runs `work` while no other process on this machine holds the lock `name`. Waits for a present holder, and says who it is;
 * work that already holds the lock continues at once.
 */
export async function exclusively<T>(
  name: string,
  purpose: string,
  checkout: string,
  work: () => Promise<T>,
): Promise<T> {
  const mine = held.getStore() ?? new Set<string>();
  if (mine.has(name)) return work();
  const release = await take(name, { pid: process.pid, since: new Date().toISOString(), purpose, checkout });
  try {
    return await held.run(new Set([...mine, name]), work);
  } finally {
    await release();
  }
}

/** A holder in words. */
function describeHolder(holder: Holder): string {
  return `process ${holder.pid} (${holder.purpose}, since ${holder.since}, from ${holder.checkout})`;
}

async function take(name: string, holder: Holder): Promise<() => Promise<void>> {
  let told = "";
  for (;;) {
    const release = await listen(name, holder);
    if (release !== undefined) return release;
    const { holder: other, gone } = await ask(name);
    if (other !== undefined && other.pid !== process.pid && told !== other.since) {
      told = other.since;
      say(`  waiting for ${describeHolder(other)} to finish`);
    }
    await gone;
  }
}

/** Becomes the holder and returns how to stop being it; undefined when there is one already. */
function listen(name: string, holder: Holder): Promise<(() => Promise<void>) | undefined> {
  const waiting = new Set<Socket>();
  const server = createServer((socket) => {
    waiting.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => waiting.delete(socket));
    socket.write(`${JSON.stringify(holder)}\n`);
  });
  const release = () =>
    new Promise<void>((resolve) => {
      server.close(() => {
        resolve();
      });
      for (const socket of waiting) socket.destroy();
    });
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(undefined);
      else reject(error);
    });
    server.listen(`\0${name}`, () => {
      resolve(release);
    });
  });
}

interface Answer {
  /** Undefined if no process holds the lock, or no longer. */
  readonly holder?: Holder;
  /** Resolves when the holder is gone. */
  readonly gone: Promise<void>;
}

function ask(name: string): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = connect(`\0${name}`);
    let received = "";
    const gone = new Promise<void>((over) => {
      socket.on("close", () => {
        resolve({ gone });
        // A holder that is about to close refuses connections for a moment.
        void sleep(20).then(over);
      });
    });
    socket.on("error", () => socket.destroy());
    socket.on("data", (data) => {
      received += data.toString();
      if (received.includes("\n")) resolve({ holder: JSON.parse(received) as Holder, gone });
    });
  });
}
