/** How many agents of a pool an operation works on at the same time. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { inPoolWaves } from "../../operations/agentWaves.ts";

const names = (pool: string, count: number) => Array.from({ length: count }, (_, index) => `${pool}-${index}`);

test("no more agents of a pool than its width are worked on at the same time, and each once", async () => {
  const pools = [
    { names: names("a", 7), waveWidth: 2 },
    { names: names("b", 5), waveWidth: 3 },
  ];
  const agents = pools.flatMap((pool) => pool.names.map((name) => ({ name })));
  const [now, most, done] = [new Map<string, number>(), new Map<string, number>(), [] as string[]];
  await inPoolWaves(pools, agents, async ({ name }) => {
    const pool = name.slice(0, 1);
    now.set(pool, (now.get(pool) ?? 0) + 1);
    most.set(pool, Math.max(most.get(pool) ?? 0, now.get(pool) ?? 0));
    await sleep(5);
    now.set(pool, (now.get(pool) ?? 0) - 1);
    done.push(name);
  });
  assert.deepEqual(Object.fromEntries(most), { a: 2, b: 3 });
  assert.deepEqual(done.toSorted(), agents.map(({ name }) => name).toSorted());
});

test("an agent that fails ends the whole, and no wave after it starts in its place", async () => {
  const started: string[] = [];
  const agents = names("a", 4).map((name) => ({ name }));
  await assert.rejects(
    inPoolWaves([{ names: names("a", 4), waveWidth: 1 }], agents, ({ name }) => {
      started.push(name);
      return Promise.reject(new Error(`${name} is not ready`));
    }),
    /a-0 is not ready/,
  );
  assert.deepEqual(started, ["a-0"]);
});
