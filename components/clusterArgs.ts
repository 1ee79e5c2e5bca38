import type { AgentPoolArgs } from "./k3s/agentPool.ts";
import type { BackupCronArgs } from "./backup/backupCronArgs.ts";
import type { ExternalLoadBalancer } from "./balancer/externalBalancer.ts";
import type { HAProxyBalancerArgs } from "./balancer/haproxyBalancer.ts";
import type { HostArgs } from "./host/host.ts";
import type * as pulumi from "@pulumi/pulumi";
import type { ClusterNetwork } from "./k3s/k3sNode.ts";
import type { NodeFile } from "./k3s/nodeFiles.ts";
import type { ProxyArgs } from "./host/proxy.ts";
import type { K3sReleaseArgs } from "./k3s/k3sRelease.ts";
import type { DatastoreChoice } from "./datastore/datastoreKinds.ts";

/** The hosts of a cluster by their roles, and what they run. */
export interface K3sClusterArgs {
  /** Login settings for every host that has none of its own. Default: root, with the keys of the SSH agent. */
  ssh?: SshArgs;
  /** Hosts that run K3s servers, by node name, in the order in which they are started and changed. */
  servers: Readonly<Record<string, HostArgs>>;
  /** Pools of hosts that run K3s agents, by pool name. Default: none; servers run workloads too. */
  agentPools?: Readonly<Record<string, ClusterAgentPoolArgs>>;
  /** The load balancers in front of the servers. */
  loadBalancer: ClusterLoadBalancerArgs;
  /** The datastore of the cluster: exactly one of its kinds. */
  datastore: ClusterDatastoreArgs;
  /** Backups of the datastore. Default: none are taken. */
  backup?: ClusterBackupArgs | undefined;
  /** The release of K3s, and its settings. */
  k3s: ClusterK3sArgs;
  /** The proxy that hosts use for what is outside of the cluster. Default: that of each host's environment. */
  proxy?: ProxyArgs | undefined;
}

/** Login settings that hosts share; a host's own come first. */
export type SshArgs = Pick<HostArgs, "user" | "port" | "privateKey" | "bastion" | "connectSeconds" | "commandSeconds">;

/** A pool of like nodes that run workloads. */
export type ClusterAgentPoolArgs = Omit<
  AgentPoolArgs,
  | "release"
  | "apiEndpoint"
  | "joinToken"
  | "config"
  | "network"
  | "files"
  | "hardened"
  | "usesExternalAddresses"
  | "readySeconds"
  | "certificateRotation"
>;

/** The load balancers in front of the servers. */
export interface ClusterLoadBalancerArgs extends Omit<
  HAProxyBalancerArgs,
  "hosts" | "servers" | "serverCaCertificate" | "healthCertificate"
> {
  /**
   * The hosts that run HAProxy by name; the same object as a server's shares its host, with another port than 6443. Default: none,
   * with `external`.
   */
  hosts?: Readonly<Record<string, HostArgs>>;
  /** A load balancer that this program does not run, such as a cloud's, instead of `hosts` and their settings. Default: none. */
  external?: ExternalLoadBalancer | undefined;
  /** Names and addresses that clients use for the API, besides the hosts' own and the virtual IP. Default: none. */
  names?: readonly string[];
  /** Any new value rotates the certificate that the servers' readiness is checked with. Default: none. */
  certificateRotation?: string | undefined;
  /** Hours that this certificate is valid for; an `up` in their second half renews it. Default: 87,660, ten years. */
  certificateHours?: number;
}

/** The datastore of the cluster: exactly one of its kinds. */
export interface ClusterDatastoreArgs extends DatastoreChoice {
  /** Connections that each server may hold, which the datastore has to offer. Default: 60. */
  connectionsPerServer?: number | undefined;
  /** Confirms that the servers leave this datastore, "host:port/schema"; with "sqlite", a managed MariaDB takes the cluster over from it. Default: another datastore is refused. */
  movingFrom?: string | undefined;
  /** Whether Pulumi refuses to delete or replace the datastore's resources. Default: as the cluster's `protect`. */
  protect?: boolean;
}

/** Backups of the datastore. */
export interface ClusterBackupArgs extends Omit<
  BackupCronArgs,
  "host" | "hostName" | "lostHosts" | "driver" | "token" | "k3sVersion"
> {
  /** Name of the host that takes the backups and keeps them. Default: the host of a managed datastore, the server of an embedded one. */
  hostName?: string;
  /** That host, if it has no other role in the cluster. Default: the host of the cluster that `hostName` names. */
  host?: HostArgs;
  /** Whether a backup is taken before the configuration of a managed datastore changes. Default: true. */
  beforeChanges?: boolean;
}

/** The release of K3s, and its settings. */
export interface ClusterK3sArgs extends K3sReleaseArgs {
  /** The release that agents run, not newer than that of the servers. Default: that of the servers. */
  agentVersion?: string;
  /** More settings of every server, as in K3s's config.yaml. Default: none. */
  serverConfig?: Readonly<Record<string, unknown>>;
  /** More settings of every agent, as in K3s's config.yaml. Default: none. */
  agentConfig?: Readonly<Record<string, unknown>>;
  /** The network plugin: K3s's flannel, or one that you install. Nodes are Ready only after that. Default: "flannel". */
  network?: ClusterNetwork;
  /** Kubernetes objects, as YAML documents, that K3s applies from its first start on. Default: none. */
  manifests?: pulumi.Input<string> | undefined;
  /** Files that nodes have before K3s starts. Default: none. */
  files?: readonly NodeFile[] | undefined;
  /** Whether nodes are hardened as in K3s's CIS guide. Default: false. */
  hardened?: boolean | undefined;
  /** Confirms the downgrade from this release, after a restore of an older dump. Default: a downgrade is refused. */
  goingBackFrom?: string | undefined;
  /** Seconds that a server or an agent may take to become ready after a start. Default: 240. */
  readySeconds?: number;
  /** Any new value rotates the certificates that K3s makes itself, on every node. Default: none. */
  certificateRotation?: string | undefined;
}
