/** Work that is done at the same time. */

/**
 * Returns what each of `work` does. When one fails, waits for the others all the same and throws its error then: what
 * they make is kept for the next run, and nothing is at work any more when the caller goes on.
 */
export async function together<T extends readonly unknown[]>(...work: { [K in keyof T]: Promise<T[K]> }): Promise<T> {
  await Promise.allSettled(work);
  return Promise.all(work);
}
