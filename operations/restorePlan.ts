/** The messages of a restore: its plan and losses before, and the cluster's situation after a failure. */
import { compareReleases } from "../components/k3s/releaseOrder.ts";
import type {
  BackupManifest,
  DatastoreContent,
  Reached,
  RestoreDriver,
} from "../components/datastore/restoreDriver.ts";
import type { HostLogin } from "../components/host/hostLogin.ts";
import { duration, thousands } from "./status/judgement.ts";

/** The hosts of a stack that a restore works on. */
export interface RestoreHosts {
  readonly servers: readonly HostLogin[];
  readonly agents: readonly HostLogin[];
  /** Names of those that the configuration declares lost. They are never dialled. */
  readonly lost: readonly string[];
  readonly database: HostLogin;
  readonly backup: HostLogin;
  readonly driver: Pick<RestoreDriver, "imports">;
}

/** The hosts of K3s for a restore. */
export interface FoundServers {
  /** Servers that have it, whether it runs or not. */
  readonly running: readonly HostLogin[];
  /** Servers that do not: their hosts are new, and `pulumi up` builds them. */
  readonly missing: readonly HostLogin[];
  /** Whether servers may log in to the datastore; on a new one none may yet. */
  readonly hasAccounts: boolean;
}

/** The plan that the operator confirms. `current` is undefined if the datastore is empty. */
export function planOf(
  manifest: BackupManifest,
  current: DatastoreContent | undefined,
  hosts: RestoreHosts & FoundServers,
  now: Date,
): string {
  const { agents, lost, database, backup, driver, running, missing, hasAccounts } = hosts;
  const age = duration(now.getTime() - Date.parse(manifest.startedAt));
  const holds =
    current === undefined
      ? "nothing now"
      : `${thousands(current.rows)} rows up to revision ${thousands(current.revision)} now`;
  const stops =
    running.length === 0
      ? "No server runs K3s, so none is stopped."
      : `K3s stops on ${namesOf(running)}. From here until step 4 the API is down; pods keep running.`;
  const starts = [
    ...(running.length === 0
      ? []
      : [`K3s starts again, one host after the other, each verified: ${namesOf(running)}.`]),
    ...(missing.length === 0 && hasAccounts
      ? []
      : [
          `pulumi up creates what is missing${missing.length === 0 ? "" : `, ${namesOf(missing)} included, one server after the other, each verified`}.`,
        ]),
    ...(agents.length === 0 ? [] : [`Then ${namesOf(agents)} ${agents.length === 1 ? "restarts" : "restart"}.`]),
  ];
  return `Restore backup ${manifest.id} of K3s ${manifest.k3sVersion}: ${thousands(manifest.rows)} rows up to revision ${thousands(manifest.revision)}, read at ${manifest.startedAt}, ${age} ago.
The datastore on ${database.name} holds ${holds}.
${lossOf(manifest, current)}
${lost.length === 0 ? "" : `Declared lost, so not connected to: ${lost.join(", ")}.\n`}
Steps:
  1. ${backup.name} opens the backup and checks it. A wrong key or a damaged backup ends the restore here, before anything is stopped.
  2. ${stops}
  3. ${driver.imports(database.name, current === undefined)}
  4. ${starts.join(" ")}
If a step is interrupted, run the same command again: it starts over and finishes.`;
}

/** The losses of a restore, by time and revision. */
export function lossOf(manifest: BackupManifest, current: DatastoreContent | undefined): string {
  const since = `Every change to the cluster after ${manifest.startedAt} is lost`;
  if (current === undefined) return `${since}.`;
  const revisions = current.revision - manifest.revision;
  // An emptier cluster than the one of the backup tells nothing of what that one was told later.
  if (revisions < 0) return `${since}; the datastore is at an earlier revision now, ${thousands(current.revision)}.`;
  if (revisions === 0) return "Nothing is lost: the datastore is at exactly this revision now.";
  // An earlier restore may have raised them, without writes.
  return `${since}: up to ${thousands(revisions)} ${revisions === 1 ? "revision" : "revisions"}, from ${thousands(manifest.revision + 1)} to ${thousands(current.revision)}.`;
}

/** The cluster's situation after a failed restore, and how to continue. */
export function stateAfter(reached: Reached): string {
  switch (reached) {
    case "nothing":
      return "Nothing was stopped or changed.";
    case "stopped":
      return "K3s is stopped on the servers, and the datastore still has its old content. Correct the cause above, and run the same command again. Or return to the old content: docs/restore.md describes how.";
    case "exchanged":
      return "The datastore holds the backup now, but not all of the cluster has started on it. Correct the cause above, and run the same command again. The old content is kept.";
  }
}

/** Refuses a backup that an older release than the one that wrote it would have to read; it may not be able to. */
export function refuseNewerRelease({ id, k3sVersion }: BackupManifest, configured: string): void {
  if (compareReleases(k3sVersion, configured) <= 0) return;
  throw new Error(
    `Backup ${id} was taken with K3s ${k3sVersion}, and the stack runs ${configured}, which may not be able to read what a newer release wrote. Set k3s-ha:k3s.version to ${k3sVersion}, run up, then restore.`,
  );
}

/** Names of hosts as a list in a sentence. */
export function namesOf(hosts: readonly HostLogin[]): string {
  return hosts.map(({ name }) => name).join(", ");
}
