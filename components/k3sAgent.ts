import * as pulumi from "@pulumi/pulumi";
import { HostCommand } from "./host/hostCommand.ts";
import {
  type K3sNodeArgs,
  nodeFiles,
  nodeScriptSeconds,
  nodeSecretFiles,
  registriesPath,
  secretsPath,
  serviceVariables,
} from "./k3sNode.ts";
import { installVariables } from "./k3sRelease.ts";
import { renderHostScript } from "./render/hostScript.ts";

/** Seconds that packages, the release and its images may take to be installed. */
const installSeconds = 600;

/** An agent: a node that joins at the API endpoint and runs workloads. */
export interface K3sAgentArgs extends K3sNodeArgs {
  /** Where the agent is drained through, since its own way to the API is down while it restarts. */
  apiEndpoint: pulumi.Input<string>;
  /** Seconds that pods may take to leave the agent before a restart. 0: they stay and run on. */
  drainSeconds: number;
}

/**
 * The command that makes a host an agent: it installs the release, writes settings and secrets, starts K3s, and ends when
 * the node has proved itself. One command, because a cluster may have a thousand agents. Its script is secret as a whole;
 * what a preview shows of it are the pool's own inputs.
 */
export function runK3sAgent(name: string, args: K3sAgentArgs, opts: pulumi.CustomResourceOptions): HostCommand {
  return new HostCommand(
    `${name}-service`,
    {
      host: args.host,
      applySeconds: args.readySeconds + args.drainSeconds + nodeScriptSeconds + installSeconds,
      script: pulumi.secret(
        pulumi
          .all([
            args.config,
            pulumi.output(args.secretConfig),
            pulumi.output(args.release.registries),
            args.apiEndpoint,
          ])
          .apply(([config, secretConfig, registries, apiEndpoint]) =>
            renderHostScript({
              body: "k3sAgent",
              parts: [
                "originals",
                "keptFiles",
                "k3sClaim",
                "k3sUninstall",
                "k3sInstall",
                "optionalFiles",
                "k3sDrain",
                "k3sService",
              ],
              variables: {
                ...installVariables(args.release),
                // Another claim than that of the three commands which an agent once had: their removal then leaves K3s alone.
                ...serviceVariables(`${name}-agent`, "agent", args),
                secret_paths: [secretsPath],
                optional_paths: [registriesPath],
                // A node may have had registries of its own.
                replaced_paths: registries === undefined ? [] : [registriesPath],
                drain_seconds: args.drainSeconds,
                api_endpoint: apiEndpoint,
              },
              files: [...nodeSecretFiles(secretConfig, registries), ...nodeFiles("agent", config, args.environment)],
            }),
          ),
      ),
    },
    opts,
  );
}
