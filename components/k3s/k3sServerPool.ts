import * as pulumi from "@pulumi/pulumi";
import type { CertificateAuthority, ClusterIdentity } from "../identity/clusterIdentity.ts";
import { type HostArgs, nodeAddressesOf, nodeAddressOf } from "../host/host.ts";
import type { HostCommand } from "../host/hostCommand.ts";
import type { ProvisionedDatastore } from "../datastore/datastore.ts";
import { type ClusterNetwork, manifestsPath } from "./k3sNode.ts";
import { writtenBy } from "../host/writtenBy.ts";
import { runK3sServer } from "./k3sServer.ts";
import { hardeningFiles, withHardening } from "./hardening.ts";
import { filesOf, type NodeFile } from "./nodeFiles.ts";
import { installRelease, type K3sReleaseArgs, recordedRelease } from "./k3sRelease.ts";
import type { Recorded } from "../contract/recorded.ts";
import type { HostFile } from "../host/hostScript.ts";
import { withHostSettings } from "./hostSettings.ts";
import { leaderElectionEnvironment, withLeaderElection } from "./leaderElection.ts";

/** The part of a cluster's identity that its servers have. */
export type ServerIdentity = Pick<
  ClusterIdentity,
  "token" | "agentToken" | "serverAuthority" | "clientAuthority" | "requestHeaderAuthority" | "serviceAccountKey"
>;

/** The servers of a cluster, and what makes them one. */
export interface K3sServerPoolArgs {
  /** The hosts by node name, in the order in which they are started and changed. */
  hosts: Readonly<Record<string, HostArgs>>;
  /** The release that the servers run. A preview already refuses one that they may not be changed to. */
  release: K3sReleaseArgs;
  /** The datastore: its component, or an object with the same outputs. */
  datastore: Pick<ProvisionedDatastore, "servers" | "admits">;
  /** The cluster's network plugin. With "own", K3s runs no flannel. Default: "flannel". */
  network?: ClusterNetwork | undefined;
  /** Kubernetes objects, as YAML documents, that K3s applies from its first start on. Default: none. */
  manifests?: pulumi.Input<string> | undefined;
  /** Files that every server has before K3s starts. Default: none. */
  files?: readonly NodeFile[] | undefined;
  /** Whether servers are hardened as in K3s's CIS guide. Default: false. */
  hardened?: boolean | undefined;
  /** Tokens and certificate authorities. */
  identity: ServerIdentity;
  /** Every name and address, beside the servers' own, that clients reach the API at: they go into its certificate. */
  apiNames: pulumi.Input<string>[];
  /**
   * Seconds after which the health checks of an external load balancer have seen that a server leaves, or is back. Default:
   * none; the load balancers are {@link HAProxyBalancer}'s.
   */
  externalCheckSeconds?: number | undefined;
  /** More settings of every server, as in K3s's config.yaml. One object for all: with SQL, K3s does not compare them. */
  config?: Readonly<Record<string, unknown>>;
  /** Confirms the migration from this datastore, as "host:port/schema". Default: another datastore is refused. */
  movingFrom?: string | undefined;
  /** Confirms the downgrade from this release, after the restore of a dump of an older one. Default: a downgrade is refused. */
  goingBackFrom?: string | undefined;
  /** Seconds that a server may take to become ready after a start. Default: 240. */
  readySeconds?: number;
  /** Any value. A change rotates K3s's own certificates. Default: none. */
  certificateRotation?: string | undefined;
}

/** The directory of a server's certificates and keys. */
export const k3sTlsDirectory = "/var/lib/rancher/k3s/server/tls";

/**
 * K3s servers on one external datastore. They are created, and changed, strictly one after the other, each behind the
 * verification that the one before is ready; the first that fails stops the rest.
 */
export class K3sServerPool extends pulumi.ComponentResource {
  /** The servers' addresses by name, except lost ones. An address is known once its server is verified to be ready. */
  readonly addresses: Readonly<Record<string, pulumi.Output<string>>>;
  /** The release that all the servers run. */
  readonly version: pulumi.Output<string>;

