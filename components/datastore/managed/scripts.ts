/** Scripts that the hosts of a managed datastore run. */
export const managedScripts = {
  datastoreServer: new URL("../../render/scripts/datastoreServer.sh", import.meta.url),
  datastoreSchema: new URL("../../render/scripts/datastoreSchema.sh", import.meta.url),
  datastoreClient: new URL("../../render/scripts/datastoreClient.sh", import.meta.url),
  bufferPool: new URL("../../render/scripts/bufferPool.sh", import.meta.url),
  binaryLog: new URL("../../render/scripts/binaryLog.sh", import.meta.url),
  backupFirst: new URL("../../render/scripts/backupFirst.sh", import.meta.url),
} as const;
