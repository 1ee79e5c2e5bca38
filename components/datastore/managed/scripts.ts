/** Scripts that the hosts of a managed datastore run. */
export const managedScripts = {
  datastoreServer: new URL("./datastoreServer.sh", import.meta.url),
  datastoreSchema: new URL("./datastoreSchema.sh", import.meta.url),
  datastoreClient: new URL("./datastoreClient.sh", import.meta.url),
  bufferPool: new URL("./bufferPool.sh", import.meta.url),
  binaryLog: new URL("./binaryLog.sh", import.meta.url),
  leakedAccounts: new URL("./leakedAccounts.sh", import.meta.url),
} as const;
