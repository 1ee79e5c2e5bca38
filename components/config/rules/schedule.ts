import { configPath } from "../configPath.ts";
import { type Problem, shown } from "../problem.ts";
import { scheduleFault } from "../schedule.ts";
import type { Configuration } from "../schema.ts";

/** Backups have to be taken some day: whether they are depends on today. */
export function unusableSchedule({ backup }: Configuration, now: Date): Problem[] {
  if (backup === undefined) return [];
  const schedules = [
    { path: configPath("backup", "schedule"), schedule: backup.schedule },
    ...(backup.drill === undefined
      ? []
      : [{ path: configPath("backup", "drill", "schedule"), schedule: backup.drill.schedule }]),
  ];
  return schedules.flatMap(({ path, schedule }) => {
    const fault = scheduleFault(schedule, now);
    if (fault === undefined) return [];
    const joint = fault.startsWith("has to") ? ", but " : " and ";
    return [{ path, fault: `is ${shown(schedule)}${joint}${fault}` }];
  });
}
