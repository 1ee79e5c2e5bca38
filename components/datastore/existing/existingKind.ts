import type { DatastoreKind } from "../datastoreKind.ts";
import { MySQLDatastore } from "../mysqlDatastore.ts";
import type { ExistingDatastoreArgs } from "./existingDatastore.ts";

/** A MySQL or MariaDB that somebody else runs, on which schema and users are made. */
export const existingKind: DatastoreKind<ExistingDatastoreArgs> = {
  provision: (name, existing, cluster, opts) => new MySQLDatastore(name, { ...cluster, existing }, opts),
};
