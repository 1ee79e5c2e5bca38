import { backupProgramPath } from "./backupProgram.ts";
import { writtenBy } from "../host/writtenBy.ts";

/** Names of the units of backups, without their endings; that of failures is a template. */
export const backupUnits = {
  backup: "k3s-ha-backup",
  inspection: "k3s-ha-backup-inspection",
  drill: "k3s-ha-restore-drill",
  failure: "k3s-ha-failed@",
} as const;

/** Minutes after which a run is ended: a datastore of some GiB takes a few, and a hung one must not hold up the next. */
const runMinutes = 60;

/** The directory from which Debian's node exporter reads other programs' metrics. */
export const nodeExporterDirectory = "/var/lib/prometheus/node-exporter";

/** The common settings of all units for backups: a low priority, and write access only to their own directories. */
function hardening(writable: readonly string[]): string {
  return `Nice=10
CPUSchedulingPolicy=batch
IOSchedulingClass=best-effort
IOSchedulingPriority=7
UMask=0077
NoNewPrivileges=yes
PrivateTmp=yes
ProtectSystem=strict
ReadWritePaths=${writable.join(" ")}`;
}

/**
 * The service that takes one backup. It gives way to whatever else the host does, writes nowhere but into the
 * backup directory and that of the metrics, and, being one unit, never runs twice at the same time. When it fails,
 * the failure is reported.
 */
export function renderBackupService(
  directory: string,
  metricsDirectory: string = `-${nodeExporterDirectory}`,
  drillAfterwards = false,
): string {
  return `# ${writtenBy}
[Unit]
Description=Verified backup of the K3s datastore
Wants=network-online.target
After=network-online.target
RequiresMountsFor=${directory}
OnFailure=${backupUnits.failure}%N.service

[Service]
Type=oneshot
ExecStart=${backupProgramPath} run
${drillAfterwards ? `ExecStartPost=${backupProgramPath} drill\n` : ""}TimeoutStartSec=${runMinutes}min
${hardening([directory, metricsDirectory])}
`;
}

/** The service that restores the newest backup, as it is kept, into a scratch server. */
export function renderDrillService(directory: string, metricsDirectory: string = `-${nodeExporterDirectory}`): string {
  return `# ${writtenBy}
[Unit]
Description=Restore drill of the K3s datastore
RequiresMountsFor=${directory}
OnFailure=${backupUnits.failure}%N.service

[Service]
Type=oneshot
ExecStart=${backupProgramPath} drill
TimeoutStartSec=${runMinutes}min
${hardening([directory, metricsDirectory])}
`;
}

/** When the daily inspection begins: at an hour at which little else does. */
export const inspectionCalendar: readonly string[] = ["*-*-* 05:23:00 UTC"];

/** The service that inspects backups and copies that were good once; what is missing is reported as a failure. */
export function renderInspectionService(
  directory: string,
  metricsDirectory: string = `-${nodeExporterDirectory}`,
): string {
  return `# ${writtenBy}
[Unit]
Description=Inspection of the backups of the K3s datastore and their copies
Wants=network-online.target
After=network-online.target
RequiresMountsFor=${directory}
OnFailure=${backupUnits.failure}%N.service

[Service]
Type=oneshot
ExecStart=${backupProgramPath} inspect
TimeoutStartSec=${runMinutes}min
${hardening([directory, metricsDirectory])}
`;
}

/** The service that reports another one's failure; its instance is that one's name. */
export function renderFailureService(): string {
  return `# ${writtenBy}
[Unit]
Description=Alarm for %i

[Service]
Type=oneshot
ExecStart=${backupProgramPath} failed %i
TimeoutStartSec=5min
`;
}

/** The timer: one `OnCalendar=` line for each of the schedule's, and a run that was missed is made up for at boot. */
export function renderBackupTimer(schedule: readonly string[], what = "backups"): string {
  return `# ${writtenBy}
[Unit]
Description=Schedule of the ${what} of the K3s datastore

[Timer]
${schedule.map((line) => `OnCalendar=${line}`).join("\n")}
AccuracySec=1s
Persistent=true

[Install]
WantedBy=timers.target
`;
}
