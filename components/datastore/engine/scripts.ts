/** Scripts that talk to a database. */
export const engineScripts = {
  clientFiles: new URL("./clientFiles.sh", import.meta.url),
  databaseClient: new URL("./databaseClient.sh", import.meta.url),
  datastoreAccess: new URL("./datastoreAccess.sh", import.meta.url),
  datastorePreflight: new URL("./datastorePreflight.sh", import.meta.url),
  postgresPreflight: new URL("./postgresPreflight.sh", import.meta.url),
  etcdPreflight: new URL("./etcdPreflight.sh", import.meta.url),
  mysqlStatus: new URL("./mysqlStatus.sh", import.meta.url),
  postgresStatus: new URL("./postgresStatus.sh", import.meta.url),
  sqlImport: new URL("./sqlImport.sh", import.meta.url),
  datastoreExchange: new URL("./datastoreExchange.sh", import.meta.url),
  backupSource: new URL("./backupSource.sh", import.meta.url),
  backupVerification: new URL("./backupVerification.sh", import.meta.url),
  backupReplacement: new URL("./backupReplacement.sh", import.meta.url),
  backupFirst: new URL("./backupFirst.sh", import.meta.url),
  datastoreRestore: new URL("./datastoreRestore.sh", import.meta.url),
} as const;
