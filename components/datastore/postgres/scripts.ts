/** Scripts that the host of a managed PostgreSQL runs. */
export const postgresScripts = {
  postgresCluster: new URL("./postgresCluster.sh", import.meta.url),
  postgresServer: new URL("./postgresServer.sh", import.meta.url),
  postgresDatabase: new URL("./postgresDatabase.sh", import.meta.url),
  postgresRoles: new URL("./postgresRoles.sh", import.meta.url),
  postgresRestore: new URL("./postgresRestore.sh", import.meta.url),
  postgresClient: new URL("./postgresClient.sh", import.meta.url),
} as const;
