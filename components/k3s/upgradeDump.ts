import * as pulumi from "@pulumi/pulumi";
import type { HostArgs } from "../host/host.ts";
import { HostCommand } from "../host/hostCommand.ts";
import { backupProgramPath } from "../backup/backupProgram.ts";
import { guardChange } from "../host/guardChange.ts";
import { renderHostScript } from "../host/hostScript.ts";
import { type ScriptRecord, variablesIn } from "../host/scriptRecord.ts";
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
          record: { host: args.hostName, version: args.version } satisfies DumpRecord,
          variables: { host_name: args.hostName, version: args.version, backup_program: backupProgramPath },
        }),
      },
      {
        parent: this,
        hooks: {
          beforeUpdate: [
            guardChange<DumpRecord>(`${name}-guard`, {
              fault: (before) => dumpHostFault(before, args),
              readEarlier: readEarlierDump,
            }),
          ],
        },
      },
    );
    this.version = dump.urn.apply(() => args.version);
    this.registerOutputs({ version: this.version });
  }
}

/** The record of the dump's script: its host, and the release that the servers may be changed to. */
export interface DumpRecord extends ScriptRecord {
  readonly host: string;
  readonly version: string;
}

/** The same in a script of a release without records. */
export function readEarlierDump(script: string): Partial<DumpRecord> {
  return variablesIn(script, { host: "host_name", version: "version" });
}

/** Why backups may not move to another host together with an upgrade, with the remedy; undefined when it is not both. */
export function dumpHostFault(
  { host: oldName, version: oldVersion }: Partial<DumpRecord>,
  { hostName, version }: Pick<UpgradeDumpArgs, "hostName" | "version">,
): string | undefined {
  if (oldName === undefined || oldVersion === undefined || oldName === hostName || oldVersion === version) {
    return undefined;
  }
  return `One run upgrades K3s from ${oldVersion} to ${version} and moves backups from ${oldName} to ${hostName}, but ${oldName} has to take a backup before the upgrade. Revert one of the two changes, run up, then make it.`;
}
