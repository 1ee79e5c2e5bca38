import { setTimeout as sleep } from "node:timers/promises";

/**
 * Repeats `check` until it does not throw, and returns what it returns; throws what it last threw after `seconds`. For
 * what comes a moment later by itself. The default is far more than anything takes, so that a busy machine is no failure.
 */
export async function eventually<T>(check: () => Promise<T>, seconds = 90): Promise<T> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await sleep(500);
    }
  }
}
