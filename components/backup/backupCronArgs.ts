import type * as pulumi from "@pulumi/pulumi";
import type { BackupDriver } from "../datastore/datastore.ts";
import type { HostArgs } from "../host/host.ts";

/** When and where BackupCron backs up what. */
export interface BackupCronArgs {
  /** The host that takes the backups and keeps them. It has to reach the datastore. */
  host: HostArgs;
  /** The host's name, for messages. */
  hostName: string;
  /**
   * Hosts that are lost, by name. If one of them took the backups before, it is not dialled to be left clean. Default:
   * none.
   */
  lostHosts?: Readonly<Record<string, HostArgs>>;
  /** The datastore's backup driver: the output `backup` of a datastore's component. */
  driver: BackupDriver;
  /** The cluster's server token, secret: a dump is of use with this token only, and each is checked to belong to it. */
  token: pulumi.Input<string>;
  /** The release that the cluster runs. It stands in every backup's manifest. */
  k3sVersion: pulumi.Input<string>;
  /** When a backup is taken, as a cron expression in UTC. Default: "17 * * * *", every hour. */
  schedule?: string;
  /** Newest verified backups of this cluster that are kept. Default: 48, at least 1. Others go after the next good one. */
  keep?: number;
  /** Newest days of which the newest backup is kept too. Default: 7. */
  daily?: number;
  /** Newest weeks of which the newest backup is kept too. Default: 4. */
  weekly?: number;
  /** Newest months of which the newest backup is kept too. Default: 6. */
  monthly?: number;
  /** Absolute path of the directory that backups are kept in. Default: "/var/backups/k3s-ha". */
  directory?: string;
  /**
   * Public keys of age, `age1…`, that backups and the server token are encrypted to; the host holds nothing that opens
   * them. Default: none, so backups lie there as they are, without the token.
   */
  recipients?: readonly string[];
  /** The destination of a copy of each backup. Default: none. */
  copy?: BackupCopy | undefined;
  /** Directory for the node exporter's textfile. Default: /var/lib/prometheus/node-exporter if it exists, else `directory`. */
  metricsDirectory?: string | undefined;
  /** Shell command that is told when a backup fails: on its standard input, and in K3S_HA_MESSAGE. Default: none. */
  onFailure?: string | undefined;
  /** URL that is sent a JSON with the field `text` when a backup fails; secret, whatever it is marked as. Default: none. */
  failureWebhook?: pulumi.Input<string> | undefined;
  /** Restore drills: a backup, as it is kept, restored and its keys opened. Default: none. */
  drill?: BackupDrill | undefined;
  /**
   * Whether it is an alarm, in the daily inspection and in `k3s-ha-backup check`, that no drill has opened an encrypted
   * backup yet. Default: false. No effect without recipients.
   */
  drillRequired?: boolean;
  /**
   * Private key of a recipient, `AGE-SECRET-KEY-…`, that drills open encrypted backups with. Secret, whatever it is marked
   * as; it lies on the host, open to root alone. Default: none, which is enough where nothing is encrypted.
   */
  drillIdentity?: pulumi.Input<string> | undefined;
}

/** When restore drills happen. */
export interface BackupDrill {
  /** A cron expression in UTC. */
  schedule: string;
  /** Whether every backup is restored again as it is kept. Default: false. */
  afterBackup?: boolean;
}

/** A place on another host that rclone can write to. */
export interface BackupCopy {
  /** Settings of rclone's remote, as in rclone.conf, with its `type`. None is secret. */
  remote: Readonly<Record<string, string>>;
  /** The secret ones: lines `name = value`, or the private key of an SFTP login. Secret, whatever it is marked as. */
  credentials?: pulumi.Input<string> | undefined;
  /** Public keys of an SFTP host; no other is trusted. */
  hostKeys?: readonly string[];
  /** Directory, or bucket and prefix, for this cluster alone. */
  path: string;
  /** Whether copies that no generation keeps are removed there. Default: true. */
  prune?: boolean;
}
