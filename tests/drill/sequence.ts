import type { Random } from "./random.ts";

/** Events in a random order, in which none comes before the one that it needs. */
export function inRandomOrder<T extends { name: string; after?: string }>(events: readonly T[], random: Random): T[] {
  const waiting = random.shuffle(events);
  const order: T[] = [];
  while (waiting.length > 0) {
    const done = new Set(order.map(({ name }) => name));
    const next = waiting.findIndex(({ after }) => after === undefined || done.has(after));
    if (next === -1) throw new Error(`${waiting.map(({ name }) => name).join(", ")}: what they need is not there`);
    order.push(...waiting.splice(next, 1));
  }
  return order;
}
