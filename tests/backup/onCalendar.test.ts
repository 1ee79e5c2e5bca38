// Proves that the calendar lines elapse at the very minutes that cron means, by asking systemd itself. It does not
// prove that a timer with these lines runs anything: the sandbox does.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { CronExpressionParser } from "cron-parser";
import fc from "fast-check";
import { longestGap, nextRuns, onCalendar } from "../../components/backup/onCalendar.ts";

const run = promisify(execFile);

describe("onCalendar", () => {
  const examples: [cron: string, lines: string[]][] = [
    ["17 * * * *", ["*-*-* *:17:00 UTC"]],
    ["*/15 2-5 * * *", ["*-*-* 02..05:00..45/15:00 UTC"]],
    ["0 3 * * MON-FRI", ["Mon,Tue,Wed,Thu,Fri *-*-* 03:00:00 UTC"]],
    ["30 4 1,15 JAN,JUL *", ["*-01,07-01,15 04:30:00 UTC"]],
    ["0 0 13 * FRI", ["*-*-13 00:00:00 UTC", "Fri *-*-* 00:00:00 UTC"]],
    ["0 0 * * 7", ["Sun *-*-* 00:00:00 UTC"]],
    ["0 0 L * *", ["*-*~01 00:00:00 UTC"]],
    ["0 0 1,L * *", ["*-*-01 00:00:00 UTC", "*-*~01 00:00:00 UTC"]],
    ["0 0 * * 5L", ["Fri *-*~07/1 00:00:00 UTC"]],
    ["0 0 * * 1#2", ["Mon *-*-08..14 00:00:00 UTC"]],
    ["@hourly", ["*-*-* *:00:00 UTC"]],
    ["@daily", ["*-*-* 00:00:00 UTC"]],
    ["@weekly", ["Sun *-*-* 00:00:00 UTC"]],
    ["@monthly", ["*-*-01 00:00:00 UTC"]],
    ["@yearly", ["*-01-01 00:00:00 UTC"]],
  ];
  for (const [cron, lines] of examples) {
    it(`writes ${cron} as ${lines.join(" and ")}`, () => {
      assert.deepEqual(onCalendar(cron), lines);
    });
    it(`elapses when ${cron} does`, async () => {
      for (const now of ["2026-01-31T23:59:00Z", "2027-12-24T11:30:00Z"]) await assertSameTimes(cron, new Date(now));
    });
  }

  it("elapses when any cron expression does", async () => {
    await fc.assert(
      fc.asyncProperty(cronExpression, moment, (cron, now) => assertSameTimes(cron, now)),
      { numRuns: 150 },
    );
  });

  const refusals: [cron: string, message: RegExp][] = [
    ["", /"" is not a cron expression: it needs five fields/],
    ["17 * * *", /needs five fields/],
    ["0 17 * * * *", /needs five fields/],
    ["60 * * * *", /"60 \* \* \* \*" is not a cron expression: .*0-59/],
    ["0 0 31 2 *", /is not a cron expression/],
    ["0 0 * * FOO", /is not a cron expression/],
    ["@reboot", /is not a cron expression/],
    ["@secondly", /more than one run a minute/],
    ["H * * * *", /has a random field/],
    ["0 0 * * * # nightly", /needs five fields/],
  ];
  for (const [cron, message] of refusals) {
    it(`refuses "${cron}"`, () => {
      assert.throws(() => onCalendar(cron), { name: "Error", message });
    });
  }
});

/** What a field of a cron expression may look like: a list of numbers, ranges and steps, or a star. */
function field(min: number, max: number, names: readonly string[] = []): fc.Arbitrary<string> {
  const number = fc.integer({ min, max });
  const range = fc.tuple(number, number).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`);
  const step = fc.integer({ min: 1, max: max + 1 });
  const item = fc.oneof(
    number.map(String),
    range,
    fc.tuple(range, step).map(([values, every]) => `${values}/${every}`),
    step.map((every) => `*/${every}`),
    ...(names.length > 0 ? [fc.constantFrom(...names)] : []),
  );
  return fc.oneof(
    { weight: 2, arbitrary: fc.constant("*") },
    { weight: 3, arbitrary: item },
    fc.array(item, { minLength: 2, maxLength: 3 }).map((items) => items.join(",")),
  );
}

const months = ["JAN", "feb", "Mar", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const dayNames = ["SUN", "mon", "Tue", "WED", "THU", "FRI", "SAT"];
const lastDay = fc.constantFrom("L", "1,L");
const rareWeekday = fc
  .tuple(fc.integer({ min: 0, max: 7 }), fc.constantFrom("L", "#1", "#2", "#5"))
  .map((parts) => parts.join(""));

/** Expressions that cron-parser takes: it refuses lists that name a value twice. */
const cronExpression = fc
  .tuple(
    field(0, 59),
    field(0, 23),
    fc.oneof({ weight: 5, arbitrary: field(1, 31) }, { weight: 1, arbitrary: lastDay }),
    field(1, 12, months),
    fc.oneof({ weight: 5, arbitrary: field(0, 7, dayNames) }, { weight: 1, arbitrary: rareWeekday }),
  )
  .map((fields) => fields.join(" "))
  .filter((cron) => {
    try {
      CronExpressionParser.parse(cron);
      return true;
    } catch {
      return false;
    }
  });

const moment = fc.date({
  min: new Date("2024-01-01T00:00:00Z"),
  max: new Date("2030-01-01T00:00:00Z"),
  noInvalidDate: true,
});

/** Fails unless the next times of the timer after `now` are those of cron. */
async function assertSameTimes(cron: string, now: Date): Promise<void> {
  const count = 5;
  const start = Math.floor(now.getTime() / 1000) * 1000;
  const expression = CronExpressionParser.parse(cron, { currentDate: new Date(start), tz: "UTC" });
  const expected = expression.take(count).map((date) => date.toDate().toISOString());
  const lines = onCalendar(cron);
  const times = new Set<number>();
  for (const line of lines) {
    const base = new Date(start).toISOString().replace("T", " ").replace(".000Z", " UTC");
    const { stdout } = await run(
      "systemd-analyze",
      ["calendar", `--iterations=${count}`, `--base-time=${base}`, line],
      {
        env: { ...process.env, TZ: "UTC", LC_ALL: "C" },
      },
    );
    for (const [, date, time] of stdout.matchAll(/(?:Next elapse|Iter(?:ation|\.) #\d+): \w+ (\S+) (\S+) UTC/g)) {
      times.add(Date.parse(`${date}T${time}Z`));
    }
  }
  const elapses = [...times].sort((a, b) => a - b).slice(0, count);
  assert.deepEqual(
    elapses.map((time) => new Date(time).toISOString()),
    expected,
    `${cron} → ${lines.join(" | ")}`,
  );
}

describe("nextRuns", () => {
  it("are the next ones, in UTC", () => {
    assert.deepEqual(
      nextRuns("0 3 29 2 *", new Date("2026-01-31T12:00:00Z"), 2).map((run) => run.toISOString()),
      ["2028-02-29T03:00:00.000Z", "2032-02-29T03:00:00.000Z"],
    );
  });
});

describe("longestGap", () => {
  for (const [schedule, hours] of [
    ["17 * * * *", 1],
    ["0 3 * * MON-FRI", 72],
    ["0 0,8 * * *", 16],
    ["0 0 1 * *", 31 * 24],
  ] as const) {
    it(`of ${schedule} is ${hours} hours`, () => {
      assert.equal(longestGap(schedule), hours * 3600);
    });
  }
});
