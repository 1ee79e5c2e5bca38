import type { ManagedEngine } from "../datastore/managedEngines.ts";
import type * as pulumi from "@pulumi/pulumi";
import type { ClusterNetwork } from "../k3s/k3sNode.ts";
import type { Checksum, ImageArchive } from "../k3s/k3sRelease.ts";
import type { NodeFile } from "../k3s/nodeFiles.ts";
import type { Registries } from "../k3s/registries.ts";
import type { HostArgs } from "../host/host.ts";
import type { ProxyArgs } from "../host/proxy.ts";
import type { HostRole } from "../host/hostCheckPart.ts";
import type { EngineName } from "../datastore/engine/datastoreEndpoint.ts";

/** The whole configuration of a stack after parsing: complete, checked, every default filled in. */
export interface Settings {
  /**
   * The hosts that run K3s servers, by node name, in the order in which they are started and changed: that of their
   * names, server-2 before server-10. Pulumi does not hand over the order of the stack's file.
   */
  servers: Readonly<Record<string, HostArgs>>;
  /** Pools of hosts that run K3s agents. May be empty: servers run workloads too. */
  agentPools: Readonly<Record<string, AgentPoolSettings>>;
  loadBalancer: LoadBalancerSettings;
  datastore: DatastoreSettings;
  /** Undefined for datastores that this program cannot back up. */
  backup: BackupSettings | undefined;
  k3s: K3sSettings;
  /** The proxy that hosts use for what is outside of the cluster. Default: undefined, that of each host's environment. */
  proxy: ProxyArgs | undefined;
  safety: SafetySettings;
  /** Every host of the stack by name, lost ones included, for what is done with all of them alike. */
  hosts: Readonly<Record<string, HostSettings>>;
}

export interface HostSettings {
  /** The same object as under `servers`, `agentPools`, `loadBalancer` or `datastore`. */
  host: HostArgs;
  /** Its path in the configuration, for messages: `k3s-ha:servers.server-1`. */
  path: string;
  role: HostRole;
  /** Name of the server whose host it shares. Default: none, it has a host of its own. */
  on?: string;
}

export interface AgentPoolSettings {
  /** The pool's hosts by node name. */
  hosts: Readonly<Record<string, HostArgs>>;
  /** Labels that every node of the pool joins with. Default: none. */
  labels: Readonly<Record<string, string>>;
  /** Taints that every node of the pool joins with, as `key=value:effect`. Default: none. */
  taints: readonly string[];
  /** The number of agents that are created or changed at the same time. Default: 10. */
  waveWidth: number;
  /** Seconds that pods may take to leave an agent before a restart of K3s. Default: 0, agents are not drained. */
  drainSeconds: number;
}

export interface LoadBalancerSettings {
  /** The hosts that run HAProxy, by name: one, or several that share `virtualIp`; none with `external`. */
  hosts: Readonly<Record<string, HostArgs>>;
  /** The address that several hosts share; undefined for one host. */
  virtualIp: VirtualIpSettings | undefined;
  /** A load balancer that this program does not run; undefined with `hosts`. */
  external: ExternalLoadBalancerSettings | undefined;
  /** Port that the Kubernetes API is offered on by `hosts`. Default: 6443. */
  port: number;
  /** DNS names or addresses, beside the hosts' own, that clients use for the API; they go into the servers' certificates. */
  names: readonly string[];
  /** Connections that HAProxy takes at the same time. Default: 4000. */
  maxConnections: number;
  /** Seconds after which a connection is closed that nothing was sent on. Default: 86400, a day. */
  idleSeconds: number;
  /** IP address, by host, that its statistics and metrics are served on. Default: 127.0.0.1 for each. */
  statsAddresses: Readonly<Record<string, string>>;
  /** Port of the statistics and metrics. Default: 8404. */
  statsPort: number;
  /** Any value. A change rotates the health certificate. */
  certificateRotation?: string | undefined;
  /** Hours that the health certificate is good for. Default: 87,660, ten years. */
  certificateHours: number;
}

/** A load balancer that this program does not run, such as a cloud's. */
export interface ExternalLoadBalancerSettings {
  /** IP address or DNS name. */
  address: string;
  /** Port that it offers the Kubernetes API on. Default: 6443. */
  port: number;
  /** Seconds after which its health checks have seen that a server leaves or is back. Default: 30. */
  checkSeconds: number;
}

