import type { DatastoreKind } from "../datastoreKind.ts";
import { MySQLDatastore } from "../mysqlDatastore.ts";
import type { ManagedDatastoreArgs } from "./managedDatastore.ts";
import { managedRestore } from "./managedRestore.ts";

/** A MariaDB on a host of the stack's own. */
export const managedMariadb: DatastoreKind<ManagedDatastoreArgs> = {
  provision: (name, managed, cluster, opts) => new MySQLDatastore(name, { ...cluster, managed }, opts),
  addresses: ({ host }) => [host.nodeAddress ?? host.address],
  ownDatabase: ({ database = "k3s" }) => ({ engine: "mariadb", name: database }),
  restore: managedRestore,
  ownHost: ({ database, port }) => ({ schema: database, databasePort: port }),
};
