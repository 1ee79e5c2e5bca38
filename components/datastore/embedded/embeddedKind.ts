import type { DatastoreKind } from "../datastoreKind.ts";
import { EmbeddedEtcdDatastore } from "./etcdDatastore.ts";
import { etcdServerRestore } from "./etcdServerRestore.ts";
import { SQLiteDatastore } from "./sqliteDatastore.ts";
import { sqliteRestore } from "./sqliteRestore.ts";
import { embeddedScripts } from "./scripts.ts";

/** A datastore inside the servers. */
export interface EmbeddedDatastoreArgs {
  /** Engine that K3s itself runs: SQLite, on the only server, or etcd, in all of them. */
  engine: "sqlite" | "etcd";
  /** Whether an empty cluster may take the place of one whose data are gone with its hosts. Default: false. */
  startsEmpty?: boolean | undefined;
}

/** A datastore that K3s keeps in its servers. */
export const embeddedKind: DatastoreKind<EmbeddedDatastoreArgs> = {
  provision: (name, { engine, startsEmpty }, { servers }, opts) =>
    engine === "sqlite"
      ? new SQLiteDatastore(name, { servers, startsEmpty }, opts)
      : new EmbeddedEtcdDatastore(name, { servers, startsEmpty }, opts),
  ownHost: ({ engine }) => ({ embedded: engine }),
  serverStatus: ({ engine }) =>
    engine === "sqlite"
      ? { script: embeddedScripts.sqliteStatus, teller: "tell_sqlite" }
      : { script: embeddedScripts.etcdServerStatus, teller: "tell_server_etcd" },
  ownEtcd: ({ engine }) => (engine === "sqlite" ? undefined : { members: undefined, port: 2379 }),
  restore: ({ engine }) => (engine === "sqlite" ? sqliteRestore : etcdServerRestore),
};
