import { readFileSync } from "node:fs";
import { engineScripts } from "../datastore/engine/scripts.ts";

/** Where the program is installed. */
export const backupProgramPath = "/usr/local/lib/k3s-ha/backup";

/** The parts of the program, in the order in which they stand in it. */
const parts = [
  new URL("./scripts/backup/settings.sh", import.meta.url),
  new URL("./scripts/backup/signature.sh", import.meta.url),
  new URL("./scripts/backup/backups.sh", import.meta.url),
  new URL("./scripts/backup/history.sh", import.meta.url),
  new URL("./scripts/backup/work.sh", import.meta.url),
  engineScripts.sqlImport,
  new URL("./scripts/backup/source.sh", import.meta.url),
  new URL("./scripts/backup/verification.sh", import.meta.url),
  new URL("./scripts/backup/seal.sh", import.meta.url),
  new URL("./scripts/backup/copy.sh", import.meta.url),
  new URL("./scripts/backup/retention.sh", import.meta.url),
  new URL("./scripts/backup/drill.sh", import.meta.url),
  engineScripts.datastoreExchange,
  new URL("./scripts/backup/replacement.sh", import.meta.url),
  new URL("./scripts/backup/fetch.sh", import.meta.url),
  new URL("./scripts/backup/alarm.sh", import.meta.url),
  new URL("./scripts/backup/inspection.sh", import.meta.url),
  new URL("./scripts/backup/main.sh", import.meta.url),
];

/** The program that takes, checks, copies and lists backups, the same for every cluster. */
export const backupProgram = parts
  .map((part) => readFileSync(part, "utf8"))
  .map((text) => text.replace(/^# shellcheck shell=bash\n/, ""))
  .join("\n");
