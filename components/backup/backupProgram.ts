import { readFileSync } from "node:fs";
import { engineScripts } from "../datastore/engine/scripts.ts";

/** Where the program is installed. */
export const backupProgramPath = "/usr/local/lib/k3s-ha/backup";

/** The program's name on its host's PATH, as a link that people and other scripts run. */
export const backupCommandPath = "/usr/local/sbin/k3s-ha-backup";

/** Where the program reads its settings. */
export const backupSettingsPath = "/etc/k3s-ha/backup.conf";

/** The parts of the program, in the order in which they stand in it. */
const parts = [
  new URL("./program/settings.sh", import.meta.url),
  new URL("./program/signature.sh", import.meta.url),
  new URL("./program/backups.sh", import.meta.url),
  new URL("./program/history.sh", import.meta.url),
  new URL("./program/work.sh", import.meta.url),
  engineScripts.sqlImport,
  new URL("./program/source.sh", import.meta.url),
  new URL("./program/verification.sh", import.meta.url),
  new URL("./program/seal.sh", import.meta.url),
  new URL("./program/copy.sh", import.meta.url),
  new URL("./program/retention.sh", import.meta.url),
  new URL("./program/drill.sh", import.meta.url),
  engineScripts.datastoreExchange,
  new URL("./program/replacement.sh", import.meta.url),
  new URL("./program/fetch.sh", import.meta.url),
  new URL("./program/alarm.sh", import.meta.url),
  new URL("./program/inspection.sh", import.meta.url),
  new URL("./program/main.sh", import.meta.url),
];

/** The program that takes, checks, copies and lists backups, the same for every cluster. */
export const backupProgram = parts
  .map((part) => readFileSync(part, "utf8"))
  .map((text) => text.replace(/^# shellcheck shell=bash\n/, ""))
  .join("\n");
