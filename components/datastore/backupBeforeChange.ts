import * as pulumi from "@pulumi/pulumi";
import type { HostArgs } from "../host/host.ts";
import { HostCommand } from "../host/hostCommand.ts";
import { type HostScript, renderHostScript } from "../host/hostScript.ts";
import { engineScripts } from "./engine/scripts.ts";

/** The command that takes a backup before a database server's configuration changes; none without a host that takes it. */
export function backupBeforeChange(
  name: string,
  backupHost: HostArgs | undefined,
  hostName: string,
  /** What the server is configured with: a change of any of these changes the script, which is what makes it run. */
  changes: pulumi.Input<HostScript["variables"]>,
  parent: pulumi.Resource,
): HostCommand[] {
  if (backupHost === undefined) return [];
  const script = pulumi.output(changes).apply((variables) =>
    renderHostScript({
      body: engineScripts.backupFirst,
      variables: { host_name: hostName, label: "pre-datastore-change", ...variables },
    }),
  );
  // There is nothing to take back.
  return [new HostCommand(name, { host: backupHost, applySeconds: 3600, script }, { parent, retainOnDelete: true })];
}
