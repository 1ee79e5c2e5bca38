/** The state of a stack's cluster, from its hosts instead of Pulumi's state. */
import { readSettings } from "../stackSettings.ts";
import { stackOutputs, type Workspace } from "../workspace.ts";
import { askCluster, type ClusterFacts, type StatusOutputs } from "./clusterFacts.ts";

/**
 * Asks a stack's hosts and API. Throws when the stack cannot be read, or has no cluster.
 *
 * @param seconds that each host may take to answer. Default: 12.
 */
export async function lookAtCluster(workspace: Workspace, seconds?: number): Promise<ClusterFacts> {
  const [settings, outputs] = await Promise.all([readSettings(workspace), stackOutputs(workspace)]);
  return askCluster(workspace.stack, settings, parseOutputs(outputs), seconds);
}

/** The outputs of a stack that is up. Throws when it is not. */
export function parseOutputs(outputs: Readonly<Record<string, unknown>>): StatusOutputs {
  const { apiEndpoint, kubeconfig, datastoreEndpoint } = outputs;
  if (typeof apiEndpoint !== "string" || typeof kubeconfig !== "string") {
    throw new Error("This stack has no cluster yet: run `make up` first.");
  }
  // One that the stack does not have yet, the next update adds.
  return { apiEndpoint, kubeconfig, datastoreEndpoint: typeof datastoreEndpoint === "string" ? datastoreEndpoint : "" };
}
