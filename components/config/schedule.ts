import { CronExpressionParser } from "cron-parser";

/** Years within which a schedule has to fire: 29 February, the rarest day there is, comes round in four (until 2096). */
const horizonYears = 5;

/** The message for a day of the month that the month does not have; the parser's own messages are about itself. */
const impossibleDay = "Invalid explicit day of month definition";

/** The next time, after `now`, that a valid schedule fires; undefined when it does not within the horizon. */
export function nextRun(schedule: string, now: Date): Date | undefined {
  const end = new Date(now);
  end.setUTCFullYear(end.getUTCFullYear() + horizonYears);
  const expression = CronExpressionParser.parse(schedule, { currentDate: now, endDate: end, tz: "UTC" });
  return expression.hasNext() ? expression.next().toDate() : undefined;
}

/** Why a schedule cannot be used, with the remedy, or undefined. */
export function scheduleFault(schedule: string, now: Date): string | undefined {
  const fields = schedule.trim().split(/\s+/);
  if (fields.length !== 5 || schedule.startsWith("@")) {
    return `has to be a cron expression of five fields, and this has ${fields.length}: write minute, hour, day of month, month and day of week, such as "17 * * * *"`;
  }
  if (fields.some((field) => /(^|,)H/i.test(field))) {
    return 'has to say its times, and "H" leaves one to chance, another in every run: write the number itself';
  }
  try {
    if (nextRun(schedule, now) !== undefined) return undefined;
  } catch (error) {
    const { message } = error as Error;
    if (!message.includes(impossibleDay)) return `has to be a valid cron expression (${message}): correct that field`;
  }
  return `never fires in the next ${horizonYears} years, so no backup would ever be taken: choose a day that its month has`;
}
