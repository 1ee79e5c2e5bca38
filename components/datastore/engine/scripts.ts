/** Scripts that talk to a database. */
export const engineScripts = {
  clientFiles: new URL("../../render/scripts/clientFiles.sh", import.meta.url),
  databaseClient: new URL("../../render/scripts/databaseClient.sh", import.meta.url),
  datastoreAccess: new URL("../../render/scripts/datastoreAccess.sh", import.meta.url),
  datastorePreflight: new URL("../../render/scripts/datastorePreflight.sh", import.meta.url),
  postgresPreflight: new URL("../../render/scripts/postgresPreflight.sh", import.meta.url),
  etcdPreflight: new URL("../../render/scripts/etcdPreflight.sh", import.meta.url),
  sqlImport: new URL("../../render/scripts/sqlImport.sh", import.meta.url),
  datastoreExchange: new URL("../../render/scripts/datastoreExchange.sh", import.meta.url),
  datastoreRestore: new URL("../../render/scripts/datastoreRestore.sh", import.meta.url),
} as const;
