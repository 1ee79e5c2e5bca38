import * as pulumi from "@pulumi/pulumi";
import { renderHostScript } from "./hostScript.ts";
import type { HostRole, NamedHost } from "./hostCheckPart.ts";
import { HostCommand } from "./hostCommand.ts";
import { hostScripts } from "./scripts.ts";

/**
 * Marks a host as this cluster's, by a file that only root reads, before anything else is changed there, and once `known` is.
 * Whatever acts on the host depends on it, so that it is removed last.
 */
export function markHost(
  name: string,
  { name: hostName, host, role, stack = {} }: NamedHost,
  known: pulumi.Output<string>,
  opts: pulumi.CustomResourceOptions,
): HostCommand {
  return new HostCommand(
    name,
    {
      host,
      applySeconds: 330,
      script: pulumi.all([stack.clusterId ?? "", known]).apply(([cluster]) =>
        renderHostScript({
          body: hostScripts.hostOwner,
          variables: {
            host_name: hostName,
            mark: [
              `project=${pulumi.getProject()}`,
              `stack=${pulumi.getStack()}`,
              `cluster=${cluster}`,
              `host=${hostName}`,
              `role=${role}`,
            ],
          },
        }),
      ),
    },
    opts,
  );
}

/** The role that a script marks a host with, or that one of an earlier release checked it for; none of a lost host. */
export function markedRole(script: string): HostRole | undefined {
  return /\brole=(\w+)/.exec(script)?.[1] as HostRole | undefined;
}