/** The address that several load balancers share. */
export interface VirtualIpSettings {
  /** A free IP address of the network that they are in. */
  address: string;
  /** Network interface that it is put on. Default: the one that has the host's node address. */
  interface?: string | undefined;
  /** Command that a load balancer runs when it takes the address. Default: none. */
  notify?: string | undefined;
}

/** The datastore: exactly one of its kinds. */
export interface DatastoreSettings {
  managed?: ManagedDatastoreSettings | ManagedEtcdSettings;
  existing?: ExistingDatastoreSettings;
  endpoint?: EndpointDatastoreSettings;
  embedded?: EmbeddedDatastoreSettings;
  /** Connections that each K3s server may hold. Default: 60. */
  connectionsPerServer: number;
  /** Confirms the migration from this datastore, as "host:port/schema"; "sqlite" is moved by the program. Default: undefined, another datastore is refused. */
  movingFrom: string | undefined;
}

/** A database server that the program installs on a host of its own. */
export interface ManagedDatastoreSettings {
  engine: Exclude<ManagedEngine, "etcd">;
  /** Name of the host. */
  hostName: string;
  host: HostArgs;
  /** Port of the database. Default: that of its engine, 3306 or 5432. */
  port: number;
  /** Schema that K3s keeps the cluster in. Default: "k3s". */
  database: string;
  /** Whether the database's port is closed, on the host, to everybody but the servers and the backup. Default: true. */
  firewall: boolean;
  /** MiB that MariaDB caches tables in. Default: half of the host's memory beyond 512 MiB, from 128 to 8192. */
  bufferPoolMebibytes?: number | undefined;
  /** Whether an empty cluster may take the place of one whose schema is gone. Default: false. */
  startsEmpty: boolean;
  /** Any value. A change rotates the server certificate. */
  certificateRotation?: string | undefined;
}

/** An etcd that the program installs on hosts of its own. */
export interface ManagedEtcdSettings {
  engine: "etcd";
  /** The hosts of its members by name, in the order of their names. */
  hosts: Readonly<Record<string, HostArgs>>;
  /** Port for clients. Default: 2379. */
  port: number;
  /** Port for the other members. Default: 2380. */
  peerPort: number;
  /** GiB that the database may grow to. Default: 2. */
  quotaGibibytes: number;
  /** Whether the ports are closed, on the hosts, to everybody but the members and the servers. Default: true. */
  firewall: boolean;
  /** Whether an empty cluster may take the place of one whose data are gone from every member. Default: false. */
  startsEmpty: boolean;
  /** Confirms that the majority was lost, and that etcd was restored on a member that is left. */
  majorityLost?: boolean | undefined;
  /** Any value. A change rotates the certificates of the members and of their clients. */
  certificateRotation?: string | undefined;
}

/** An existing MySQL or MariaDB server, on which the program creates schema and users. */
export interface ExistingDatastoreSettings {
  engine: "mysql" | "mariadb";
  /** IP address or DNS name. */
  address: string;
  /** Default: 3306. */
  port: number;
  /** Schema that K3s keeps the cluster in. Default: "k3s". */
  database: string;
  /** K3s's user. Default: "k3s". */
  user: string;
  /** The addresses from which the users may log in. Default: those of the hosts that do. */
  loginFrom: readonly string[] | undefined;
  adminUser: string;
  adminPassword: Secret;
  /** PEM of the CA that signed the server's certificate. */
  caCertificate: string;
  /** The host that runs SQL. Default, with MySQL: none, Pulumi's plugin does. */
  via: { hostName: string; host: HostArgs } | undefined;
}

/** A datastore with an existing user. */
export interface EndpointDatastoreSettings {
  engine: EngineName;
  /** K3s's `datastore-endpoint`. */
  endpoint: Secret;
  /** PEM of the CA that signed the datastore's certificate. */
  caCertificate: string;
  /** The client certificate of K3s. Default: none. */
  clientCertificate: { certificate: string; privateKey: Secret } | undefined;
}

/** A datastore that K3s keeps in its servers. */
export interface EmbeddedDatastoreSettings {
  engine: "sqlite" | "etcd";
  /** Whether an empty cluster may take the place of one whose data are gone. Default: false. */
  startsEmpty: boolean;
}

