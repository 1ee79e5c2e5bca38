import type { HostScript } from "../host/hostScript.ts";
import { contentOf, type Reached, type RestoreScene, type RestoreStep } from "./restoreDriver.ts";

/** The directory on a datastore's host that keeps what a restore replaced. */
export const safetyDirectory = "/var/backups/k3s-ha-before-restore";

/** The sentence about the import in the plan of a restore on a datastore's own host. */
export function importSentence(hostName: string, isEmpty: boolean): string {
  return isEmpty
    ? `The backup is imported on ${hostName}, where no server may log in before.`
    : `The current content of the datastore is dumped on ${hostName}, into ${safetyDirectory}; the backup is imported beside it, and the two are exchanged.`;
}

/** The variables that the script of every such restore reads. */
export function restoreVariables({ host, manifest, started }: RestoreScene, phase: string): HostScript["variables"] {
  return {
    host_name: host.name,
    safety_directory: safetyDirectory,
    started,
    phase,
    expected_rows: manifest.rows,
    expected_revision: manifest.revision,
    expected_at: manifest.startedAt,
    expected_bytes: manifest.dumpSize,
    packed_bytes: manifest.size,
    token_fingerprint: manifest.tokenFingerprint,
  };
}

/** The steps of an engine, by what they are called. */
export interface ExchangeTitles {
  /** Reads the content once no server writes any more. */
  readonly read: string;
  /** Keeps the current content, and puts the backup beside it. */
  readonly prepare: string;
  readonly exchange: string;
  /** Admits the servers again. Default: they were never shut out. */
  readonly admit?: string;
}

/**
 * The steps that put a backup beside the datastore's content, and exchange the two once K3s has stopped.
 *
 * @param runPhase runs one phase of the engine's script: "room", "lock", "prepare", "swap" or "open".
 */
export function exchangeSteps(
  scene: RestoreScene,
  titles: ExchangeTitles,
  runPhase: (phase: string) => Promise<string>,
): readonly RestoreStep[] {
  const phase = (title: string, leaves: Reached, name: string): RestoreStep => ({
    title,
    leaves,
    run: () => runPhase(name),
  });
  return [
    // Before anything is stopped: a full disk, a wrong key, or a backup that is damaged, costs no minute of the API.
    phase(`Check the space on ${scene.host.name}`, "nothing", "room"),
    ...scene.openBackup,
    ...scene.stopServers,
    {
      title: titles.read,
      leaves: "stopped",
      run: async () => {
        scene.onStopped(contentOf(await runPhase("lock")));
        return "";
      },
    },
    phase(titles.prepare, "stopped", "prepare"),
    phase(titles.exchange, "stopped", "swap"),
    ...(titles.admit === undefined ? [] : [phase(titles.admit, "exchanged", "open")]),
    ...scene.letServersIn,
    ...scene.startServers,
    ...scene.restartAgents,
  ];
}
