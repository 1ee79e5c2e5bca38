/** Scripts that the backup host runs, beside the backup program. */
export const backupScripts = {
  backupHost: new URL("../render/scripts/backupHost.sh", import.meta.url),
  backupCredentials: new URL("../render/scripts/backupCredentials.sh", import.meta.url),
  backupTimer: new URL("../render/scripts/backupTimer.sh", import.meta.url),
  backupRemoval: new URL("../render/scripts/backupRemoval.sh", import.meta.url),
} as const;
