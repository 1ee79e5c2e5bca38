import * as pulumi from "@pulumi/pulumi";
import { type HostArgs, nodeAddressesOf } from "../host/host.ts";
import { FunctionsFile } from "../host/functionsFile.ts";
import { HostCommand } from "../host/hostCommand.ts";
import { agentRemoveSeconds } from "../host/hostMark.ts";
import {
  configFile,
  type K3sNodeArgs,
  nodeScriptSeconds,
  nodeSecretFiles,
  nodeVariables,
  registriesPath,
  roleVariables,
  secretsPath,
} from "./k3sNode.ts";
import { stagedFiles } from "./nodeFiles.ts";
import { installVariables, k3sUnitPath, releaseVariables } from "./k3sRelease.ts";
import { renderHostFunctions, renderHostScript } from "../host/hostScript.ts";
import { renderK3sUnit } from "./k3sUnit.ts";
import type { Registries } from "./registries.ts";
import { withHostSettings } from "./hostSettings.ts";
import { hostScripts } from "../host/scripts.ts";
import { k3sScripts } from "./scripts.ts";

/** Seconds that packages, the release and its images may take to be installed. */
const installSeconds = 600;

/** The common arguments of all agents of a pool. */
export interface SharedAgentSettings {
  /** Content of config.yaml beside the endpoint and the node's own name and address. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The endpoint at which agents join, and through which they are drained, because their own connection to the API is down while they restart. */
  readonly apiEndpoint: string;
  /** The token that they join with. */
  readonly token: string;
  readonly registries: Registries | undefined;
  /** Files that the nodes have before K3s starts. */
  readonly files: readonly { path: string; content: string; mode?: string | undefined }[];
}

/** An agent: a node that joins at the API endpoint and runs workloads. */
export interface K3sAgentArgs extends Omit<K3sNodeArgs, "config" | "secretConfig" | "files"> {
  shared: pulumi.OutputInstance<SharedAgentSettings>;
  /** Seconds that pods may take to leave the agent before a restart. 0: they stay and run on. */
  drainSeconds: number;
}

/** The functions that all agents share, in a file on their hosts instead of in each script. Scripts know the path as well. */
export const agentFunctions = new FunctionsFile(
  "/usr/local/lib/k3s-ha/agent-functions",
  renderHostFunctions({
    variables: {
      ...roleVariables("agent"),
      ...installVariables,
      secret_paths: [secretsPath],
      optional_paths: [registriesPath],
    },
    files: [{ path: k3sUnitPath("agent"), content: renderK3sUnit("agent") }],
    parts: [
      hostScripts.originals,
      hostScripts.keptFiles,
      k3sScripts.k3sClaim,
      k3sScripts.nodeFiles,
      k3sScripts.k3sUninstall,
      k3sScripts.k3sInstall,
      hostScripts.optionalFiles,
      k3sScripts.k3sDrain,
      k3sScripts.podNetwork,
      k3sScripts.k3sService,
      k3sScripts.k3sAgentNode,
    ],
  }),
);

/**
 * The command that makes a host an agent: it installs the release, writes settings and secrets, starts K3s, and ends when
 * the node is verified. One command, because a cluster may have a thousand agents. Its script is secret as a whole;
 * what a preview shows of it are the pool's own inputs.
 */
export function runK3sAgent(name: string, args: K3sAgentArgs, opts: pulumi.CustomResourceOptions): HostCommand {
  return new HostCommand(
    `${name}-service`,
    {
      host: args.host,
      functions: agentFunctions,
      applySeconds: args.readySeconds + args.drainSeconds + nodeScriptSeconds + installSeconds,
      removeSeconds: agentRemoveSeconds,
      script: pulumi.secret(
        args.shared.apply(({ config: shared, apiEndpoint, token, registries, files }) => {
          const config = withHostSettings(shared, args.host);
          return withAddresses(args.host, (address, nodeIp) =>
            renderHostScript({
              body: k3sScripts.k3sAgent,
              parts: [hostScripts.agentFunctions],
              isSmall: true,
              variables: {
                functions_sha256: agentFunctions.sha256,
                ...releaseVariables(args.release),
                // Another claim than that of the three commands which an agent once had: their removal then leaves K3s alone.
                ...nodeVariables(
                  `${name}-agent`,
                  { ...args, files },
                  { address, config: { ...config, "node-ip": nodeIp } },
                ),
                // A node may have had registries of its own.
                replaced_paths: registries === undefined ? [] : [registriesPath],
                drain_seconds: args.drainSeconds,
                api_endpoint: apiEndpoint,
              },
              files: [
                ...nodeSecretFiles({ token }, registries),
                ...stagedFiles(files),
                configFile({ ...config, server: apiEndpoint, "node-name": args.nodeName, "node-ip": nodeIp }),
              ],
            }),
          );
        }),
      ),
    },
    opts,
  );
}

/**
 * Renders with the address of a host, and K3s's `node-ip`, which may be two: at once if they are plain, since each output costs
 * Pulumi a dozen promises.
 */
function withAddresses<T>(
  host: HostArgs,
  render: (address: string, nodeIp: string) => T,
): T | pulumi.OutputInstance<T> {
  const own = nodeAddressesOf(host);
  const renderAll = (addresses: readonly string[]) => render(addresses[0] ?? "", addresses.join(","));
  const plain = own.filter((address) => typeof address === "string");
  return plain.length === own.length ? renderAll(plain) : pulumi.output(own).apply(renderAll);
}
