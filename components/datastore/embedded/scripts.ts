/** Scripts about the datastores that K3s keeps in its servers. */
export const embeddedScripts = {
  etcdBegin: new URL("./etcdBegin.sh", import.meta.url),
  etcdServer: new URL("./etcdServer.sh", import.meta.url),
  etcdFileVerification: new URL("./etcdFileVerification.sh", import.meta.url),
  etcdServerRestore: new URL("./etcdServerRestore.sh", import.meta.url),
  etcdServerStatus: new URL("./etcdServerStatus.sh", import.meta.url),
  sqliteServer: new URL("./sqliteServer.sh", import.meta.url),
  sqliteFile: new URL("./sqliteFile.sh", import.meta.url),
  sqliteBackup: new URL("./sqliteBackup.sh", import.meta.url),
  sqliteRestore: new URL("./sqliteRestore.sh", import.meta.url),
  sqliteMove: new URL("./sqliteMove.sh", import.meta.url),
  sqliteStatus: new URL("./sqliteStatus.sh", import.meta.url),
} as const;
