import type { DatastoreKind } from "../datastoreKind.ts";
import { MySQLDatastore } from "../mysqlDatastore.ts";
import type { ManagedDatastoreArgs } from "./managedDatastore.ts";

/** A MariaDB on a host of the stack's own. */
export const managedKind: DatastoreKind<ManagedDatastoreArgs> = {
  provision: (name, managed, cluster, opts) => new MySQLDatastore(name, { ...cluster, managed }, opts),
  ownHost: ({ database, port }) => ({ schema: database, databasePort: port }),
};
