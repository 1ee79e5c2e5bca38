import * as pulumi from "@pulumi/pulumi";
import type { HostArgs } from "../host/host.ts";
import { HostCommand } from "../host/hostCommand.ts";
import type { Recorded } from "../contract/recorded.ts";
import type { BackupDriver } from "../datastore/datastore.ts";
import { backupProgramPath, backupSettingsPath, renderBackupProgram } from "./backupProgram.ts";
import { renderBackupProgramSettings } from "./backupProgramSettings.ts";
import {
  backupUnits,
  inspectionCalendar,
  renderBackupService,
  renderBackupTimer,
  renderDrillService,
  renderFailureService,
  renderInspectionService,
} from "./backupUnits.ts";
import { unitPath } from "../host/unitPath.ts";
import { guardChange } from "../host/guardChange.ts";
import { type HostFile, renderHostScript } from "../host/hostScript.ts";
import { moveNote, readEarlierTimer, type TimerRecord } from "./backupMove.ts";
import { longestGap, nextRuns, onCalendar } from "./onCalendar.ts";
import {
  copyDestination,
  isPrivateKey,
  type RcloneRemote,
  renderCopyKnownHosts,
  renderRcloneConfig,
} from "./rcloneConfig.ts";
import { manifestKey, tokenFingerprint } from "../identity/tokenFingerprint.ts";
import { backupScripts } from "./scripts.ts";

/** When and where {@link BackupCron} backs up what. */
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

const tokenFingerprintFile = "/etc/k3s-ha/backup-token.fingerprint";
const manifestKeyFile = "/etc/k3s-ha/backup-manifest.secret";
const tokenEscrow = "/etc/k3s-ha/backup-token.age";
const drillIdentity = "/etc/k3s-ha/backup-drill.key";
const copyConfig = "/etc/k3s-ha/backup-rclone.conf";
const copyKey = "/etc/k3s-ha/backup-copy.key";
const copyKnownHosts = "/etc/k3s-ha/backup-copy.known_hosts";
const revisionName = "backup-credentials";
const webhookConfig = "/etc/k3s-ha/backup-webhook.conf";
const verifier = "k3s-ha-backup";
const defaultSchedule = "17 * * * *";

/** Seconds for packages, a first dump, its verification and its copy; the unit's own limit ends a run that hangs. */
const applySeconds = 1800;

/** A verification server that is being ended, and units that are removed. */
const removeSeconds = 180;

/**
 * Backups of the datastore on a schedule, by a systemd timer that makes up for missed runs. Each is restored into a
 * temporary server and checked before it counts, and only then are the oldest ones removed. It exists once
 * the first backup does: a set-up that cannot take one fails here and not at night. Deleting it removes no backup.
 *
 * They are of no use without the server token. With recipients it lies beside each of them, encrypted like them; without,
 * keep it apart.
 *
 * @example
 * const backups = datastore.backup && new BackupCron("backup", {
 *   host: { address: "203.0.113.10", hostKey: "ssh-ed25519 AAAA…" },
 *   hostName: "database-1",
 *   driver: datastore.backup,
 *   token: identity.token,
 *   k3sVersion: servers.version,
 *   schedule: "17 * * * *",
 * }, { dependsOn: servers });
 */
export class BackupCron extends pulumi.ComponentResource {
  /** Name of the host that keeps the backups. */
  readonly hostName: pulumi.Output<string>;
  /** The schedule as systemd's `OnCalendar` lines, in UTC. */
  readonly schedule: pulumi.Output<string[]>;
  /** The directory of the backups on the host; each is a directory in it, named `<UTC time>Z-<revision>`. */
  readonly directory: pulumi.Output<string>;
  /** Id of the newest verified backup when the timer was last changed. Known once it exists. */
  readonly latest: pulumi.Output<string>;

