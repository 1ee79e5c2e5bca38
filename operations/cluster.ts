/** Questions to a running cluster, through its balancer. */
import { kubectl } from "./kubectl.ts";
import type { NodeSummary } from "./summary.ts";

/** The outputs of a stack that the commands here use. */
export interface StackOutputs {
  apiEndpoint: string;
  kubeconfig: string;
}

/** The outputs of a stack that is up. Throws when it is not. */
export function parseOutputs(outputs: Record<string, unknown>): StackOutputs {
  const { apiEndpoint, kubeconfig } = outputs;
  if (typeof apiEndpoint !== "string" || typeof kubeconfig !== "string") {
    throw new Error("This stack has no cluster yet: run `make up` first.");
  }
  return { apiEndpoint, kubeconfig };
}

interface KubernetesNode {
  metadata: { name: string; labels: Record<string, string> };
  status: {
    conditions: { type: string; status: string }[];
    addresses: { type: string; address: string }[];
    nodeInfo: { kubeletVersion: string };
  };
}

/** The nodes, as the API tells through the balancer. */
export async function readNodes(kubeconfig: string): Promise<NodeSummary[]> {
  const { stdout } = await kubectl(kubeconfig, ["get", "nodes", "--output", "json"]);
  const { items } = JSON.parse(String(stdout)) as { items: KubernetesNode[] };
  return items.map(({ metadata, status }) => ({
    name: metadata.name,
    role: "node-role.kubernetes.io/control-plane" in metadata.labels ? "server" : "agent",
    ready: status.conditions.some(({ type, status: value }) => type === "Ready" && value === "True"),
    version: status.nodeInfo.kubeletVersion,
    address: status.addresses.find(({ type }) => type === "InternalIP")?.address ?? "",
  }));
}

/** What the API answers, through the balancer, when it is asked whether it is ready: "ok", or what is wrong. */
export async function askReadiness(kubeconfig: string): Promise<string> {
  const { stdout, stderr, failed } = await kubectl(kubeconfig, ["get", "--raw", "/readyz"], { reject: false });
  return failed ? String(stderr).trim() : String(stdout).trim();
}
