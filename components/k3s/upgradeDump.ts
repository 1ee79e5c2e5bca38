import * as pulumi from "@pulumi/pulumi";
import type { HostArgs } from "../host/host.ts";
import { HostCommand } from "../host/hostCommand.ts";
import { backupProgramPath } from "../backup/backupProgram.ts";
import { renderHostScript, variableIn } from "../host/hostScript.ts";
import { k3sScripts } from "./scripts.ts";

/** Before what the datastore is dumped, and where. */
export interface UpgradeDumpArgs {
  /** The host that takes the backups. */
  host: HostArgs;
  /** The host's name, for messages. */
  hostName: string;
  /** The release that the servers are to run. */
  version: string;
}

/** Seconds for a dump, its verification and a run that is under way. */
const dumpSeconds = 3600;

/**
 * A verified dump of the datastore, labelled "pre-upgrade", whenever the release changes. The servers come after it: there
 * is no way back from an upgrade but this dump.
 */
export class UpgradeDump extends pulumi.ComponentResource {
  /** The release that the servers may be changed to. */
  readonly version: pulumi.Output<string>;

  constructor(name: string, args: UpgradeDumpArgs, opts?: pulumi.ComponentResourceOptions) {
    super("k3s-ha:index:UpgradeDump", name, {}, opts);
    const dump = new HostCommand(
      `${name}-dump`,
      {
        host: args.host,
        applySeconds: dumpSeconds,
        script: renderHostScript({
          body: k3sScripts.upgradeDump,
          variables: { host_name: args.hostName, version: args.version, backup_program: backupProgramPath },
        }),
      },
      {
        parent: this,
        hooks: {
          beforeUpdate: [
            new pulumi.ResourceHook(
              `${name}-guard`,
              ({ oldInputs }) => {
                const fault = dumpHostFault(String(oldInputs?.["stdin"]), args);
                if (fault !== undefined) throw new Error(fault);
              },
              { onDryRun: true },
            ),
          ],
        },
      },
    );
    this.version = dump.urn.apply(() => args.version);
    this.registerOutputs({ version: this.version });
  }
}

/** Why backups may not move to another host together with an upgrade, with the remedy; undefined when it is not both. */
export function dumpHostFault(
  oldScript: string,
  { hostName, version }: Pick<UpgradeDumpArgs, "hostName" | "version">,
): string | undefined {
  const [oldName, oldVersion] = [variableIn(oldScript, "host_name"), variableIn(oldScript, "version")];
  if (oldName === undefined || oldVersion === undefined || oldName === hostName || oldVersion === version) {
    return undefined;
  }
  return `One run upgrades K3s from ${oldVersion} to ${version} and moves backups from ${oldName} to ${hostName}, but ${oldName} has to take a backup before the upgrade. Revert one of the two changes, run up, then make it.`;
}
