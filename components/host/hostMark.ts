import * as pulumi from "@pulumi/pulumi";
import { renderHostScript } from "./hostScript.ts";
import type { HostRole, NamedHost } from "./hostCheckPart.ts";
import { HostCommand } from "./hostCommand.ts";
import type { ScriptRecord } from "./scriptRecord.ts";
import { hostScripts } from "./scripts.ts";

/** Seconds that the removal of an agent may take: waiting for another run's lock (300), then uninstalling K3s. */
export const agentRemoveSeconds = 450;

/**
 * Marks a host as this cluster's, by a file that only root reads, before anything else is changed there, and once `clusterId`
 * is known. Whatever acts on the host depends on it, so that it is removed last. The removal of an agent's mark uninstalls the agent that
 * it still finds: one whose creation was interrupted, of which the stack's state knows nothing.
 */
export function markHost(
  name: string,
  { name: hostName, host, role }: NamedHost,
  clusterId: pulumi.Output<string>,
  opts: pulumi.CustomResourceOptions,
): HostCommand {
  return new HostCommand(
    name,
    {
      host,
      applySeconds: 330,
      removeSeconds: role === "agent" ? agentRemoveSeconds : 330,
      script: clusterId.apply((cluster) =>
        renderHostScript({
          body: hostScripts.hostOwner,
          isSmall: true,
          record: { role } satisfies MarkRecord,
          parts: role === "agent" ? [hostScripts.agentFunctions] : [],
          variables: {
            host_name: hostName,
            uninstall_unknown: role === "agent" ? "uninstall_unknown_agent" : "true",
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

/** The record of a mark's script. */
export interface MarkRecord extends ScriptRecord {
  readonly role: HostRole;
}

/** The same in the script of a mark, or of a check, of an earlier release; nothing for a lost host. */
export function readEarlierMark(script: string): Partial<MarkRecord> {
  const role = /\brole=(\w+)/.exec(script)?.[1] as HostRole | undefined;
  return role === undefined ? {} : { role };
}
