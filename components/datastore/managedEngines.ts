import type { DatastoreKind } from "./datastoreKind.ts";
import type { ManagedDatastoreArgs } from "./managed/managedDatastore.ts";
import { managedMariadb } from "./managed/managedKind.ts";

/** The arguments of a managed datastore by its engine, which the setting `engine` names. */
export interface ManagedEngineArgs {
  mariadb: ManagedDatastoreArgs;
}

/** The engine of a managed datastore. */
export type ManagedEngine = keyof ManagedEngineArgs;

/** A managed datastore of one of the engines. Default: MariaDB. */
export type ManagedKindArgs =
  | (ManagedEngineArgs["mariadb"] & { engine?: "mariadb" | undefined })
  | { [Engine in Exclude<ManagedEngine, "mariadb">]: ManagedEngineArgs[Engine] & { engine: Engine } }[Exclude<
      ManagedEngine,
      "mariadb"
    >];

const managedEngines: { readonly [Engine in ManagedEngine]: DatastoreKind<ManagedEngineArgs[Engine]> } = {
  mariadb: managedMariadb,
};

/** A datastore on a host of the stack's own. */
export const managedKind: DatastoreKind<ManagedKindArgs> = {
  provision: (name, args, cluster, opts) =>
    withEngine(args, (kind, managed) => kind.provision(name, managed, cluster, opts)),
  ownHost: (args) => withEngine(args, (kind, managed) => kind.ownHost?.(managed) ?? {}),
  ownSchema: (args) => withEngine(args, (kind, managed) => kind.ownSchema?.(managed)),
  restore: (args) => withEngine(args, (kind, managed) => kind.restore?.(managed)),
};

/** Calls `use` with the kind of the engine that is named, and with its arguments. */
function withEngine<Result>(
  { engine = "mariadb", ...args }: ManagedKindArgs,
  use: <Args>(kind: DatastoreKind<Args>, args: Args) => Result,
): Result {
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- it ties an engine to its arguments
  const useOf = <Engine extends ManagedEngine>(name: Engine): Result =>
    use<ManagedEngineArgs[Engine]>(managedEngines[name], args as ManagedEngineArgs[Engine]);
  return useOf(engine);
}
