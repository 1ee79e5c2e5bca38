import type { DatastoreKind } from "./datastoreKind.ts";
import type { ManagedEtcdArgs } from "./etcd/managedEtcd.ts";
import { managedEtcdKind } from "./etcd/managedEtcdKind.ts";
import type { ManagedDatastoreArgs } from "./managed/managedDatastore.ts";
import { managedMariadb } from "./managed/managedKind.ts";
import type { ManagedPostgresArgs } from "./postgres/managedPostgres.ts";
import { managedPostgresKind } from "./postgres/postgresKind.ts";

/** The arguments of a managed datastore by its engine, which the setting `engine` names. */
export interface ManagedEngineArgs {
  mariadb: ManagedDatastoreArgs;
  postgres: ManagedPostgresArgs;
  etcd: ManagedEtcdArgs;
}

/** The engine of a managed datastore. */
export type ManagedEngine = keyof ManagedEngineArgs;

/** A managed datastore of one of the engines. Default: MariaDB. */
export type ManagedKindArgs =
  | (ManagedEngineArgs["mariadb"] & { engine?: "mariadb" | undefined })
  | (ManagedEngineArgs["postgres"] & { engine: "postgres" })
  | (ManagedEngineArgs["etcd"] & { engine: "etcd" });

const managedEngines: { readonly [Engine in ManagedEngine]: DatastoreKind<ManagedEngineArgs[Engine]> } = {
  mariadb: managedMariadb,
  postgres: managedPostgresKind,
  etcd: managedEtcdKind,
};

/** A datastore on hosts of the stack's own. */
export const managedKind: DatastoreKind<ManagedKindArgs> = {
  provision: (name, args, cluster, opts) =>
    withEngine(args, (kind, managed) => kind.provision(name, managed, cluster, opts)),
  addresses: (args) => withEngine(args, (kind, managed) => kind.addresses?.(managed) ?? []),
  ownHost: (args) => withEngine(args, (kind, managed) => kind.ownHost?.(managed) ?? {}),
  ownDatabase: (args) => withEngine(args, (kind, managed) => kind.ownDatabase?.(managed)),
  ownEtcd: (args) => withEngine(args, (kind, managed) => kind.ownEtcd?.(managed)),
  restore: (args) => withEngine(args, (kind, managed) => kind.restore?.(managed)),
};

/** Calls `use` with the kind of the engine that is named, and with its arguments. */
function withEngine<Result>(
  chosen: ManagedKindArgs,
  use: <Args>(kind: DatastoreKind<Args>, args: Args) => Result,
): Result {
  switch (chosen.engine) {
    case undefined:
    case "mariadb":
      return use(managedEngines.mariadb, chosen);
    case "postgres":
      return use(managedEngines.postgres, chosen);
    case "etcd":
      return use(managedEngines.etcd, chosen);
  }
}
