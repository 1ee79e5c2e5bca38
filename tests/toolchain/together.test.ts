/** Work at the same time: what comes of it, and when. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { together } from "../../build/together.ts";

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
