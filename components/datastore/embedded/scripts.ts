/** Scripts about the datastores that K3s keeps in its servers. */
export const embeddedScripts = {
  sqliteFile: new URL("./sqliteFile.sh", import.meta.url),
  sqliteBackup: new URL("./sqliteBackup.sh", import.meta.url),
  sqliteRestore: new URL("./sqliteRestore.sh", import.meta.url),
  sqliteStatus: new URL("./sqliteStatus.sh", import.meta.url),
} as const;
