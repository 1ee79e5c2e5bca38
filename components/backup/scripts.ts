/** Scripts that the backup host runs, beside the backup program. */
export const backupScripts = {
  backupHost: new URL("./backupHost.sh", import.meta.url),
  backupCredentials: new URL("./backupCredentials.sh", import.meta.url),
  backupTimer: new URL("./backupTimer.sh", import.meta.url),
  backupRemoval: new URL("./backupRemoval.sh", import.meta.url),
} as const;
