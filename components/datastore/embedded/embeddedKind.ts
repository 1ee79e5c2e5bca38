import type { DatastoreKind } from "../datastoreKind.ts";
import { SQLiteDatastore } from "./sqliteDatastore.ts";
import { sqliteRestore } from "./sqliteRestore.ts";
import { embeddedScripts } from "./scripts.ts";

/** A datastore inside the servers. */
export interface EmbeddedDatastoreArgs {
  /** Engine that K3s itself runs: SQLite, on the only server. */
  engine: "sqlite";
  /** Whether an empty cluster may take the place of one whose data are gone with its hosts. Default: false. */
  startsEmpty?: boolean | undefined;
}

/** A datastore that K3s keeps in its servers. */
export const embeddedKind: DatastoreKind<EmbeddedDatastoreArgs> = {
  provision: (name, { startsEmpty }, { servers }, opts) => new SQLiteDatastore(name, { servers, startsEmpty }, opts),
  ownHost: ({ engine }) => ({ embedded: engine }),
  serverStatus: () => ({ script: embeddedScripts.sqliteStatus, teller: "tell_sqlite" }),
  restore: () => sqliteRestore,
};
