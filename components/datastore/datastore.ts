import type * as pulumi from "@pulumi/pulumi";
import type { HostFile } from "../host/hostScript.ts";
import type { DatastoreAddress } from "./engine/datastoreEndpoint.ts";

/** A datastore's outputs for the cluster, of any kind and engine. */
export interface ProvisionedDatastore {
  /** K3s's settings for it, the same on every server. */
  readonly servers: ServerDatastore;
  /**
   * What lets each server in, by its name; servers that need nothing of their own are left out. A server depends on its own,
   * and is uninstalled before it is shut out: one that lost its datastore first would fail those who still use it.
   */
  readonly admits: Readonly<Record<string, pulumi.Resource | readonly pulumi.Resource[]>>;
  /** The driver for BackupCron; undefined if it cannot be backed up. */
  readonly backup: BackupDriver | undefined;
  /** K3s's `datastore-endpoint`, with the password in it; empty if K3s keeps it in its servers. Secret. Known once the datastore was verified. */
  readonly endpoint: pulumi.Output<string>;
  /** PEM of the CA that signed the datastore's certificate; empty if K3s keeps it in its servers. */
  readonly caCertificate: pulumi.Output<string>;
}

/** K3s's settings for a datastore. */
export interface ServerDatastore {
  /** Settings in K3s's config.yaml. Not secret. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Settings in a file that only root reads. Secret, whatever they are marked as. */
  readonly secretConfig: Readonly<Record<string, pulumi.Input<string>>>;
  /** Files that the settings name. Secret, whatever they are marked as. */
  readonly secretFiles: pulumi.Input<HostFile[]>;
  /** Environment of K3s's unit. */
  readonly environment: Readonly<Record<string, string | number>>;
  /** Functions that a server's script calls, and what they read. Default: those of a datastore outside the servers. */
  readonly guard?: ServerGuard;
  /** The identity of this datastore, and its verification before every start. Not secret. */
  readonly identity: pulumi.Output<DatastoreIdentity>;
}

/**
 * What a server does about its datastore: `check_datastore` before a start, `hold_quorum` before a restart, `prove_datastore` after
 * a start, and `leave_datastore` before K3s is uninstalled.
 */
export interface ServerGuard {
  /** Define the four functions. */
  readonly scripts: readonly URL[];
  /** Their variables on the server of that name. Not secret. */
  readonly variables: (server: string) => pulumi.Input<Readonly<Record<string, string | readonly string[]>>>;
}

/** The identity of a datastore, and the data to verify its TLS. */
export interface DatastoreIdentity {
  /** Where it listens, in the order in which K3s tries them. None if K3s keeps it in its servers. */
  readonly addresses: readonly DatastoreAddress[];
  /** Schema or database; the engine's name where it has none, and is told by its addresses; "embedded SQLite". */
  readonly schema: string;
  /** The protocol that starts TLS, by openssl's name; empty if connections begin with TLS. */
  readonly startTls: string;
}

/** The backup program's access to a datastore: to read it, and to replace its content by a backup. */
export interface BackupDriver {
  /** Lines of the program's settings, by name: the datastore, and where its login is. Not secret. */
  readonly settings: pulumi.Output<BackupDriverSettings>;
  /** Files with the login. Secret. */
  readonly secretFiles: pulumi.Output<HostFile[]>;
  /** Every path that {@link secretFiles} can have: they are removed with the backups' timer. */
  readonly secretPaths: readonly string[];
  /** Packages of the distribution that the program needs for it. */
  readonly packages: readonly string[];
  /** Functions of the program that read the datastore, and restore what was read to verify it. */
  readonly reading: readonly URL[];
  /** Functions of the program that replace what the datastore holds. */
  readonly replacing: readonly URL[];
}

/** The backup program's variables for every datastore; an engine's own functions may read more. */
export interface BackupDriverSettings {
  /** Schema or database that K3s keeps the cluster in. */
  readonly database: string;
  /** "host:port" of the datastore, for messages and manifests. */
  readonly source: string;
  readonly [name: string]: string;
}

/** A certificate that K3s logs in to its datastore with, beside the endpoint. */
export interface DatastoreClientCertificate {
  /** PEM. */
  certificate: pulumi.Input<string>;
  /** PEM. Secret, whatever it is marked as. */
  privateKey: pulumi.Input<string>;
}
