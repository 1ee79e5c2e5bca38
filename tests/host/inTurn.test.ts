// Proves that resources of a large stack are made a few at a time, that none is left out, and that a failure holds up no other.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import * as pulumi from "@pulumi/pulumi";
import { makeInTurn } from "../../components/host/inTurn.ts";

/** A resource whose registration the test ends. */
class Pending {
  readonly urn: pulumi.Output<string>;
  readonly register: (urn: string) => void;
  readonly fail: (error: Error) => void;

  constructor() {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    this.urn = pulumi.output(promise);
    this.register = resolve;
    this.fail = reject;
  }
}

/** Makes so many resources, and tells which were made. */
function start(count: number, width: number, fault?: { at: number; error: Error }) {
  const made: Pending[] = [];
  const all = makeInTurn(
    Array.from({ length: count }, (_, index) => index),
    (index) => {
      if (index === fault?.at) throw fault.error;
      const pending = new Pending();
      made.push(pending);
      return pending as unknown as pulumi.Resource;
    },
    width,
  );
  return { made, all };
}

/** Lets whatever can go on do so. */
async function settle(): Promise<void> {
  for (let round = 0; round < 20; round++) await turn();
}

describe("makeInTurn", () => {
  it("makes all of a small stack at once, before it returns", async () => {
    const { made, all } = start(3, 3);
    assert.equal(made.length, 3);
    await all;
  });

  it("makes a further one when the one a width before it is registered", async () => {
    const { made, all } = start(5, 2);
    assert.equal(made.length, 2);
    made[1]?.register("urn-1");
    await settle();
    assert.equal(made.length, 2);
    made[0]?.register("urn-0");
    await settle();
    assert.equal(made.length, 4);
    made[2]?.register("urn-2");
    await all;
    assert.equal(made.length, 5);
  });

  it("goes on after one that failed", async () => {
    const { made, all } = start(3, 1);
    made[0]?.fail(new Error("refused"));
    await settle();
    made[1]?.register("urn-1");
    await all;
    assert.equal(made.length, 3);
  });

  it("fails as what makes them does, at once or later, and makes no further one", async () => {
    const error = new Error("no address");
    await assert.rejects(start(2, 5, { at: 0, error }).all, error);
    const { made, all } = start(4, 1, { at: 1, error });
    const failed = assert.rejects(all, error);
    made[0]?.register("urn-0");
    await failed;
    assert.equal(made.length, 1);
  });
});
