import { isIP } from "node:net";
import * as pulumi from "@pulumi/pulumi";
import { nodeAddressOf } from "../host/host.ts";
import { HostCommand } from "../host/hostCommand.ts";
import {
  configFile,
  type K3sNodeArgs,
  manifestsPath,
  nodeScriptSeconds,
  nodeSecretFiles,
  nodeVariables,
  registriesPath,
  roleVariables,
  secretsPath,
} from "./k3sNode.ts";
import type { DatastoreIdentity, ServerGuard } from "../datastore/datastore.ts";
import { addressText } from "../datastore/engine/datastoreEndpoint.ts";
import {
  datastoreCaPath,
  datastoreCertificatePath,
  datastoreKeyPath,
  externalGuard,
} from "../datastore/serverDatastore.ts";
import { stagedFiles } from "./nodeFiles.ts";
import { k3sUnitPath } from "./k3sRelease.ts";
import { k3sUnitNames, renderK3sUnit } from "./k3sUnit.ts";
import { balancerStateFiles, balancerStatePort, leaveSeconds, returnSeconds } from "../balancer/balancerState.ts";
import { serverHealthFiles, serverHealthPort } from "../balancer/serverHealth.ts";
import { type HostFile, renderHostScript } from "../host/hostScript.ts";
import { networkSettings } from "./clusterNetworkGuard.ts";
import { guardServer, type ServerRecord } from "./serverGuard.ts";
import { balancerScripts } from "../balancer/scripts.ts";
import { hostScripts } from "../host/scripts.ts";
import { k3sScripts } from "./scripts.ts";

/** A server: a node with the API, on the cluster's datastore. */
export interface K3sServerArgs extends K3sNodeArgs {
  /** More files that hold secrets, written before the first start. */
  secretFiles: pulumi.Input<HostFile[]>;
  /** Environment of the unit. */
  environment: Record<string, string | number>;
  /** The datastore, whose TLS is verified from here before every start. */
  datastore: pulumi.Output<DatastoreIdentity>;
  /** What the server does about its datastore. Default: that of one outside the servers. */
  guard?: ServerGuard | undefined;
  /** Whether the server leaves the load balancers before a restart and comes back after it; false for a single server. */
  leavesBalancers: boolean;
  /** Seconds after which an external load balancer has seen that the server leaves or is back. Default: there is none. */
  externalCheckSeconds?: number | undefined;
  /** Confirms the move from this datastore, "host:port/schema". Default: none. */
  movingFrom?: string | undefined;
  /** K3s's own settings in the configuration, which a preview knows too. */
  clusterConfig: Readonly<Record<string, unknown>>;
  /** Confirms the downgrade from this release. Default: none. */
  goingBackFrom?: string | undefined;
}

/**
 * The command that starts a server and ends when the server is verified: what is ordered after a server depends on
 * it.
 */
export function runK3sServer(name: string, args: K3sServerArgs, opts: pulumi.CustomResourceOptions): HostCommand {
  const secrets = placeSecrets(name, args, opts);
  return startServer(name, args, secrets.revision, {
    ...opts,
    dependsOn: [secrets],
    hooks: {
      beforeUpdate: [
        guardServer(name, {
          server: args.nodeName,
          version: args.release.version,
          goingBackFrom: args.goingBackFrom,
          movingFrom: args.movingFrom,
          config: args.clusterConfig,
        }),
      ],
    },
  });
}

