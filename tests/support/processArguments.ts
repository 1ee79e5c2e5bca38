/**
 * Every command line that any process on this machine had, the sandbox's hosts included, sampled while something runs.
 */
import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** Time between samples. Most programs live longer; what is missed in one run is caught in another. */
const everyMilliseconds = 25;

/** Runs `work`, and returns its result with all the command lines that were seen meanwhile. */
export async function sampleArguments<T>(work: () => Promise<T>): Promise<{ result: T; seen: ReadonlySet<string> }> {
  const seen = new Set<string>();
  const finished = new AbortController();
  const sampling = (async () => {
    while (!finished.signal.aborted) {
      await sampleOnce(seen);
      await sleep(everyMilliseconds);
    }
  })();
  try {
    return { result: await work(), seen };
  } finally {
    finished.abort();
    await sampling;
  }
}

async function sampleOnce(seen: Set<string>): Promise<void> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  await Promise.all(
    pids.map(async (pid) => {
      // A process may be gone by now.
      const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      if (line !== "") seen.add(line.replaceAll("\0", " "));
    }),
  );
}
