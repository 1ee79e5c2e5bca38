import { type ScriptRecord, variablesIn } from "../host/scriptRecord.ts";

/** The record of the timer's script: the place of the backups. */
export interface TimerRecord extends ScriptRecord {
  readonly host: string;
  readonly directory: string;
}

/** The same in a script of a release without records. */
export function readEarlierTimer(script: string): Partial<TimerRecord> {
  return variablesIn(script, { host: "host_name", directory: "directory" });
}

/** The note about existing backups when another host takes them from now on; undefined for the same host. */
export function moveNote(
  { host: oldName, directory: oldDirectory }: Partial<TimerRecord>,
  { hostName, directory, hasCopies }: { hostName: string; directory: string; hasCopies: boolean },
): string | undefined {
  if (oldName === undefined || oldDirectory === undefined || oldName === hostName) return undefined;
  const fetching = hasCopies
    ? `on ${hostName}, "k3s-ha-backup fetch ID" fetches a copy of one`
    : `to keep them on ${hostName}, copy their directories into ${directory} there`;
  return `Backups are taken by ${hostName} from now on, and timer, program and credentials are removed from ${oldName}. The backups that ${oldName} took stay there, in ${oldDirectory}, until you remove them; ${fetching}.`;
}
