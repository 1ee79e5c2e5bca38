import * as pulumi from "@pulumi/pulumi";
import { type HostArgs } from "./host/host.ts";
import { HostCommand } from "./host/hostCommand.ts";
import { releaseDirectory } from "./k3sRelease.ts";
import { type HostFile, renderHostScript } from "./render/hostScript.ts";
import { renderK3sConfig } from "./render/k3sConfig.ts";
import { type K3sRole, k3sUnitNames, renderK3sUnit } from "./render/k3sUnit.ts";

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
  /** Environment of the unit. Default: none. */
  environment?: Record<string, string | number>;
  /** "host:port" of the datastore, whose TLS is verified from here before every start; servers only. */
  datastoreAddress?: pulumi.Input<string>;
  /** Seconds that the node may take to prove itself. */
  readySeconds: number;
}

/** Where K3s finds the CA of its datastore. */
export const datastoreCaPath = "/etc/rancher/k3s/datastore-ca.crt";

/** The command that starts a node and ends when the node has proved itself: what is ordered after a node depends on it. */
export function runK3sNode(name: string, args: K3sNodeArgs, opts: pulumi.CustomResourceOptions): HostCommand {
  const { host, role } = args;
  const unit = k3sUnitNames[role];
  const configPath = "/etc/rancher/k3s/config.yaml";
  const secretsPath = "/etc/rancher/k3s/config.yaml.d/90-k3s-ha-secrets.yaml";
  const unitPath = `/etc/systemd/system/${unit}.service`;

  const secrets = new HostCommand(
    `${name}-secrets`,
    {
      host,
      script: pulumi.secret(
        pulumi.all([pulumi.output(args.secretConfig), args.secretFiles ?? []]).apply(([config, files]) =>
          renderHostScript({
            body: "secretFiles",
            variables: { revision_name: `${unit}-secrets`, paths: [secretsPath, datastoreCaPath] },
            files: [
              { path: secretsPath, content: renderK3sConfig(config), mode: "0600" },
              ...files.map((file) => ({ mode: "0600", ...file })),
            ],
          }),
        ),
      ),
    },
    opts,
  );

  return new HostCommand(
    `${name}-service`,
    {
      host,
      // Beyond what the node may take: waiting for another run's lock, and going back to the settings before.
      applySeconds: args.readySeconds + 450,
      script: pulumi
        .all([args.config, args.datastoreAddress ?? "", secrets.revision])
        .apply(([config, datastoreAddress, secretsRevision]) =>
          renderHostScript({
            body: "k3sService",
            variables: {
              host_name: args.nodeName,
              node_name: args.nodeName,
              role,
              unit,
              unit_path: unitPath,
              config_path: configPath,
              secrets_path: secretsPath,
              secrets_revision: secretsRevision,
              datastore_address: datastoreAddress,
              datastore_host: datastoreAddress.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1"),
              datastore_ca_path: datastoreCaPath,
              kubeconfig:
                role === "server" ? "/etc/rancher/k3s/k3s.yaml" : "/var/lib/rancher/k3s/agent/kubelet.kubeconfig",
              version: args.version,
              release_directory: releaseDirectory(args.version),
              ready_seconds: args.readySeconds,
            },
            files: [
              { path: configPath, content: renderK3sConfig(config), mode: "0600" },
              { path: unitPath, content: renderK3sUnit(role, args.environment) },
            ],
          }),
        ),
    },
    { ...opts, dependsOn: [secrets] },
  );
}
