import * as pulumi from "@pulumi/pulumi";
import type { HostArgs } from "../host/host.ts";
import { k3sConfigPath, releaseDirectory, type K3sReleaseArgs, uninstallVariables } from "./k3sRelease.ts";
import type { HostFile } from "../host/hostScript.ts";
import { datastoreCaPath, datastoreCertificatePath, datastoreKeyPath } from "../datastore/serverDatastore.ts";
import { renderK3sConfig } from "./k3sConfig.ts";
import { type NodeFile, nodeFileVariables } from "./nodeFiles.ts";
import type { K3sRole } from "./k3sUnit.ts";
import { type Registries, renderRegistries } from "./registries.ts";

/** The network plugin of a cluster: K3s's flannel, or one that its owner installs, before which nodes are not Ready. */
export type ClusterNetwork = "flannel" | "own";

/** The common arguments of servers and agents: a host with K3s. */
export interface K3sNodeArgs {
  host: HostArgs;
  /** The node's name in Kubernetes. */
  nodeName: string;
  release: K3sReleaseArgs;
  /** Content of config.yaml. Not secret. */
  config: pulumi.Input<Record<string, unknown>>;
  /** Content of a file of its own that only root reads: tokens, the datastore's endpoint. */
  secretConfig: Readonly<Record<string, pulumi.Input<string>>>;
  /** Rotates the certificates of K3s when it changes. Default: none. */
  certificateRotation?: string | undefined;
  /**
   * Whether the cluster is told to carry pods' traffic between the nodes' external addresses (`flannel-external-ip`). Default:
   * false, it travels between the node addresses.
   */
  usesExternalAddresses?: boolean | undefined;
  /** Files that the node has before K3s starts. Default: none. */
  files?: readonly NodeFile[] | undefined;
  /** The cluster's network plugin. With "own" a node is verified without being Ready. Default: "flannel". */
  network?: ClusterNetwork | undefined;
  /** Seconds that the node may take to become ready. */
  readySeconds: number;
}

/** The mark of this stack's nodes, so that no others are ever removed: `project/stack`. */
export function nodeOwner(): string {
  return `${pulumi.getProject()}/${pulumi.getStack()}`;
}

/**
 * Whether the host chooses the network interface for pod traffic: "false" if the settings do, or use no flannel; "always" with
 * addresses of both families, for which flannel uses one interface, by itself that of the IPv4 default route.
 */
function choosesPodCard(config: Readonly<Record<string, unknown>>, usesExternalAddresses = false): string {
  if (usesExternalAddresses || config["flannel-iface"] !== undefined || config["flannel-backend"] === "none")
    return "false";
  return String(config["node-ip"]).includes(",") ? "always" : "true";
}

/** The path of K3s's registries.yaml. */
export const registriesPath = "/etc/rancher/k3s/registries.yaml";

/** The directory of the manifests that servers apply. */
export const manifestsPath = "/var/lib/rancher/k3s/server/manifests/k3s-ha.yaml";

/** The path of K3s's secret settings. */
export const secretsPath = "/etc/rancher/k3s/config.yaml.d/90-k3s-ha-secrets.yaml";

/**
 * Seconds that a node's script may take beyond those that the node has to become ready: waiting for another run's
 * lock (300), leaving the load balancers, and starting with the previous settings again (90).
 */
export const nodeScriptSeconds = 450;

/** Variables of the script `k3sService`, the same for all nodes of a role. */
export function roleVariables(role: K3sRole) {
  return {
    role,
    ...uninstallVariables(role),
    secrets_path: secretsPath,
    registries_path: registriesPath,
    datastore_ca_path: datastoreCaPath,
    datastore_certificate_path: datastoreCertificatePath,
    datastore_key_path: datastoreKeyPath,
    kubeconfig: role === "server" ? "/etc/rancher/k3s/k3s.yaml" : "/var/lib/rancher/k3s/agent/kubelet.kubeconfig",
  };
}

/** Its variables for a node. `claim` is the node's claim on its host, `config` what stands in its config.yaml. */
export function nodeVariables(
  claim: string,
  args: Omit<K3sNodeArgs, "config" | "secretConfig">,
  { address, config }: { address: string; config: Readonly<Record<string, unknown>> },
) {
  return {
    host_name: args.nodeName,
    node_name: args.nodeName,
    claim,
    node_owner: nodeOwner(),
    node_address: address,
    chooses_pod_card: choosesPodCard(config, args.usesExternalAddresses),
    awaits_ready: String(args.network !== "own"),
    version: args.release.version,
    release_directory: releaseDirectory(args.release.version),
    ready_seconds: args.readySeconds,
    certificate_rotation: args.certificateRotation ?? "",
    ...nodeFileVariables(args.files ?? []),
  };
}

/** The node's settings. */
export function configFile(config: Record<string, unknown>): HostFile {
  return { path: k3sConfigPath, content: renderK3sConfig(config), mode: "0600" };
}

/** The node's files that hold secrets. */
export function nodeSecretFiles(config: Record<string, string>, registries: Registries | undefined): HostFile[] {
  return [
    { path: secretsPath, content: renderK3sConfig(config), mode: "0600" },
    ...(registries === undefined
      ? []
      : [{ path: registriesPath, content: renderRegistries(registries), mode: "0600" }]),
  ];
}
