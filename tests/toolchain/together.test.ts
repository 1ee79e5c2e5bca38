/** Work at the same time, and in turns: what comes of it, and when. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { together } from "../../build/together.ts";
import { Turns } from "../../build/turns.ts";

it("gives what each of them returns", async () => {
  const [text, number] = await together(Promise.resolve("a"), sleep(5, 1));
  assert.deepEqual([text, number], ["a", 1]);
});

it("throws the error of the one that fails when the others have ended", async () => {
  let ended = false;
  const other = sleep(20).then(() => (ended = true));
  await assert.rejects(together(Promise.reject(new Error("no mirror")), other), /^Error: no mirror$/);
  assert.ok(ended);
});

it("gives turns one after the other, in the order in which they were asked for", async () => {
  const turns = new Turns();
  const order: string[] = [];
  const work = async (name: string) => {
    const endTurn = await turns.take();
    order.push(`${name} begins`);
    await sleep(5);
    order.push(`${name} ends`);
    endTurn();
    endTurn();
  };
  await together(work("a"), work("b"));
  await work("c");
  assert.deepEqual(order, ["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
});
