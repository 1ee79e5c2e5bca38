import type { DatastoreKind } from "../datastoreKind.ts";
import { MySQLDatastore } from "../mysqlDatastore.ts";
import type { ExistingDatastoreArgs } from "./existingDatastore.ts";

/** An existing MySQL or MariaDB, on which schema and users are created. */
export const existingKind: DatastoreKind<ExistingDatastoreArgs> = {
  addresses: ({ address }) => [address],
  provision: (name, existing, cluster, opts) => new MySQLDatastore(name, { ...cluster, existing }, opts),
};
