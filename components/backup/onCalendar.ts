import { CronExpressionParser, CronFieldCollection } from "cron-parser";

const weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"] as const;

/** The weekdays and the days of a month of one line. */
interface Days {
  /** Weekdays, as systemd writes them; empty: every one. */
  weekdays: string;
  /** "-" and days counted from the start of a month, or "~" and days counted from its end. */
  days: string;
}

/**
 * The `OnCalendar=` values of a systemd timer that elapse, in UTC, exactly when the cron expression does. Takes the
 * five fields of cron with lists, ranges, steps and names, `L` for the last day of a month, `5L` for its last Friday,
 * `5#1` for its first one, and the macros from `@yearly` to `@minutely`. There is more than one value when both days
 * fields are restricted: cron then means either of them, systemd would mean both.
 * @throws Error that names the expression when it is not one, or says more than minutes, or leaves the minute to chance.
 */
export function onCalendar(cron: string): string[] {
  const { minute, hour, month, dayOfMonth, dayOfWeek } = parse(cron);
  const days: Days[] = [];
  if (!dayOfMonth.isWildcard) {
    const counted = dayOfMonth.values.filter((day) => day !== "L");
    if (counted.length > 0) days.push({ weekdays: "", days: `-${compact(counted, 31)}` });
    if (dayOfMonth.hasLastChar) days.push({ weekdays: "", days: "~01" });
  }
  if (!dayOfWeek.isWildcard) {
    const everyWeek = dayOfWeek.values.filter((day) => typeof day === "number");
    const lastWeek = dayOfWeek.values.filter((day) => typeof day === "string").map((day) => Number.parseInt(day, 10));
    const nth = dayOfWeek.nthDay;
    const inMonth = nth > 0 ? `-${pad(7 * nth - 6)}..${pad(Math.min(7 * nth, 31))}` : "-*";
    if (everyWeek.length > 0) days.push({ weekdays: weekdayNames(everyWeek), days: inMonth });
    if (lastWeek.length > 0) days.push({ weekdays: weekdayNames(lastWeek), days: "~07/1" });
  }
  if (days.length === 0) days.push({ weekdays: "", days: "-*" });
  const time = `${compact(hour.values, 24)}:${compact(minute.values, 60)}:00`;
  return days.map((day) => `${day.weekdays}*-${compact(month.values, 12)}${day.days} ${time} UTC`);
}

function parse(cron: string): CronFieldCollection {
  const fields = cron.trim().split(/\s+/);
  if (fields.length !== 5 && !/^@\w+$/.test(cron)) {
    throw new Error(
      `"${cron}" is not a cron expression: it needs five fields (minute hour day month weekday) or a macro such as @daily`,
    );
  }
  if (fields.some((field) => /(^|,)H/.test(field))) {
    throw new Error(`"${cron}" has a random field (H), which would differ in every run: write a number`);
  }
  let parsed: CronFieldCollection;
  try {
    parsed = CronExpressionParser.parse(cron).fields;
  } catch (error) {
    throw new Error(`"${cron}" is not a cron expression: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  if (parsed.second.values.length !== 1) throw new Error(`"${cron}" means more than one run a minute`);
  return parsed;
}

/** The next `count` times after `now` that a schedule fires, in UTC; fewer when there are not as many. */
export function nextRuns(cron: string, now: Date, count: number): Date[] {
  return CronExpressionParser.parse(cron, { currentDate: now, tz: "UTC" })
    .take(count)
    .map((date) => date.toDate());
}

/** The longest time, in seconds, between two runs of a schedule, as far as its next hundred after a certain day tell. */
export function longestGap(cron: string): number {
  const runs = nextRuns(cron, new Date("2026-01-01T00:00:00Z"), 100).map((date) => date.getTime() / 1000);
  return Math.max(...runs.slice(1).map((run, index) => run - (runs[index] ?? run)));
}

/** Sorted numbers the short way: "*" when all `count` of the field are there, else single ones, ranges and steps. */
function compact(values: readonly (number | string)[], count: number): string {
  if (values.length === count) return "*";
  return CronFieldCollection.compactField([...(values as number[])])
    .map(({ start, end, step }) => {
      if (end === undefined) return pad(start);
      return `${pad(start)}..${pad(end)}${step === undefined || step === 1 ? "" : `/${step}`}`;
    })
    .join(",");
}

function pad(value: number | string): string {
  return String(value).padStart(2, "0");
}

/** "Mon,Fri " for 1 and 5. Cron has two numbers for Sunday. */
function weekdayNames(days: readonly number[]): string {
  return `${[...new Set(days.map((day) => day % 7))].map((day) => weekdays[day]).join(",")} `;
}
