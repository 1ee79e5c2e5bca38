import { readFileSync } from "node:fs";

/** Where the program is installed. */
export const backupProgramPath = "/usr/local/lib/k3s-ha/backup";

/** The parts of the program in `scripts/backup/`, in the order in which they stand in it. */
const parts = [
  "settings",
  "backups",
  "work",
  "source",
  "verification",
  "seal",
  "copy",
  "retention",
  "drill",
  "alarm",
  "main",
] as const;

/** The program that takes, checks, copies and lists backups, the same for every cluster. */
export const backupProgram = parts
  .map((part) => readFileSync(new URL(`./scripts/backup/${part}.sh`, import.meta.url), "utf8"))
  .map((text) => text.replace(/^# shellcheck shell=bash\n/, ""))
  .join("\n");
