import * as pulumi from "@pulumi/pulumi";
import { readContract } from "./readContract.ts";
import { StackOutputs } from "./stackOutputs.ts";
import type { Contract, ContractOutput } from "./contract.ts";
import type { BackupOutputs, ClusterOutputs } from "./clusterOutputs.ts";

/** The cluster to read. */
export interface ClusterReferenceArgs {
  /** The cluster's stack, as `organization/project/stack`; without Pulumi Cloud the first is "organization" itself. */
  stack: string;
}

/**
 * A cluster that a stack of k3s-ha made, for a program that builds on it: the stack's contract, typed and checked. What
 * is missing, of another shape, of a newer contract, or could not be decrypted ends the run with one sentence.
 *
 * @example
 * const cluster = new ClusterReference("cluster", { stack: "organization/k3s-ha/prod" });
 * const kubernetes = new k8s.Provider("cluster", { kubeconfig: cluster.kubeconfig });
 */
export class ClusterReference implements ClusterOutputs {
  /** `https://address:port` of the Kubernetes API at the load balancer. */
  readonly apiEndpoint: pulumi.Output<string>;
  /** kubeconfig of an administrator. Secret. */
  readonly kubeconfig: pulumi.Output<string>;
  /** PEM of the CA that the API is verified with. */
  readonly clusterCaCertificate: pulumi.Output<string>;
  /** Addresses of the servers by node name. */
  readonly serverAddresses: pulumi.Output<Record<string, string>>;
  /** Addresses of the agents by node name. */
  readonly agentAddresses: pulumi.Output<Record<string, string>>;
  /** Addresses of the load balancer's hosts by name. */
  readonly loadBalancerAddresses: pulumi.Output<Record<string, string>>;
  /** K3s's `datastore-endpoint`. Secret. */
  readonly datastoreEndpoint: pulumi.Output<string>;
  /** PEM of the CA that the datastore is verified with. */
  readonly datastoreCaCertificate: pulumi.Output<string>;
  /** Token that servers join with. Secret. */
  readonly joinToken: pulumi.Output<string>;
  /** The release of K3s. */
  readonly k3sVersion: pulumi.Output<string>;
  /** The location of backups, their schedule, and the latest one. */
  readonly backup: pulumi.Output<BackupOutputs>;

  /**
   * @throws pulumi.RunError, while the program runs, about what the stack does not offer. A stack that does not exist
   * ends the run with the engine's word `unknown stack "…"`.
   */
  constructor(name: string, args: ClusterReferenceArgs, opts?: pulumi.ResourceOptions) {
    const read = readContract(new StackOutputs(args.stack, name, opts));
    const field = <Name extends ContractOutput>(output: Name): pulumi.Output<Contract[Name]> =>
      pulumi.output(read.then((all) => all[output])) as pulumi.Output<Contract[Name]>;
    const secret = <Name extends ContractOutput>(output: Name): pulumi.Output<Contract[Name]> =>
      pulumi.secret(field(output)) as pulumi.Output<Contract[Name]>;
    this.apiEndpoint = field("apiEndpoint");
    this.kubeconfig = secret("kubeconfig");
    this.clusterCaCertificate = field("clusterCaCertificate");
    this.serverAddresses = field("serverAddresses");
    this.agentAddresses = field("agentAddresses");
    this.loadBalancerAddresses = field("loadBalancerAddresses");
    this.datastoreEndpoint = secret("datastoreEndpoint");
    this.datastoreCaCertificate = field("datastoreCaCertificate");
    this.joinToken = secret("joinToken");
    this.k3sVersion = field("k3sVersion");
    this.backup = field("backup");
  }
}