  constructor(name: string, args: K3sServerPoolArgs, opts?: pulumi.ComponentResourceOptions) {
    super(
      "k3s-ha:index:K3sServerPool",
      name,
      {
        hosts: Object.keys(args.hosts),
        release: recordedRelease(args.release),
      } satisfies Recorded["k3s-ha:index:K3sServerPool"],
      opts,
    );
    const { servers: datastore, admits } = args.datastore;
    const config = {
      // Cannot be turned on later; without it every dump of the datastore holds the cluster's secrets in the clear.
      "secrets-encryption": true,
      "write-kubeconfig-mode": "0600",
      ...datastore.config,
      "tls-san": args.apiNames,
      ...withLeaderElection(args.hardened === true ? withHardening("server", args.config ?? {}) : (args.config ?? {})),
      ...(args.network === "own" ? { "flannel-backend": "none" } : {}),
    };

    const addresses: Record<string, pulumi.Output<string>> = {};
    let previous: HostCommand | undefined;
    for (const [nodeName, host] of Object.entries(args.hosts)) {
      const child = `${name}-${nodeName}`;
      const release = installRelease(child, host, nodeName, args.release, { parent: this });
      const service: HostCommand = runK3sServer(
        child,
        {
          host,
          nodeName,
          release: args.release,
          config: pulumi.all([config, pulumi.output(nodeAddressesOf(host))]).apply(([shared, own]) => ({
            ...withHostSettings(shared, host),
            "node-name": nodeName,
            "node-ip": own.join(","),
          })),
          secretConfig: {
            token: args.identity.token,
            "agent-token": args.identity.agentToken,
            ...datastore.secretConfig,
          },
          secretFiles: pulumi
            .all([datastore.secretFiles, authorityFiles(args.identity), args.manifests ?? ""])
            .apply(([files, authorities, manifests]) => [
              ...files,
              ...authorities,
              ...(manifests === "" ? [] : [{ path: manifestsPath, content: `# ${writtenBy}\n${manifests}\n` }]),
            ]),
          files: filesOf("server", [...(args.hardened === true ? hardeningFiles : []), ...(args.files ?? [])]),
          environment: { ...datastore.environment, ...leaderElectionEnvironment },
          datastore: datastore.identity,
          guard: datastore.guard,
          leavesBalancers: Object.values(args.hosts).filter(({ standIn }) => standIn === undefined).length > 1,
          externalCheckSeconds: args.externalCheckSeconds,
          movingFrom: args.movingFrom,
          clusterConfig: args.config ?? {},
          network: args.network,
          usesExternalAddresses: args.config?.["flannel-external-ip"] === true,
          goingBackFrom: args.goingBackFrom,
          readySeconds: args.readySeconds ?? 240,
          certificateRotation: args.certificateRotation,
        },
        { parent: this, dependsOn: [release, previous, admits[nodeName]].flat().filter((each) => each !== undefined) },
      );
      if (host.standIn === undefined)
        addresses[nodeName] = pulumi.all([nodeAddressOf(host), service.urn]).apply(([address]) => address);
      previous = service;
    }
    this.addresses = addresses;
    this.version = pulumi.output(args.release.version);
    this.registerOutputs({ addresses: this.addresses, version: this.version });
  }
}

/**
 * The authorities. The first server to start puts them into the datastore; the others find exactly these there.
 * All have them, so that it does not matter which server is the first, now or after that one was lost.
 */
function authorityFiles(identity: ServerIdentity): pulumi.Output<HostFile[]> {
  const pair = (fileName: string, authority: CertificateAuthority) => [
    { path: `${k3sTlsDirectory}/${fileName}.crt`, content: authority.certificate, mode: "0644" },
    { path: `${k3sTlsDirectory}/${fileName}.key`, content: authority.privateKey },
  ];
  return pulumi.output([
    ...pair("server-ca", identity.serverAuthority),
    ...pair("client-ca", identity.clientAuthority),
    ...pair("request-header-ca", identity.requestHeaderAuthority),
    { path: `${k3sTlsDirectory}/service.key`, content: identity.serviceAccountKey },
  ]);
}
