import type { DatastoreKind } from "../datastoreKind.ts";
import { PostgresDatastore } from "../postgresDatastore.ts";
import type { ManagedPostgresArgs } from "./managedPostgres.ts";
import { postgresRestore } from "./postgresRestore.ts";

/** A PostgreSQL on a host of the stack's own. */
export const managedPostgresKind: DatastoreKind<ManagedPostgresArgs> = {
  provision: (name, managed, cluster, opts) => new PostgresDatastore(name, { ...cluster, managed }, opts),
  addresses: ({ host }) => [host.nodeAddress ?? host.address],
  ownDatabase: ({ database = "k3s" }) => ({ engine: "postgres", name: database }),
  restore: postgresRestore,
  ownHost: ({ database, port = 5432 }) => ({ databaseEngine: "postgres", schema: database, databasePort: port }),
};
