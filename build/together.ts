/** Work that is done at the same time. */
import { say } from "./progress.ts";

/**
 * Returns what each of `work` does. When one fails, says so, waits for the others and then throws its error
 * it: what they make is kept for the next run, and nothing runs any longer when the caller continues.
 */
export async function together<T extends readonly unknown[]>(...work: { [K in keyof T]: Promise<T[K]> }): Promise<T> {
  let pending = work.length;
  const ending = work.map(async (one) => {
    try {
      await one;
    } catch (error) {
      if (pending > 1)
        say(`${error instanceof Error ? error.message : String(error)}\n  waiting for what else is at work`);
    } finally {
      pending -= 1;
    }
  });
  await Promise.all(ending);
  return Promise.all(work);
}
