import * as pulumi from "@pulumi/pulumi";
import { type HostArgs, nodeAddressOf } from "../host/host.ts";
import { HostCommand } from "../host/hostCommand.ts";
import { k3sConfigPath, k3sUnitPath, releaseDirectory, uninstallVariables } from "./k3sRelease.ts";
import { guardServer } from "./serverGuard.ts";
import { balancerStateFiles, balancerStatePort, leaveSeconds, returnSeconds } from "../balancer/balancerState.ts";
import { type HostFile, renderHostScript } from "../host/hostScript.ts";
import { renderK3sConfig } from "./k3sConfig.ts";
import { type Registries, renderRegistries } from "./registries.ts";
import { type K3sRole, k3sUnitNames, renderK3sUnit } from "./k3sUnit.ts";
import { balancerScripts } from "../balancer/scripts.ts";
import { hostScripts } from "../host/scripts.ts";
import { k3sScripts } from "./scripts.ts";

/** One node: a host with K3s on it, as a server or as an agent. */
export interface K3sNodeArgs {
  role: K3sRole;
  host: HostArgs;
  /** The node's name in Kubernetes. */
  nodeName: string;
  version: string;
  /** What stands in config.yaml. Not secret. */
  config: pulumi.Input<Record<string, unknown>>;
  /** What stands in a file of its own that only root reads: tokens, the datastore's endpoint. */
  secretConfig: Readonly<Record<string, pulumi.Input<string>>>;
  /** More files that hold secrets, written before the first start. */
  secretFiles?: pulumi.Input<HostFile[]>;
  /** Image registries with their logins, secret. Default: none. */
  registries?: pulumi.Input<Registries> | undefined;
  /** Environment of the unit. Default: none. */
  environment?: Record<string, string | number>;
  /** "host:port" of the datastore, several separated by commas, whose TLS is verified from here before every start; servers only. */
  datastoreAddress?: pulumi.Input<string>;
  /** What a connection to it begins with, as openssl calls it; empty where TLS comes first. Default: "mysql". */
  datastoreStartTls?: pulumi.Input<string>;
  /**
   * Whether the node leaves the balancers before a restart and comes back after it; servers only. Default: false, as for
   * a single server: without it there is no API either way.
   */
  leavesBalancers?: boolean;
  /** Seconds that pods may take to leave the node before a restart; agents only. Default: 0, they stay and run on. */
  drainSeconds?: number;
  /** Where an agent asks the API to be drained. */
  apiEndpoint?: pulumi.Input<string>;
  /** The datastore's schema; servers only. */
  datastoreSchema?: pulumi.Input<string>;
  /** A datastore that leaving is meant, as "host:port/schema"; servers only. */
  movingFrom?: string | undefined;
  /** What the configuration says of K3s itself, as a preview knows it too; servers only. */
  clusterConfig?: Readonly<Record<string, unknown>>;
  /** A release that going back from is meant; servers only. */
  goingBackFrom?: string | undefined;
  /** A word that asks for new certificates of K3s's own when it changes. Default: none. */
  certificateRotation?: string | undefined;
  /**
   * Whether the cluster is told to carry pods' traffic between the nodes' external addresses (`flannel-external-ip`). Default:
   * false, it goes between the node addresses.
   */
  usesExternalAddresses?: boolean | undefined;
  /** Seconds that the node may take to prove itself. */
  readySeconds: number;
}

/** What the nodes of this stack are marked with, so that no others are ever removed: `project/stack`. */
export function nodeOwner(): string {
  return `${pulumi.getProject()}/${pulumi.getStack()}`;
}

/** Whether the host may choose the card for pods' traffic: unless the settings do, or have no flannel that would use one. */
function choosesPodCard(config: Readonly<Record<string, unknown>>, usesExternalAddresses = false): boolean {
  return !usesExternalAddresses && config["flannel-iface"] === undefined && config["flannel-backend"] !== "none";
}

/** Where K3s reads about image registries. */
const registriesPath = "/etc/rancher/k3s/registries.yaml";

/** Where K3s reads the settings that are secret. */
export const secretsPath = "/etc/rancher/k3s/config.yaml.d/90-k3s-ha-secrets.yaml";

/** Where K3s finds the CA of its datastore, and what it logs in with beside the endpoint. */
export const datastoreCaPath = "/etc/rancher/k3s/datastore-ca.crt";
export const datastoreCertificatePath = "/etc/rancher/k3s/datastore-client.crt";
export const datastoreKeyPath = "/etc/rancher/k3s/datastore-client.key";