  /**
   * @throws pulumi.InputPropertyError, before any host is touched, about a schedule that is no cron expression, a count
   * that is no whole number or too small, and a directory that would need quoting.
   */
  constructor(name: string, args: BackupCronArgs, opts?: pulumi.ComponentResourceOptions) {
    const { host, hostName } = args;
    const schedule = calendarOf(args.schedule ?? defaultSchedule);
    const keep = checkedKeep(args.keep ?? 48);
    const generations = {
      daily: checkedGenerations("daily", args.daily ?? 7),
      weekly: checkedGenerations("weekly", args.weekly ?? 4),
      monthly: checkedGenerations("monthly", args.monthly ?? 6),
    };
    const { drill } = args;
    const drillCalendar = drill === undefined ? [] : calendarOf(drill.schedule, "drill.schedule");
    const directory = checkedDirectory("directory", args.directory ?? "/var/backups/k3s-ha");
    const metricsDirectory =
      args.metricsDirectory === undefined ? undefined : checkedDirectory("metricsDirectory", args.metricsDirectory);
    const recipients = args.recipients ?? [];
    const { copy } = args;
    super(
      "k3s-ha:index:BackupCron",
      name,
      {
        host: hostName,
        schedule: args.schedule ?? defaultSchedule,
        keep,
        ...generations,
        directory,
        recipients,
        ...(copy === undefined ? {} : { copy: copy.remote }),
      } satisfies Recorded["k3s-ha:index:BackupCron"],
      opts,
    );
    if (pulumi.runtime.isDryRun()) {
      const runs = nextRuns(args.schedule ?? defaultSchedule, new Date(), 5).map((run) =>
        run.toISOString().replace("T", " ").slice(0, 16),
      );
      void pulumi.log.info(`The next backups would be taken at ${runs.join(", ")} UTC.`, this);
    }
    const { driver } = args;

    const optional = pulumi.all([copy?.credentials, args.failureWebhook, args.drillIdentity]);
    const secretFiles = pulumi
      .all([driver.secretFiles, args.token, optional])
      .apply(([loginFiles, token, [copyCredentials, webhook, drillKey]]): HostFile[] => [
        ...loginFiles,
        { path: tokenFingerprintFile, content: tokenFingerprint(token), mode: "0600" },
        { path: manifestKeyFile, content: manifestKey(token), mode: "0600" },
        ...copyFiles(copy, copyCredentials ?? ""),
        ...(webhook === undefined
          ? []
          : [{ path: webhookConfig, content: `url = ${JSON.stringify(webhook)}`, mode: "0600" }]),
        ...(drillKey === undefined ? [] : [{ path: drillIdentity, content: drillKey, mode: "0600" }]),
      ]);
    // It changes its host in place, and a host that is not the one any more would keep timer and credentials. So each has a
    // resource that takes all of it away when it is deleted: after the new host has taken its first backup.
    const secretPaths = [...driver.secretPaths, ...ownSecretPaths];
    const removal = {
      program_path: backupProgramPath,
      settings_path: backupSettingsPath,
      verifier,
      revision_name: revisionName,
      paths: secretPaths,
      token_escrow: tokenEscrow,
    };
    const presence = new HostCommand(
      `${name}-on-${hostName}`,
      {
        host,
        removeSeconds,
        script: renderHostScript({
          body: backupScripts.backupHost,
          parts: [backupScripts.backupRemoval],
          variables: { host_name: hostName, ...removal },
        }),
      },
      { parent: this },
    );
    for (const [lostName, lost] of Object.entries(args.lostHosts ?? {})) {
      if (lostName !== hostName)
        new HostCommand(`${name}-on-${lostName}`, { host: lost, script: "" }, { parent: this });
    }

    const credentials = new HostCommand(
      `${name}-credentials`,
      {
        host,
        script: pulumi.secret(
          pulumi.all([secretFiles, args.token]).apply(([files, token]) =>
            renderHostScript({
              body: backupScripts.backupCredentials,
              parts: [backupScripts.backupRemoval],
              variables: {
                host_name: hostName,
                ...removal,
                absent: secretPaths.filter((path) => files.every((file) => file.path !== path)),
                token: recipients.length === 0 ? "" : token,
                recipients,
              },
              files,
            }),
          ),
        ),
      },
      { parent: this, dependsOn: presence },
    );

    const timer = new HostCommand(
      `${name}-timer`,
      {
        host,
        applySeconds,
        removeSeconds,
        script: pulumi
          .all([driver.settings, args.k3sVersion, credentials.revision])
          .apply(([datastore, k3sVersion, credentialsRevision]) => {
            return renderHostScript({
              body: backupScripts.backupTimer,
              parts: [backupScripts.backupRemoval],
              record: { host: hostName, directory } satisfies TimerRecord,
              variables: {
                host_name: hostName,
                directory,
                ...removal,
                credentials_revision: credentialsRevision,
                recipients,
                drills: drill === undefined ? "no" : "yes",
                metrics_directory: metricsDirectory ?? "",
                copy_destination: copy === undefined ? "" : copyDestination(remoteOf(copy, ""), copy.path),
                packages: [
                  "zstd",
                  ...(recipients.length === 0 ? [] : ["age"]),
                  ...(copy === undefined ? [] : ["rclone"]),
                  ...(args.failureWebhook === undefined ? [] : ["curl"]),
                ],
              },
              files: [
                { path: backupProgramPath, content: renderBackupProgram(driver), mode: "0755" },
                {
                  path: backupSettingsPath,
                  content: renderBackupProgramSettings({
                    hostName,
                    directory,
                    keep,
                    ...generations,
                    // One run may fail, and the next is late by a little.
                    maxAgeSeconds: 2 * longestGap(args.schedule ?? defaultSchedule) + 3600,
                    datastore,
                    tokenFingerprintFile,
                    manifestKeyFile,
                    k3sVersion,
                    verifier,
                    recipients,
                    tokenEscrow: recipients.length === 0 ? undefined : tokenEscrow,
                    copy:
                      copy === undefined
                        ? undefined
                        : {
                            config: copyConfig,
                            path: copy.path,
                            destination: copyDestination(remoteOf(copy, ""), copy.path),
                            prune: copy.prune ?? true,
                          },
                    metricsDirectory,
                    onFailure: args.onFailure,
                    webhookConfig: args.failureWebhook === undefined ? undefined : webhookConfig,
                    drillMaxAgeSeconds: drill === undefined ? undefined : 2 * longestGap(drill.schedule) + 3600,
                    drillRequired: args.drillRequired === true && recipients.length > 0,
                    drillIdentity: args.drillIdentity === undefined ? undefined : drillIdentity,
                  }),
                },
                {
                  path: unitPath(`${backupUnits.backup}.service`),
                  content: renderBackupService(directory, metricsDirectory, drill?.afterBackup),
                },
                {
                  path: unitPath(`${backupUnits.inspection}.service`),
                  content: renderInspectionService(directory, metricsDirectory),
                },
                {
                  path: unitPath(`${backupUnits.inspection}.timer`),
                  content: renderBackupTimer(inspectionCalendar, "inspections of backups"),
                },
                { path: unitPath(`${backupUnits.failure}.service`), content: renderFailureService() },
                { path: unitPath(`${backupUnits.backup}.timer`), content: renderBackupTimer(schedule) },
                ...(drill === undefined
                  ? []
                  : [
                      {
                        path: unitPath(`${backupUnits.drill}.service`),
                        content: renderDrillService(directory, metricsDirectory),
                      },
                      {
                        path: unitPath(`${backupUnits.drill}.timer`),
                        content: renderBackupTimer(drillCalendar, "restore drills"),
                      },
                    ]),
              ],
            });
          }),
      },
      {
        parent: this,
        hooks: {
          beforeUpdate: [
            guardChange<TimerRecord>(`${name}-move`, {
              fault: (before) => {
                const note = moveNote(before, { hostName, directory, hasCopies: copy !== undefined });
                if (note !== undefined) void pulumi.log.warn(note, this);
                return undefined;
              },
              readEarlier: readEarlierTimer,
            }),
          ],
        },
      },
    );

    this.hostName = pulumi.output(hostName);
    this.schedule = pulumi.output(schedule);
    this.directory = pulumi.output(directory);
    // The id of a backup, which `apply` prints, tells a time and a revision, and no secret.
    this.latest = pulumi.unsecret(timer.stdout).apply((id) => id.trim());
    this.registerOutputs({
      hostName: this.hostName,
      schedule: this.schedule,
      directory: this.directory,
      latest: this.latest,
    });
  }
}