/** The secrets have a command of their own, so that a preview shows the changed lines of the rest. */
function placeSecrets(name: string, args: K3sServerArgs, opts: pulumi.CustomResourceOptions): HostCommand {
  const script = pulumi
    .all([
      pulumi.output(args.secretConfig),
      args.secretFiles,
      pulumi.output(args.release.registries),
      pulumi.output([...(args.files ?? [])]),
    ])
    .apply(([config, files, registries, nodeFiles]) =>
      renderHostScript({
        body: hostScripts.secretFiles,
        parts: [hostScripts.originals, hostScripts.optionalFiles, k3sScripts.k3sClaim],
        variables: {
          node_name: args.nodeName,
          role: "server",
          claim: name,
          revision_name: `${k3sUnitNames.server}-secrets`,
          reader: k3sUnitNames.server,
          paths: [secretsPath, datastoreCaPath, datastoreCertificatePath, datastoreKeyPath],
          optional_paths: [registriesPath, manifestsPath],
          // A node may have had registries of its own.
          replaced_paths: registries === undefined ? [] : [registriesPath],
        },
        files: [
          ...nodeSecretFiles(config, registries),
          ...files.map((file) => ({ mode: "0600", ...file })),
          ...stagedFiles(nodeFiles),
        ],
      }),
    );
  return new HostCommand(`${name}-secrets`, { host: args.host, script: pulumi.secret(script) }, opts);
}

function startServer(
  name: string,
  args: K3sServerArgs,
  secretsRevision: pulumi.Output<string>,
  opts: pulumi.CustomResourceOptions,
): HostCommand {
  const { host, leavesBalancers, externalCheckSeconds } = args;
  const isExternal = externalCheckSeconds !== undefined;
  const leaving = leavesBalancers ? (externalCheckSeconds ?? leaveSeconds) : 0;
  const returning = leavesBalancers ? (externalCheckSeconds ?? returnSeconds) : 0;
  const guard = args.guard ?? externalGuard;
  const script = pulumi
    .all([args.config, args.datastore, secretsRevision, nodeAddressOf(host), guard.variables(args.nodeName)])
    .apply(([config, datastore, revision, address, guardVariables]) =>
      renderHostScript({
        body: k3sScripts.k3sServer,
        parts: [
          hostScripts.originals,
          hostScripts.keptFiles,
          k3sScripts.k3sClaim,
          balancerScripts.k3sBalancer,
          k3sScripts.podNetwork,
          k3sScripts.nodeFiles,
          k3sScripts.k3sUninstall,
          k3sScripts.k3sService,
          ...guard.scripts,
        ],
        record: {
          version: args.release.version,
          datastore: datastoreName(datastore),
          networks: networkSettings(config),
        } satisfies ServerRecord,
        variables: {
          ...roleVariables("server"),
          ...nodeVariables(name, args, { address, config }),
          secrets_revision: revision,
          ...datastoreVariables(datastore),
          ...guardVariables,
          balancer_state_port: balancerStatePort,
          server_health_port: isExternal ? serverHealthPort : "",
          leave_seconds: leaving,
          return_seconds: returning,
        },
        files: [
          configFile(config),
          { path: k3sUnitPath("server"), content: renderK3sUnit("server", args.environment) },
          ...balancerStateFiles(address, leaving),
          ...(isExternal ? serverHealthFiles() : []),
        ],
      }),
    );
  return new HostCommand(
    `${name}-service`,
    {
      host,
      applySeconds: args.readySeconds + nodeScriptSeconds + (isExternal ? leaving + returning : 0),
      script,
    },
    opts,
  );
}

/** A datastore as "host:port/schema"; one that K3s keeps in its servers has no address. */
function datastoreName({ addresses, schema }: DatastoreIdentity): string {
  return addresses.length === 0 ? schema : `${addresses.map(addressText).join(",")}/${schema}`;
}

/** Variables with which the server verifies the datastore's TLS. */
function datastoreVariables({ addresses, startTls }: DatastoreIdentity) {
  return {
    datastore_addresses: addresses.map(addressText),
    datastore_hosts: addresses.map(({ host }) => host),
    // How openssl is told which name or address a certificate has to have.
    datastore_host_kinds: addresses.map(({ host }) => (isIP(host) === 0 ? "hostname" : "ip")),
    datastore_start_tls: startTls,
  };
}
