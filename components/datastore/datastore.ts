import type * as pulumi from "@pulumi/pulumi";
import type { HostFile } from "../host/hostScript.ts";

/** A datastore's outputs for the cluster, of any kind and engine. */
export interface ProvisionedDatastore {
  /** What K3s takes to use it, the same on every server. */
  readonly servers: ServerDatastore;
  /**
   * What lets each server in, by its name; servers that need nothing of their own are left out. A server depends on its own,
   * and is uninstalled before it is shut out: one that lost its datastore first would fail those who still use it.
   */
  readonly admits: Readonly<Record<string, pulumi.Resource>>;
  /** How BackupCron backs it up; undefined where it cannot. */
  readonly backup: BackupDriver | undefined;
  /** K3s's `datastore-endpoint`, with the password in it. Secret. Known once the datastore was verified from a server. */
  readonly endpoint: pulumi.Output<string>;
  /** PEM of the CA that signed the datastore's certificate. */
  readonly caCertificate: pulumi.Output<string>;
}

/** What K3s takes to use a datastore. */
export interface ServerDatastore {
  /** Settings in K3s's config.yaml. Not secret. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Settings in a file that only root reads. Secret, whatever they are marked as. */
  readonly secretConfig: Readonly<Record<string, pulumi.Input<string>>>;
  /** Files that the settings name. Secret, whatever they are marked as. */
  readonly secretFiles: pulumi.Input<HostFile[]>;
  /** Environment of K3s's unit. */
  readonly environment: Readonly<Record<string, string | number>>;
  /** What tells this datastore from another, and how it is verified before every start. Not secret. */
  readonly identity: pulumi.Output<DatastoreIdentity>;
}

/** What tells one datastore from another, and what it takes to verify its TLS. */
export interface DatastoreIdentity {
  /** "host:port", several separated by commas. */
  readonly address: string;
  /** Schema or database; the engine's name where it has none, and is told by its addresses. */
  readonly schema: string;
  /** How a connection comes to speak TLS, as openssl calls it; empty where it does from the start. */
  readonly startTls: string;
}

/** How the backup program on a host reads a datastore, and puts a backup in the place of what it holds. */
export interface BackupDriver {
  /** Lines of the program's settings, by name: the datastore, and where its login is. Not secret. */
  readonly settings: pulumi.Output<BackupDriverSettings>;
  /** Files with the login. Secret. */
  readonly secretFiles: pulumi.Output<HostFile[]>;
  /** Every path that {@link secretFiles} can have: they are removed with the backups' timer. */
  readonly secretPaths: readonly string[];
  /** Functions of the program that read the datastore, and restore what was read to verify it. */
  readonly reading: readonly URL[];
  /** Functions of the program that replace what the datastore holds. */
  readonly replacing: readonly URL[];
}

/** What the backup program has to know of every datastore; an engine's own functions may read more. */
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