/** The command that starts a node and ends when the node has proved itself: what is ordered after a node depends on it. */
export function runK3sNode(name: string, args: K3sNodeArgs, opts: pulumi.CustomResourceOptions): HostCommand {
  const { host, role } = args;
  const unit = k3sUnitNames[role];
  const configPath = k3sConfigPath;
  const unitPath = k3sUnitPath(role);

  const secrets = new HostCommand(
    `${name}-secrets`,
    {
      host,
      script: pulumi.secret(
        pulumi
          .all([pulumi.output(args.secretConfig), args.secretFiles ?? [], pulumi.output(args.registries)])
          .apply(([config, files, registries]) =>
            renderHostScript({
              body: hostScripts.secretFiles,
              parts: [hostScripts.originals, k3sScripts.k3sClaim],
              variables: {
                node_name: args.nodeName,
                role,
                claim: name,
                revision_name: `${unit}-secrets`,
                reader: unit,
                paths: [secretsPath, datastoreCaPath, datastoreCertificatePath, datastoreKeyPath],
                optional_paths: [registriesPath],
                // A node may have had registries of its own.
                replaced_paths: registries === undefined ? [] : [registriesPath],
              },
              files: [
                { path: secretsPath, content: renderK3sConfig(config), mode: "0600" },
                ...files.map((file) => ({ mode: "0600", ...file })),
                ...(registries === undefined
                  ? []
                  : [{ path: registriesPath, content: renderRegistries(registries), mode: "0600" }]),
              ],
            }),
          ),
      ),
    },
    opts,
  );

  const leaves = args.leavesBalancers ?? false;
  const drainSeconds = args.drainSeconds ?? 0;
  return new HostCommand(
    `${name}-service`,
    {
      host,
      // Beyond what the node may take: waiting for another run's lock, leaving, and going back to the settings before.
      applySeconds: args.readySeconds + drainSeconds + 450,
      script: pulumi
        .all([
          args.config,
          args.datastoreAddress ?? "",
          secrets.revision,
          nodeAddressOf(host),
          args.apiEndpoint ?? "",
          args.datastoreSchema ?? "",
          args.datastoreStartTls ?? "mysql",
        ])
        .apply(([config, datastoreAddress, secretsRevision, address, apiEndpoint, datastoreSchema, startTls]) =>
          renderHostScript({
            body: k3sScripts.k3sService,
            parts: [
              hostScripts.originals,
              hostScripts.keptFiles,
              k3sScripts.k3sClaim,
              balancerScripts.k3sBalancer,
              k3sScripts.k3sDrain,
              k3sScripts.podNetwork,
              k3sScripts.k3sUninstall,
            ],
            variables: {
              host_name: args.nodeName,
              node_name: args.nodeName,
              role,
              claim: name,
              node_owner: nodeOwner(),
              node_address: address,
              chooses_pod_card: String(choosesPodCard(config, args.usesExternalAddresses)),
              ...uninstallVariables(role),
              secrets_path: secretsPath,
              secrets_revision: secretsRevision,
              registries_path: registriesPath,
              datastore_address: datastoreAddress,
              datastore_start_tls: startTls,
              datastore_schema: datastoreSchema,
              datastore_ca_path: datastoreCaPath,
              datastore_certificate_path: datastoreCertificatePath,
              datastore_key_path: datastoreKeyPath,
              kubeconfig:
                role === "server" ? "/etc/rancher/k3s/k3s.yaml" : "/var/lib/rancher/k3s/agent/kubelet.kubeconfig",
              version: args.version,
              release_directory: releaseDirectory(args.version),
              ready_seconds: args.readySeconds,
              certificate_rotation: args.certificateRotation ?? "",
              balancer_state_port: balancerStatePort,
              leave_seconds: leaves ? leaveSeconds : 0,
              return_seconds: leaves ? returnSeconds : 0,
              drain_seconds: drainSeconds,
              api_endpoint: apiEndpoint,
            },
            files: [
              { path: configPath, content: renderK3sConfig(config), mode: "0600" },
              { path: unitPath, content: renderK3sUnit(role, args.environment) },
              ...(role === "server" ? balancerStateFiles(address, { leaves }) : []),
            ],
          }),
        ),
    },
    {
      ...opts,
      dependsOn: [secrets],
      // Agents keep nothing that an older release could not read.
      ...(role === "server"
        ? {
            hooks: {
              beforeUpdate: [
                guardServer(name, {
                  server: args.nodeName,
                  version: args.version,
                  goingBackFrom: args.goingBackFrom,
                  movingFrom: args.movingFrom,
                  config: args.clusterConfig ?? {},
                }),
              ],
            },
          }
        : {}),
    },
  );
}
