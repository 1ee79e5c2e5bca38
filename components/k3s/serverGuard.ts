import type * as pulumi from "@pulumi/pulumi";
import { type NetworkSettings, networkFault, readEarlierNetworks } from "./clusterNetworkGuard.ts";
import { guardChange } from "../host/guardChange.ts";
import { type ScriptRecord, variablesIn } from "../host/scriptRecord.ts";
import { upgradeFault } from "./releaseOrder.ts";

/** A server's change, and the confirmations for it. */
export interface ServerChange {
  /** The server's name. */
  server: string;
  /** The release that it is to run. */
  version: string;
  /** Confirms the downgrade from this release. */
  goingBackFrom?: string | undefined;
  /** Confirms the migration from this datastore, as "host:port/schema". */
  movingFrom?: string | undefined;
  /** K3s's own settings in the configuration, including the cluster's networks. */
  config: Readonly<Record<string, unknown>>;
}

/** The record of a server's script. */
export interface ServerRecord extends ScriptRecord {
  /** The release that it installs. */
  readonly version: string;
  /** The datastore that it starts K3s with, as "host:port/schema". */
  readonly datastore: string;
  /** Settings that K3s fixes permanently when the cluster is created. */
  readonly networks: NetworkSettings;
}

/**
 * Refuses, already in the preview, to change a server to a release that it may not be changed to; and, before the server is
 * touched, to another datastore, whose endpoint a preview does not know yet.
 *
 * @throws when the change is made, with the reason and the remedy.
 */
export function guardServer(name: string, change: ServerChange): pulumi.ResourceHook {
  const { server, version, goingBackFrom, config, movingFrom } = change;
  return guardChange<ServerRecord>(`${name}-guard`, {
    fault: (before, after) =>
      (before.version === undefined ? undefined : upgradeFault(server, before.version, version, goingBackFrom)) ??
      networkFault(server, before.networks, config) ??
      datastoreMoveFault(server, before.datastore, after.datastore, movingFrom),
    readEarlier: readEarlierServer,
  });
}

/** The same in a script of a release without records. */
export function readEarlierServer(script: string): Partial<ServerRecord> {
  const { version, address, schema } = variablesIn(script, {
    version: "version",
    address: "datastore_address",
    schema: "datastore_schema",
  });
  const networks = readEarlierNetworks(script);
  return {
    ...(version === undefined ? {} : { version }),
    ...(address === undefined || schema === undefined ? {} : { datastore: `${address}/${schema}` }),
    ...(networks === undefined ? {} : { networks }),
  };
}

/** Why a server's datastore may not be changed, with the remedy; undefined when it may, or when one is not known. */
export function datastoreMoveFault(
  server: string,
  before: string | undefined,
  after: string | undefined,
  movingFrom: string | undefined,
): string | undefined {
  if (before === undefined || after === undefined || before === after) return undefined;
  if (before === "embedded SQLite" && movingFrom === "sqlite" && !after.startsWith("embedded ")) return undefined;
  if ([before, after].some((datastore) => datastore.startsWith("embedded ")))
    return `${server} uses the datastore ${before}, but k3s-ha:datastore is now ${after}, and this program moves a cluster only from SQLite to a managed MariaDB, if k3s-ha:datastore.movingFrom is sqlite. Revert the change; or create a second cluster with the new datastore, as another stack, move the workloads there, and destroy this one, as docs/day-two.md describes.`;
  if (before === movingFrom) return undefined;
  if (sharesMember(before, after)) return undefined;
  return `${server} uses the datastore ${before}, but k3s-ha:datastore is now ${after}, which has another cluster, or none. Revert the change; or move the data there, as docs/day-two.md describes, and set k3s-ha:datastore.movingFrom to ${before}.`;
}

/** Whether both are the same etcd: its members come and go, and each is of one etcd only. */
function sharesMember(before: string, after: string): boolean {
  const membersOf = (datastore: string) => /^(.+)\/etcd$/.exec(datastore)?.[1]?.split(",") ?? [];
  return membersOf(before).some((member) => membersOf(after).includes(member));
}
