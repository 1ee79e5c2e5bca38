/**
 * Progress of long work, for people and for logs: each step says when it starts, a line every fifteen seconds while
 * it lasts, and how long it took. Everything is written to stderr, so that a command's stdout stays usable by machines.
 */

/** How often a running step says that it is still at work. Long enough not to flood a CI log. */
const stillRunningEveryMilliseconds = 15_000;

/** Seconds with one decimal since `start` (a `performance.now()` value). */
export function secondsSince(start: number): string {
  return `${((performance.now() - start) / 1000).toFixed(1)} s`;
}

/** Prints one line of progress. */
export function say(message: string): void {
  process.stderr.write(`${message}\n`);
}

/** What a running step can say about how far it is. */
export interface Step {
  /** Sets what the next "still running" line says, e.g. the last line of a build. */
  detail(text: string): void;
}

/**
 * Runs one named step with progress. A step that fails says so with its name, then throws what it threw.
 */
export async function step<T>(name: string, work: (step: Step) => Promise<T>): Promise<T> {
  const start = performance.now();
  let detail = "";
  say(`▸ ${name}`);
  const timer = setInterval(() => {
    say(`  … ${name}: ${secondsSince(start)}${detail ? ` (${detail})` : ""}`);
  }, stillRunningEveryMilliseconds);
  timer.unref();
  try {
    const result = await work({ detail: (text) => (detail = text.trim().slice(0, 160)) });
    say(`✓ ${name} (${secondsSince(start)})`);
    return result;
  } catch (error) {
    say(`✗ ${name} failed after ${secondsSince(start)}`);
    throw error;
  } finally {
    clearInterval(timer);
  }
}
