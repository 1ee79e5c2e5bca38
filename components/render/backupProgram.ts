import { readFileSync } from "node:fs";

/** Where the program is installed. */
export const backupProgramPath = "/usr/local/lib/k3s-ha/backup";

/** The parts of the program, as files below `scripts/`, in the order in which they stand in it. */
const parts = [
  "backup/settings",
  "backup/signature",
  "backup/backups",
  "backup/history",
  "backup/work",
  "sqlImport",
  "backup/source",
  "backup/verification",
  "backup/seal",
  "backup/copy",
  "backup/retention",
  "backup/drill",
  "datastoreExchange",
  "backup/replacement",
  "backup/fetch",
  "backup/alarm",
  "backup/inspection",
  "backup/main",
] as const;

/** The program that takes, checks, copies and lists backups, the same for every cluster. */
export const backupProgram = parts
  .map((part) => readFileSync(new URL(`./scripts/${part}.sh`, import.meta.url), "utf8"))
  .map((text) => text.replace(/^# shellcheck shell=bash\n/, ""))
  .join("\n");
