/**
 * What the components record of themselves as their inputs: a preview shows what changed of them, the stack's state
 * keeps them, and policies judge by them. Only what is known without asking any host, and is no secret: a component
 * whose inputs had to be waited for would hold up all of its children.
 */
export interface Recorded {
  "k3s-ha:index:K3sServerPool": { readonly hosts: readonly string[]; readonly release: RecordedRelease };
  "k3s-ha:index:AgentPool": {
    readonly hosts: readonly string[];
    readonly release: RecordedRelease;
    readonly labels: Readonly<Record<string, string>>;
    readonly taints: readonly string[];
    /** More settings of every agent. Their scripts are secret, so this is what a preview shows of a change. */
    readonly config: Readonly<Record<string, unknown>>;
    /** Labels, taints and settings of single agents by node name; absent if none has any. */
    readonly hostSettings?: Readonly<Record<string, unknown>>;
    readonly waveWidth: number;
    readonly drainSeconds: number;
    readonly certificateRotation?: string;
  };
  "k3s-ha:index:HAProxyBalancer": {
    readonly hosts: readonly string[];
    readonly port: number;
    readonly maxConnections: number;
  };
  "k3s-ha:index:ExternalBalancer": {
    readonly address: string;
    readonly port: number;
    readonly checkSeconds: number;
  };
  "k3s-ha:index:MySQLDatastore": RecordedDatabase;
  "k3s-ha:index:PostgresDatastore": RecordedDatabase;
  "k3s-ha:index:EtcdDatastore": RecordedEndpoint & {
    /** Names of the members' hosts; absent, as are port and firewall, for a given endpoint. */
    readonly hosts?: readonly string[];
    readonly port?: number;
    readonly firewall?: boolean;
  };
  "k3s-ha:index:SQLiteDatastore": {
    readonly kind: string;
    /** Name of the server that has it. */
    readonly host: string;
  };
  "k3s-ha:index:EmbeddedEtcdDatastore": { readonly kind: string; readonly hosts: readonly string[] };
  "k3s-ha:index:BackupCron": {
    readonly host: string;
    readonly schedule: string;
    readonly keep: number;
    readonly daily: number;
    readonly weekly: number;
    readonly monthly: number;
    readonly directory: string;
    /** Public keys that backups are encrypted to; none if they lie there as they are. */
    readonly recipients: readonly string[];
    /** The place off the host that backups are copied to, as rclone has it; absent without one. */
    readonly copy?: Readonly<Record<string, string>>;
  };
}

/** A database server as a datastore. */
export interface RecordedDatabase {
  /** The kind of datastore, with its engine. */
  readonly kind: string;
  /** Name or address; absent, as are port and schema, for a given endpoint, which is secret. */
  readonly host?: string;
  readonly port?: number;
  readonly database?: string;
  /** Absent unless the host is the stack's own. */
  readonly firewall?: boolean;
  /** The verification of the server by its clients. */
  readonly tls: "verified";
  /** Absent before the first rotation, which only MySQL and MariaDB have. */
  readonly credentialRotation?: string;
}

/** A datastore of which nothing is known but its endpoint, which is secret. */
export interface RecordedEndpoint {
  readonly kind: string;
  readonly tls: "verified";
}

/** A release of K3s. */
export interface RecordedRelease {
  readonly version: string;
  readonly mirror: string;
  /** Absent if the release's own list of checksums is trusted. */
  readonly sha256?: string | { readonly amd64?: string | undefined; readonly arm64?: string | undefined };
}
