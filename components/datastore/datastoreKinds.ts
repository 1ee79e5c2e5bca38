import * as pulumi from "@pulumi/pulumi";
import type { EngineStatus } from "./engine/engine.ts";
import type { ProvisionedDatastore } from "./datastore.ts";
import { type EmbeddedDatastoreArgs, embeddedKind } from "./embedded/embeddedKind.ts";
import type { DatastoreCluster, DatastoreKind, OwnDatabase, OwnDatastore, OwnEtcd } from "./datastoreKind.ts";
import { movingFromSqlite } from "./embedded/sqliteMove.ts";
import { addressToward, type HostArgs } from "../host/host.ts";
import { endpointKind, type EndpointKindArgs } from "./endpoint/endpointKind.ts";
import type { ExistingDatastoreArgs } from "./existing/existingDatastore.ts";
import { existingKind } from "./existing/existingKind.ts";
import { managedKind, type ManagedKindArgs } from "./managedEngines.ts";
import type { RestoreDriver } from "./restoreDriver.ts";

/** The arguments of each kind of datastore, by the setting that chooses it. */
export interface DatastoreKindArgs {
  managed: ManagedKindArgs;
  existing: ExistingDatastoreArgs;
  endpoint: EndpointKindArgs;
  embedded: EmbeddedDatastoreArgs;
}

/** The name of a kind of datastore. */
export type DatastoreKindName = keyof DatastoreKindArgs;

const datastoreKinds: { readonly [Name in DatastoreKindName]: DatastoreKind<DatastoreKindArgs[Name]> } = {
  managed: managedKind,
  existing: existingKind,
  endpoint: endpointKind,
  embedded: embeddedKind,
};

/** The datastore of a cluster: exactly one kind, with what it takes. */
export type DatastoreChoice = { readonly [Name in DatastoreKindName]?: DatastoreKindArgs[Name] | undefined };

/** The datastore of a cluster, and the one that it moves from. */
export type DatastoreMove = DatastoreChoice & { readonly movingFrom?: string | undefined };

/** The hosts that report a datastore. */
export interface DatastoreStatusPlace {
  /** Database on the datastore's own host, where the stack has one; servers are asked otherwise. */
  readonly ownDatabase: OwnDatabase | undefined;
  /** The etcd on hosts of the stack's own, where it has one. */
  readonly ownEtcd: OwnEtcd | undefined;
  /** The questions that servers answer of a datastore inside them; undefined where it is outside. */
  readonly serverStatus: Pick<EngineStatus, "script" | "teller"> | undefined;
  /** The endpoint, where the configuration has it. Secret. */
  readonly configuredEndpoint: pulumi.Input<string> | undefined;
}

/** Makes what a cluster needs of the datastore that is chosen. */
export function provisionDatastore(
  name: string,
  choice: DatastoreMove,
  cluster: Omit<DatastoreCluster, "movingFrom">,
  opts?: pulumi.ComponentResourceOptions,
): ProvisionedDatastore {
  const { movingFrom } = choice;
  return withChosen(choice, (kind, args) => kind.provision(name, args, { ...cluster, movingFrom }, opts));
}

/** The expectations of the host check for the hosts that keep the datastore. */
export function ownDatastoreHost(choice: DatastoreMove): OwnDatastore {
  // Until the move, its database is on the first server.
  const moved = choice.movingFrom === movingFromSqlite ? ({ embedded: "sqlite" } as const) : {};
  return { ...withChosen(choice, (kind, args) => kind.ownHost?.(args) ?? {}), ...moved };
}

/** The addresses at which servers reach the datastore, as far as the configuration has them. */
export function datastoreAddresses(choice: DatastoreChoice): pulumi.Output<string[]> {
  return withChosen(choice, (kind, args) => pulumi.output(kind.addresses?.(args) ?? []));
}

/** The address that the datastore sees a host's connections come from. */
export function addressTowardDatastore(choice: DatastoreChoice, host: HostArgs): pulumi.Input<string> {
  const addresses = withChosen(choice, (kind, args) => kind.addresses?.(args));
  // Of an endpoint, which may be secret, the address is not needed: the program creates no users there.
  return addressToward((Array.isArray(addresses) ? addresses[0] : undefined) ?? "", host);
}

/** The place where `make status` finds the configured datastore. */
export function statusPlace(choice: DatastoreChoice): DatastoreStatusPlace {
  return withChosen(choice, (kind, args) => ({
    ownDatabase: kind.ownDatabase?.(args),
    ownEtcd: kind.ownEtcd?.(args),
    serverStatus: kind.serverStatus?.(args),
    configuredEndpoint: kind.configuredEndpoint?.(args),
  }));
}

/** The restore driver of the configured datastore; undefined if this program cannot restore it. */
export function restoreDriver(choice: DatastoreChoice): RestoreDriver | undefined {
  return withChosen(choice, (kind, args) => kind.restore?.(args));
}

/** Calls `use` with the kind that is chosen, and with what it takes. */
function withChosen<Result>(
  choice: DatastoreChoice,
  use: <Args>(kind: DatastoreKind<Args>, args: Args) => Result,
): Result {
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- it ties a kind to what it takes
  const useOf = <Name extends DatastoreKindName>(name: Name): Result | undefined => {
    const args = choice[name];
    return args === undefined ? undefined : use<DatastoreKindArgs[Name]>(datastoreKinds[name], args);
  };
  const names = Object.keys(datastoreKinds) as DatastoreKindName[];
  const [chosen, ...others] = names.filter((name) => choice[name] !== undefined);
  if (chosen !== undefined && others.length === 0) return useOf(chosen) as Result;
  throw new pulumi.InputPropertyError({
    propertyPath: "datastore",
    reason: `exactly one of ${names.join(", ")} has to be there`,
  });
}