const ownSecretPaths = [
  tokenFingerprintFile,
  manifestKeyFile,
  copyConfig,
  copyKey,
  copyKnownHosts,
  webhookConfig,
  drillIdentity,
] as const;

function remoteOf(copy: BackupCopy, credentials: string): RcloneRemote {
  return { settings: copy.remote, credentials, hostKeys: copy.hostKeys ?? [] };
}

/** The files that rclone reads: its configuration, and for SFTP the login's key and the host's. */
function copyFiles(copy: BackupCopy | undefined, credentials: string): HostFile[] {
  if (copy === undefined) return [];
  const remote = remoteOf(copy, credentials);
  return [
    {
      path: copyConfig,
      content: renderRcloneConfig(remote, { key: copyKey, knownHosts: copyKnownHosts }),
      mode: "0600",
    },
    ...(remote.hostKeys.length === 0 ? [] : [{ path: copyKnownHosts, content: renderCopyKnownHosts(remote) }]),
    ...(isPrivateKey(credentials) ? [{ path: copyKey, content: `${credentials.trim()}\n`, mode: "0600" }] : []),
  ];
}

function calendarOf(schedule: string, propertyPath = "schedule"): string[] {
  try {
    return onCalendar(schedule);
  } catch (error) {
    throw new pulumi.InputPropertyError({
      propertyPath,
      reason: error instanceof Error ? error.message : String(error),
    });
  }
}

function checkedKeep(keep: number): number {
  if (Number.isSafeInteger(keep) && keep >= 1) return keep;
  throw new pulumi.InputPropertyError({
    propertyPath: "keep",
    reason: `is ${keep}, but has to be a whole number of at least 1`,
  });
}

function checkedGenerations(propertyPath: string, count: number): number {
  if (Number.isSafeInteger(count) && count >= 0) return count;
  throw new pulumi.InputPropertyError({
    propertyPath,
    reason: `is ${count}, but has to be a whole number of at least 0`,
  });
}

/** Names that need quoting nowhere: not in a unit, not in a settings file, not in a command typed by hand. */
function checkedDirectory(propertyPath: string, directory: string): string {
  const names = directory.split("/").slice(1);
  if (directory.startsWith("/") && names.every((part) => /^[\w@+-][\w.@+-]*$/.test(part))) return directory;
  throw new pulumi.InputPropertyError({
    propertyPath,
    reason: `is ${JSON.stringify(directory)}, but has to be an absolute path of letters, digits and "_@+.-"`,
  });
}
