/** The part of a backup's manifest that a restore needs. */
export interface BackupManifest {
  readonly id: string;
  readonly k3sVersion: string;
  readonly rows: number;
  readonly revision: number;
  /** Bytes of the dump, as SQL. */
  readonly dumpSize: number;
  /** Bytes of the dump as it is kept. */
  readonly size: number;
  /** ISO 8601, when its snapshot was read. */
  readonly startedAt: string;
  readonly tokenFingerprint: string;
}

/** The datastore's content before the restore; final once K3s has stopped. */
export interface DatastoreContent {
  readonly rows: number;
  readonly revision: number;
}

/** The progress of a restore: nothing stopped, K3s stopped, or the datastore's content exchanged. */
export type Reached = "nothing" | "stopped" | "exchanged";

/** One step of a restore. It may be repeated, so an interrupted restore is finished by running it again. */
export interface RestoreStep {
  /** The step's name: "Exchange the two tables". */
  readonly title: string;
  /** The progress of the restore if this step fails. */
  readonly leaves: Reached;
  /**
   * Does it.
   *
   * @returns lines to show, which may be none.
   * @throws with a sentence when it cannot be done.
   */
  run(): Promise<string>;
}

/** The datastore's own host, during a restore. */
export interface RestoreHost {
  readonly name: string;
  /** The output of lines of bash. Throws with their errors. */
  run(lines: string): Promise<string>;
  /** The output of a script of `hostScript.ts`; it may take as long as reading a datastore. Default: its function `apply`. */
  apply(script: string, action?: string): Promise<string>;
}

/** The parts of a restore that are the same for every datastore. Each of them may be empty. */
export interface RestoreScene {
  readonly host: RestoreHost;
  /** The other hosts of a datastore that has several. */
  readonly others: readonly RestoreHost[];
  /** Runs a function of the script that a resource of the stack was last applied with, on its host. */
  runAgain(resource: string, host: RestoreHost, action: string): Promise<void>;
  readonly manifest: BackupManifest;
  /** UTC time of the restore's start, which names what is kept of before. */
  readonly started: string;
  /** Opens the backup, and brings the dump in the clear to the datastore's host. */
  readonly openBackup: readonly RestoreStep[];
  readonly stopServers: readonly RestoreStep[];
  /** Lets the servers of a new datastore in. */
  readonly letServersIn: readonly RestoreStep[];
  readonly startServers: readonly RestoreStep[];
  readonly restartAgents: readonly RestoreStep[];
  /** Records the content of the datastore once no server writes any more. */
  readonly onStopped: (content: DatastoreContent | undefined) => void;
}

/** The steps that replace a datastore's content by a backup. */
export interface RestoreDriver {
  /** The role of the host that it works on: the datastore's own or, where that is inside the servers, the first server. */
  readonly role: "datastore" | "server";
  /** What replaces the old content on the host of that name, as a sentence of the plan that the operator confirms. */
  imports(hostName: string, isEmpty: boolean): string;
  /** A command that succeeds on the host where the datastore's server runs. */
  readonly isBuilt: string;
  /** Resources of the stack that make that server, before anybody can log in. */
  readonly builtBy: readonly string[];
  /** Resources of the stack that let the servers in. */
  readonly admittedBy: readonly string[];
  /** The datastore's content; undefined if it is empty. */
  content(host: RestoreHost): Promise<DatastoreContent | undefined>;
  /** Whether servers may log in; on a new datastore none may yet. */
  admitsServers(host: RestoreHost): Promise<boolean>;
  /** Everything that is done, in this order. */
  steps(scene: RestoreScene): readonly RestoreStep[];
}

/** The datastore's content, from "rows<TAB>revision"; undefined if that is empty. */
export function contentOf(answer: string): DatastoreContent | undefined {
  const [rows, revision] = answer.trim().split(/\s+/).map(Number);
  return answer.trim() === "" ? undefined : { rows: rows ?? 0, revision: revision ?? 0 };
}
