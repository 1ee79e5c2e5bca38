import type * as pulumi from "@pulumi/pulumi";

/** Everything that a cluster offers to those who build on it, whether the same program made it or another stack. */
export interface ClusterOutputs {
  /** `https://address:port` of the Kubernetes API at the load balancer. */
  readonly apiEndpoint: pulumi.Output<string>;
  /** kubeconfig of an administrator, in the group system:masters. Secret. */
  readonly kubeconfig: pulumi.Output<string>;
  /** PEM of the CA that the API is verified with. */
  readonly clusterCaCertificate: pulumi.Output<string>;
  /** Addresses of the servers by node name. */
  readonly serverAddresses: pulumi.Output<Record<string, string>>;
  /** Addresses of the agents by node name. */
  readonly agentAddresses: pulumi.Output<Record<string, string>>;
  /** Addresses of the load balancer's hosts by name. */
  readonly loadBalancerAddresses: pulumi.Output<Record<string, string>>;
  /** K3s's `datastore-endpoint`, with its password; empty if K3s keeps its state in its server. Secret. */
  readonly datastoreEndpoint: pulumi.Output<string>;
  /** PEM of the CA that the datastore is verified with; empty if K3s keeps its state in its server. */
  readonly datastoreCaCertificate: pulumi.Output<string>;
  /** Token that servers join with: `K10<hash of the CA>::server:<token>`. Every backup needs it. Secret. */
  readonly joinToken: pulumi.Output<string>;
  /** The release of K3s, such as `v1.35.0+k3s1`. */
  readonly k3sVersion: pulumi.Output<string>;
  /** Place, schedule and newest of the backups; all empty where the datastore is backed up by other means. */
  readonly backup: pulumi.Output<BackupOutputs>;
}

/** Place, schedule and newest of a cluster's backups. */
export interface BackupOutputs {
  /** Name of the host that takes the backups and keeps them. */
  readonly hostName: string;
  /** Absolute path of their directory on that host. */
  readonly directory: string;
  /** The schedule as systemd's `OnCalendar` lines, in UTC. */
  readonly schedule: string[];
  /** Id of the newest verified backup when the schedule was last changed. */
  readonly latest: string;
}
