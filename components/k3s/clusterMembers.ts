import * as pulumi from "@pulumi/pulumi";
import type { HostArgs } from "../host/host.ts";
import { HostCommand } from "../host/hostCommand.ts";
import { type ClusterNetwork, nodeOwner } from "./k3sNode.ts";
import { renderHostScript } from "../host/hostScript.ts";
import { apiPort } from "../balancer/balancerState.ts";
import { k3sTlsDirectory } from "./k3sServerPool.ts";
import { k3sScripts } from "./scripts.ts";

/** Seconds for the check that members reach each other (90, and an answer) and that the system pods of a new cluster run (180). */
const proofSeconds = 360;

/** The members of the cluster. */
export interface ClusterMembersArgs {
  /** The servers by node name; the first that is not lost removes nodes. */
  servers: Readonly<Record<string, HostArgs>>;
  /** The agents by node name. */
  agents: Readonly<Record<string, HostArgs>>;
  /** The cluster's network plugin. With "own", up does not wait for system pods. Default: "flannel". */
  network?: ClusterNetwork | undefined;
  /** Seconds that pods may take to leave a node that is removed. Default: 120. */
  drainSeconds?: number;
}

/**
 * Keeps the cluster's list of nodes that of the stack: a node whose host was removed or declared lost is drained, if
 * it still works, and deleted. One that is removed without being declared lost, and whose host does not answer, ends the
 * run, because K3s could not be uninstalled there. In the end it verifies that the API reaches the kubelets of all nodes that
 * are Ready, that the traffic of pods reaches those nodes and, in a new cluster, that system pods run. Nodes that joined from elsewhere are left alone. Whatever the removed hosts are asked to
 * do comes after it, and it comes after the load balancers have forgotten them.
 */
export class ClusterMembers extends pulumi.ComponentResource {
  /** The names of the cluster's nodes, lost ones left out. */
  readonly names: pulumi.Output<string[]>;

  /** @throws pulumi.RunError when every server is lost. */
  constructor(name: string, args: ClusterMembersArgs, opts?: pulumi.ComponentResourceOptions) {
    super("k3s-ha:index:ClusterMembers", name, {}, opts);
    const living = (hosts: Readonly<Record<string, HostArgs>>) =>
      Object.entries(hosts).filter(([, { standIn }]) => standIn === undefined);
    const [server] = living(args.servers);
    if (server === undefined) throw new pulumi.RunError("all servers are lost, so no node can be removed");
    const [hostName, host] = server;
    const lost = [args.servers, args.agents].flatMap((hosts) =>
      Object.keys(hosts).filter((nodeName) => hosts[nodeName]?.standIn !== undefined),
    );
    const members = [...living(args.servers), ...living(args.agents)].map(([nodeName]) => nodeName);
    const drainSeconds = args.drainSeconds ?? 120;
    const nodes = new HostCommand(
      `${name}-nodes`,
      {
        host,
        applySeconds: drainSeconds + 480 + proofSeconds,
        script: renderHostScript({
          body: k3sScripts.clusterMembers,
          parts: [
            k3sScripts.kubeApi,
            k3sScripts.kubelets,
            k3sScripts.podTraffic,
            k3sScripts.systemPods,
            k3sScripts.clusterProof,
          ],
          variables: {
            host_name: hostName,
            node_owner: nodeOwner(),
            members,
            lost,
            drain_seconds: drainSeconds,
            awaits_pods: String(args.network !== "own"),
            api_port: apiPort,
            k3s_tls: k3sTlsDirectory,
          },
        }),
      },
      // The nodes are removed with the cluster, so its deletion needs no connection to a server.
      { parent: this, retainOnDelete: true },
    );
    this.names = nodes.urn.apply(() => members);
    this.registerOutputs({ names: this.names });
  }
}
