import { readFileSync } from "node:fs";
import type { BackupDriver } from "../datastore/datastore.ts";

/** The path of the program. */
export const backupProgramPath = "/usr/local/lib/k3s-ha/backup";

/** The program's name on its host's PATH, as a link that people and other scripts run. */
export const backupCommandPath = "/usr/local/sbin/k3s-ha-backup";

/** The path of the program's settings. */
export const backupSettingsPath = "/etc/k3s-ha/backup.conf";

/** The program that takes, checks, copies and lists backups of an engine's datastores. */
export function renderBackupProgram({ reading, replacing }: Pick<BackupDriver, "reading" | "replacing">): string {
  const parts = [
    new URL("./program/settings.sh", import.meta.url),
    new URL("./program/signature.sh", import.meta.url),
    new URL("./program/backups.sh", import.meta.url),
    new URL("./program/history.sh", import.meta.url),
    new URL("./program/work.sh", import.meta.url),
    ...reading,
    new URL("./program/seal.sh", import.meta.url),
    new URL("./program/copy.sh", import.meta.url),
    new URL("./program/retention.sh", import.meta.url),
    new URL("./program/drill.sh", import.meta.url),
    ...replacing,
    new URL("./program/fetch.sh", import.meta.url),
    new URL("./program/alarm.sh", import.meta.url),
    new URL("./program/inspection.sh", import.meta.url),
    new URL("./program/main.sh", import.meta.url),
  ];
  return parts
    .map((part) => readFileSync(part, "utf8"))
    .map((text) => text.replace(/^# shellcheck shell=bash\n/, ""))
    .join("\n");
}
