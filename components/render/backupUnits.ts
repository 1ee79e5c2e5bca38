import { backupProgramPath } from "./backupProgram.ts";

/** Minutes after which a run is ended: a datastore of some GiB takes a few, and a hung one must not hold up the next. */
const runMinutes = 60;

/**
 * The service that takes one backup. It gives way to whatever else the host does, writes nowhere but into the
 * backup directory, and, being one unit, never runs twice at the same time.
 */
export function renderBackupService(directory: string): string {
  return `# Written by k3s-ha; changes made here are overwritten.
[Unit]
Description=Verified backup of the K3s datastore
Wants=network-online.target
After=network-online.target
RequiresMountsFor=${directory}

[Service]
Type=oneshot
ExecStart=${backupProgramPath} run
TimeoutStartSec=${runMinutes}min
Nice=10
CPUSchedulingPolicy=batch
IOSchedulingClass=best-effort
IOSchedulingPriority=7
UMask=0077
NoNewPrivileges=yes
PrivateTmp=yes
ProtectSystem=strict
ReadWritePaths=${directory}
`;
}

/** The timer: one `OnCalendar=` line for each of the schedule's, and a run that was missed is made up for at boot. */
export function renderBackupTimer(schedule: readonly string[]): string {
  return `# Written by k3s-ha; changes made here are overwritten.
[Unit]
Description=Schedule of the backups of the K3s datastore

[Timer]
${schedule.map((line) => `OnCalendar=${line}`).join("\n")}
AccuracySec=1s
Persistent=true

[Install]
WantedBy=timers.target
`;
}