export interface BackupSettings {
  /** Hosts of the stack that are declared lost, by name. */
  lostHosts: Readonly<Record<string, HostArgs>>;
  /** The host that takes the backups: one of the stack's, or one of its own. Default: the managed database's, or the server with an SQLite database. */
  host: HostArgs;
  /** Its name. */
  hostName: string;
  /** When a backup is taken, as a cron expression in UTC. Default: "17 * * * *", every hour. */
  schedule: string;
  /** Newest verified backups that are kept. Default: 48, at least 1. */
  keep: number;
  /** Newest days of which the newest backup is kept too. Default: 7. */
  daily: number;
  /** Newest weeks of which the newest backup is kept too. Default: 4. */
  weekly: number;
  /** Newest months of which the newest backup is kept too. Default: 6. */
  monthly: number;
  /** Directory on the host that takes them. Default: "/var/backups/k3s-ha". */
  directory: string;
  /** Public keys of age that backups and the server token are encrypted to. Default: none. */
  recipients: readonly string[];
  /** The destination of a copy of each backup. Default: none. */
  copy: BackupCopySettings | undefined;
  /** Directory for the node exporter's textfile. Default: its usual one if it exists, else `directory`. */
  metricsDirectory: string | undefined;
  /** Shell command that is told when a backup fails. Default: none. */
  onFailure: string | undefined;
  /** URL that is sent a JSON with the field `text` when a backup fails. Default: none. */
  failureWebhook: Secret | undefined;
  /** When kept backups are restored into a scratch server. Default: never. */
  drill: BackupDrillSettings | undefined;
  /** Private key that drills open encrypted backups with; secret. */
  drillIdentity: Secret | undefined;
  /** Whether a backup is taken before the configuration of the managed database changes. Default: true. */
  beforeChanges: boolean;
}

export interface BackupCopySettings {
  /** Settings of rclone's remote, as in rclone.conf, with its `type`. */
  remote: Readonly<Record<string, string>>;
  /** The secret ones: lines of rclone.conf, or an SSH private key. Default: none. */
  credentials: Secret | undefined;
  /** Public keys of an SFTP host. */
  hostKeys: readonly string[];
  /** Directory, or bucket and prefix, for this cluster alone. */
  path: string;
  /** Whether copies that no generation keeps are removed there. Default: true. */
  prune: boolean;
}

export interface BackupDrillSettings {
  /** As a cron expression in UTC. Default: "47 4 * * *", every night. */
  schedule: string;
  /** Whether every backup is restored again as it is kept. Default: false. */
  afterBackup: boolean;
}

export interface K3sSettings {
  /** The release, such as "v1.35.0+k3s1". */
  version: string;
  /** The URL of the releases, with the same layout as K3s's own: `<mirror>/<version>/k3s`. */
  mirror: string;
  /** sha256 of the release's binary, in hex, or one by architecture. Default: what the release's own checksum list says. */
  sha256: Checksum | undefined;
  /** The release that agents run: that of the servers, or an older one. */
  agentRelease: Pick<K3sSettings, "version" | "mirror" | "sha256" | "binary" | "images" | "registries">;
  /** Confirms the downgrade from this release. Default: undefined, a downgrade is refused. */
  goingBackFrom: string | undefined;
  /** Path of the release's binary on every node. Default: it is fetched from the mirror. */
  binary: string | undefined;
  /** Archives of images that every node has before its first start. Default: none. */
  images: readonly ImageArchive[];
  /** The network plugin: K3s's flannel, or one that the user installs. Default: "flannel". */
  network: ClusterNetwork;
  /** Kubernetes objects, as YAML documents, that K3s applies. Default: none. */
  manifests: Secret | undefined;
  /** Files that nodes have before K3s starts; their content is secret. */
  files: readonly NodeFile[];
  /** Whether nodes are hardened as in K3s's CIS guide. Default: false. */
  hardened: boolean;
  /** Image registries with their logins, secret. Default: none. */
  registries: pulumi.Output<Registries> | undefined;
  /** More settings of every server, as in K3s's config.yaml. */
  serverConfig: Readonly<Record<string, unknown>>;
  /** More settings of every agent. */
  agentConfig: Readonly<Record<string, unknown>>;
  /** Seconds that a server or an agent may take to become ready after a start. Default: 240. */
  readySeconds: number;
  /** Any value. A change rotates K3s's own certificates on every node. */
  certificateRotation?: string | undefined;
}

export interface SafetySettings {
  /** Whether the policy pack's rules for production are mandatory. Default: false. */
  production: boolean;
  /** Whether Pulumi refuses to delete or replace the datastore's resources. Default: as `production`. */
  protectDatastore: boolean;
}

/** A value of the configuration that is marked secret from the moment it is parsed. */
export type Secret = pulumi.Output<string>;
