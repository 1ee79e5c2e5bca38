import * as pulumi from "@pulumi/pulumi";
import type { BackupCopy, BackupCronArgs, BackupDrill } from "./backupCronArgs.ts";
import { longestGap, nextRuns, onCalendar } from "./onCalendar.ts";

/** Schedule, generations and places of backups, with every default, checked. */
export interface BackupPlan {
  /** A cron expression in UTC. */
  readonly schedule: string;
  /** The same as systemd's `OnCalendar` lines. */
  readonly calendar: readonly string[];
  /** Seconds after which the newest backup is too old: one run may fail, and the next may be late. */
  readonly maxAgeSeconds: number;
  readonly keep: number;
  readonly daily: number;
  readonly weekly: number;
  readonly monthly: number;
  readonly directory: string;
  readonly metricsDirectory: string | undefined;
  readonly recipients: readonly string[];
  readonly copy: BackupCopy | undefined;
  readonly drill: BackupDrillPlan | undefined;
}

/** When restore drills happen. */
export interface BackupDrillPlan extends BackupDrill {
  /** As systemd's `OnCalendar` lines. */
  readonly calendar: readonly string[];
  /** Seconds after which the last drill is too old. */
  readonly maxAgeSeconds: number;
}

/** @throws pulumi.InputPropertyError about a schedule, a count or a directory that cannot be used. */
export function planBackups(args: BackupCronArgs): BackupPlan {
  const { schedule = "17 * * * *", drill, metricsDirectory } = args;
  return {
    schedule,
    calendar: calendarOf(schedule),
    maxAgeSeconds: maxAgeOf(schedule),
    keep: checkedKeep(args.keep ?? 48),
    daily: checkedGenerations("daily", args.daily ?? 7),
    weekly: checkedGenerations("weekly", args.weekly ?? 4),
    monthly: checkedGenerations("monthly", args.monthly ?? 6),
    drill: drill && {
      ...drill,
      calendar: calendarOf(drill.schedule, "drill.schedule"),
      maxAgeSeconds: maxAgeOf(drill.schedule),
    },
    directory: checkedDirectory("directory", args.directory ?? "/var/backups/k3s-ha"),
    metricsDirectory:
      metricsDirectory === undefined ? undefined : checkedDirectory("metricsDirectory", metricsDirectory),
    recipients: args.recipients ?? [],
    copy: args.copy,
  };
}

/** When the next five backups are taken, in UTC. */
export function nextBackups({ schedule }: BackupPlan, now: Date): string[] {
  return nextRuns(schedule, now, 5).map((run) => run.toISOString().replace("T", " ").slice(0, 16));
}

function maxAgeOf(schedule: string): number {
  return 2 * longestGap(schedule) + 3600;
}

function calendarOf(schedule: string, propertyPath = "schedule"): string[] {
  try {
    return onCalendar(schedule);
  } catch (error) {
    throw new pulumi.InputPropertyError({
      propertyPath,
      reason: error instanceof Error ? error.message : String(error),
    });
  }
}

function checkedKeep(keep: number): number {
  if (Number.isSafeInteger(keep) && keep >= 1) return keep;
  throw new pulumi.InputPropertyError({
    propertyPath: "keep",
    reason: `is ${keep}, but has to be a whole number of at least 1`,
  });
}

function checkedGenerations(propertyPath: string, count: number): number {
  if (Number.isSafeInteger(count) && count >= 0) return count;
  throw new pulumi.InputPropertyError({
    propertyPath,
    reason: `is ${count}, but has to be a whole number of at least 0`,
  });
}

/** Names that need quoting nowhere: not in a unit, not in a settings file, not in a command typed by hand. */
function checkedDirectory(propertyPath: string, directory: string): string {
  const names = directory.split("/").slice(1);
  if (directory.startsWith("/") && names.every((part) => /^[\w@+-][\w.@+-]*$/.test(part))) return directory;
  throw new pulumi.InputPropertyError({
    propertyPath,
    reason: `is ${JSON.stringify(directory)}, but has to be an absolute path of letters, digits and "_@+.-"`,
  });
}
