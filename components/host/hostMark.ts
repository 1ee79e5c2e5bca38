import * as pulumi from "@pulumi/pulumi";
import { renderHostScript } from "../render/hostScript.ts";
import type { NamedHost } from "./hostCheckPart.ts";
import { HostCommand } from "./hostCommand.ts";

/**
 * Marks a host as this cluster's, by a file that only root reads, before anything else is changed there. Whatever acts on
 * the host depends on it, so that it is removed last.
 */
export function markHost(
  name: string,
  { name: hostName, host, role, stack = {} }: NamedHost,
  opts: pulumi.CustomResourceOptions,
): HostCommand {
  return new HostCommand(
    name,
    {
      host,
      applySeconds: 330,
      script: pulumi.output(stack.clusterId ?? "").apply((cluster) =>
        renderHostScript({
          body: "hostOwner",
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
