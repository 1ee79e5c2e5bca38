// Proves that every schedule that is accepted fires, and that the backup's timer can follow it.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { nextRun, scheduleFault } from "../../components/config/schedule.ts";
import { onCalendar } from "../../components/backup/onCalendar.ts";

const now = new Date("2026-11-23T12:00:00Z");

function field(least: number, most: number): fc.Arbitrary<string> {
  const number = fc.integer({ min: least, max: most });
  const range = fc.tuple(number, number).map((ends) => ends.toSorted((a, b) => a - b).join("-"));
  const steps = fc
    .tuple(fc.oneof(fc.constant("*"), range), fc.integer({ min: 1, max: most }))
    .map((parts) => parts.join("/"));
  const one = fc.oneof(fc.constant("*"), number.map(String), range, steps);
  return fc.oneof(
    { weight: 3, arbitrary: one },
    fc.array(number, { minLength: 1, maxLength: 4 }).map((list) => list.join(",")),
  );
}

const schedule = fc
  .tuple(field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7))
  .map((fields) => fields.join(" "));

describe("a schedule", () => {
  it("that is accepted has a next run, and a timer", () => {
    let accepted = 0;
    fc.assert(
      fc.property(schedule, (text) => {
        if (scheduleFault(text, now) !== undefined) return;
        accepted++;
        const next = nextRun(text, now);
        assert.ok(next !== undefined && next > now && next.getUTCFullYear() <= 2031);
        assert.ok(onCalendar(text).length > 0);
      }),
      { numRuns: 500 },
    );
    assert.ok(accepted > 100, `only ${accepted} of 500 were accepted, so next to nothing was proved`);
  });

  it("never makes the check fail, whatever its text", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const fault = scheduleFault(text, now);
        assert.ok(fault === undefined || fault.length > 0);
      }),
    );
  });

  for (const text of [
    "0 0 29 2 *",
    "*/15 2-5 * JAN,JUL MON-FRI",
    "0 0 31 1 *",
    "0 0 * * 7",
    "0 0 L * *",
    "0 0 30 2 1",
  ]) {
    it(`may be "${text}"`, () => {
      assert.equal(scheduleFault(text, now), undefined);
    });
  }

  for (const text of ["0 0 31 4 *", "0 0 30 2 *", "0 0 31 2,4,6,9,11 *"]) {
    it(`may not be "${text}", which is never`, () => {
      assert.match(scheduleFault(text, now) ?? "", /^never fires in the next 5 years/);
    });
  }
});
