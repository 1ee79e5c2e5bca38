/** What a backup's manifest says that a restore needs. */
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

/** What the datastore holds before the restore; final once K3s has stopped. */
export interface DatastoreContent {
  readonly rows: number;
  readonly revision: number;
}

/** How far a restore has come: nothing stopped, K3s stopped, or the datastore's content exchanged. */
export type Reached = "nothing" | "stopped" | "exchanged";

/** One step of a restore. It may be repeated, so an interrupted restore is finished by running it again. */
export interface RestoreStep {
  /** What it does, for people: "Exchange the two tables". */
  readonly title: string;
  /** How far the restore has come if this step fails. */
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
  /** What lines of bash print. Throws with their errors. */
  run(lines: string): Promise<string>;
  /** What a script of `hostScript.ts` prints when it is applied; it may take as long as a datastore takes to be read. */
  apply(script: string): Promise<string>;
}

/** What a restore does that is the same for every datastore. Each part of it may be empty. */
export interface RestoreScene {
  readonly host: RestoreHost;
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

/** How a backup is put in the place of what a datastore holds. */
export interface RestoreDriver {
  /** A command that succeeds on the host where the datastore's server runs. */
  readonly isBuilt: string;
  /** Resources of the stack that make that server, before anybody can log in. */
  readonly builtBy: readonly string[];
  /** Resources of the stack that let the servers in. */
  readonly admittedBy: readonly string[];
  /** Path of the old content on the host, until the operator removes it. */
  readonly keptIn: string;
  /** What the datastore holds; undefined when nothing. */
  content(host: RestoreHost): Promise<DatastoreContent | undefined>;
  /** Whether servers may log in; on a new datastore none may yet. */
  admitsServers(host: RestoreHost): Promise<boolean>;
  /** Everything that is done, in this order. */
  steps(scene: RestoreScene): readonly RestoreStep[];
}
