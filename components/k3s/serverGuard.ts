import * as pulumi from "@pulumi/pulumi";
import { networkFault } from "./clusterNetworkGuard.ts";
import { variableIn } from "../host/hostScript.ts";
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

/**
 * Refuses, already in the preview, to change a server to a release that it may not be changed to; and, before the server is
 * touched, to another datastore, whose endpoint a preview does not know yet. What a server runs is what its last verified script installed, as the stack's state has it: one that failed and
 * went back is not in the way.
 *
 * @throws when the change is made, with the reason and the remedy.
 */
export function guardServer(name: string, change: ServerChange): pulumi.ResourceHook {
  return new pulumi.ResourceHook(
    `${name}-guard`,
    ({ oldInputs, newInputs }) => {
      const [before, after] = [String(oldInputs?.["stdin"]), String(newInputs?.["stdin"])];
      const installed = variableIn(before, "version");
      const fault =
        (installed === undefined
          ? undefined
          : upgradeFault(change.server, installed, change.version, change.goingBackFrom)) ??
        networkFault(change.server, before, change.config) ??
        datastoreMoveFault(change.server, datastoreIn(before), datastoreIn(after), change.movingFrom);
      if (fault !== undefined) throw new Error(fault);
    },
    { onDryRun: true },
  );
}

/** Why a server's datastore may not be changed, with the remedy; undefined when it may, or when one is not known. */
export function datastoreMoveFault(
  server: string,
  before: string | undefined,
  after: string | undefined,
  movingFrom: string | undefined,
): string | undefined {
  if (before === undefined || after === undefined || before === after || before === movingFrom) return undefined;
  return `${server} uses the datastore ${before}, but k3s-ha:datastore is now ${after}, which has another cluster, or none. Revert the change; or move the data there, as docs/day-two.md describes, and set k3s-ha:datastore.movingFrom to ${before}.`;
}

/** "host:port/schema" of the datastore that a script starts K3s with. */
function datastoreIn(script: string): string | undefined {
  const [address, schema] = [variableIn(script, "datastore_address"), variableIn(script, "datastore_schema")];
  return address === undefined || schema === undefined ? undefined : `${address}/${schema}`;
}
