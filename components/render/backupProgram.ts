import { readFileSync } from "node:fs";

/** Where the program is installed. */
export const backupProgramPath = "/usr/local/lib/k3s-ha/backup";

/** The program that takes, checks and lists backups: the text of `scripts/backup.sh`, the same for every cluster. */
export const backupProgram = readFileSync(new URL("./scripts/backup.sh", import.meta.url), "utf8");
