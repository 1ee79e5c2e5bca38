import * as pulumi from "@pulumi/pulumi";
import type { HostArgs } from "./host/host.ts";
import { HostCommand } from "./host/hostCommand.ts";
import { renderBackupOptionFile } from "./render/backupOptionFile.ts";
import { backupProgram, backupProgramPath } from "./render/backupProgram.ts";
import { renderBackupSettings } from "./render/backupSettings.ts";
import { renderBackupService, renderBackupTimer } from "./render/backupUnits.ts";
import { renderHostScript } from "./render/hostScript.ts";
import { onCalendar } from "./render/onCalendar.ts";
import { tokenFingerprint } from "./render/tokenFingerprint.ts";

/** The datastore that is backed up, and a user who may read it. */
export interface BackupSource {
  /** The name or address that the datastore's certificate is for. */
  address: pulumi.Input<string>;
  port: pulumi.Input<number>;
  /** Schema that K3s keeps the cluster in. */
  database: pulumi.Input<string>;
  /** A user with SELECT on that schema, and nothing more. */
  user: pulumi.Input<string>;
  /** Secret, whatever it is marked as. */
  password: pulumi.Input<string>;
  /** PEM of the CA that the datastore's certificate is checked against. */
  caCertificate: pulumi.Input<string>;
}

/** When and where {@link BackupCron} backs up what. */
export interface BackupCronArgs {
  /** The host that takes the backups and keeps them. It has to reach the datastore. */
  host: HostArgs;
  /** The host's name, for messages. */
  hostName: string;
  source: BackupSource;
  /** The cluster's server token, secret: a dump is of use with this token only, and each is checked to belong to it. */
  token: pulumi.Input<string>;
  /** The release that the cluster runs. It stands in every backup's manifest. */
  k3sVersion: pulumi.Input<string>;
  /** When a backup is taken, as a cron expression in UTC. Default: "17 * * * *", every hour. */
  schedule?: string;
  /** Verified backups of this cluster that are kept; older ones are removed after the next good one. Default: 48, at least 1. */
  keep?: number;
  /** Absolute path of the directory that backups are kept in. Default: "/var/backups/k3s-ha". */
  directory?: string;
}

const optionFile = "/etc/k3s-ha/backup.cnf";
const caPath = "/etc/k3s-ha/backup-ca.crt";
const tokenFingerprintFile = "/etc/k3s-ha/backup-token.fingerprint";
const settingsPath = "/etc/k3s-ha/backup.conf";
const verifier = "k3s-ha-backup";

/** Seconds for packages, a first dump and its verification; the unit's own limit ends a run that hangs. */
const applySeconds = 1800;

/** A verification server that is being ended, and units that are removed. */
const removeSeconds = 180;

/**
 * Backups of the datastore on a schedule, by a systemd timer that makes up for missed runs. Each is restored into a
 * throw-away database and looked into before it counts, and only then are the oldest ones removed. It exists once
 * the first backup does: a set-up that cannot take one fails here and not at night. Deleting it removes no backup.
 *
 * The token is not in the backups, and they are of no use without it: keep it apart.
 *
 * @example
 * const backups = new BackupCron("backup", {
 *   host: { address: "203.0.113.10", hostKey: "ssh-ed25519 AAAA…" },
 *   hostName: "database-1",
 *   source: datastore.backupSource,
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
  /** Where on the host the backups are kept: a directory each, named `<UTC time>Z-<revision>`. */
  readonly directory: pulumi.Output<string>;
  /** Id of the newest verified backup when the timer was last changed. Known once it exists. */
  readonly latest: pulumi.Output<string>;

  constructor(name: string, args: BackupCronArgs, opts?: pulumi.ComponentResourceOptions) {
    const { host, hostName } = args;
    const schedule = calendarOf(args.schedule ?? "17 * * * *");
    const keep = checkedKeep(args.keep ?? 48);
    const directory = checkedDirectory(args.directory ?? "/var/backups/k3s-ha");
    super("k3s-ha:index:BackupCron", name, {}, opts);
    const { address, port, database, user, password, caCertificate } = args.source;

    const credentials = new HostCommand(
      `${name}-credentials`,
      {
        host,
        script: pulumi.secret(
          pulumi
            .all([address, port, user, password, caCertificate, args.token])
            .apply(([address, port, user, password, ca, token]) =>
              renderHostScript({
                body: "secretFiles",
                variables: {
                  revision_name: "backup-credentials",
                  paths: [optionFile, caPath, tokenFingerprintFile],
                },
                files: [
                  {
                    path: optionFile,
                    content: renderBackupOptionFile({ address, port, user, password, caPath }),
                    mode: "0600",
                  },
                  { path: caPath, content: ca },
                  { path: tokenFingerprintFile, content: tokenFingerprint(token), mode: "0600" },
                ],
              }),
            ),
        ),
      },
      { parent: this },
    );

    const timer = new HostCommand(
      `${name}-timer`,
      {
        host,
        applySeconds,
        removeSeconds,
        script: pulumi
          .all([address, port, database, args.k3sVersion, credentials.revision])
          .apply(([address, port, database, k3sVersion, credentialsRevision]) => {
            const source = `${address}:${port}`;
            return renderHostScript({
              body: "backupTimer",
              variables: {
                host_name: hostName,
                directory,
                verifier,
                program_path: backupProgramPath,
                settings_path: settingsPath,
                credentials_revision: credentialsRevision,
              },
              files: [
                { path: backupProgramPath, content: backupProgram, mode: "0755" },
                {
                  path: settingsPath,
                  content: renderBackupSettings({
                    directory,
                    keep,
                    database,
                    source,
                    optionFile,
                    tokenFingerprintFile,
                    k3sVersion,
                    verifier,
                  }),
                },
                { path: "/etc/systemd/system/k3s-ha-backup.service", content: renderBackupService(directory) },
                { path: "/etc/systemd/system/k3s-ha-backup.timer", content: renderBackupTimer(schedule) },
              ],
            });
          }),
      },
      { parent: this },
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

function calendarOf(schedule: string): string[] {
  try {
    return onCalendar(schedule);
  } catch (error) {
    throw new pulumi.InputPropertyError({
      propertyPath: "schedule",
      reason: error instanceof Error ? error.message : String(error),
    });
  }
}

function checkedKeep(keep: number): number {
  if (Number.isSafeInteger(keep) && keep >= 1) return keep;
  throw new pulumi.InputPropertyError({
    propertyPath: "keep",
    reason: `has to be a whole number from 1, and is ${keep}`,
  });
}

/** Names that need quoting nowhere: not in a unit, not in a settings file, not by whoever restores at night. */
function checkedDirectory(directory: string): string {
  const names = directory.split("/").slice(1);
  if (directory.startsWith("/") && names.every((part) => /^[\w@+-][\w.@+-]*$/.test(part))) return directory;
  throw new pulumi.InputPropertyError({
    propertyPath: "directory",
    reason: `has to be an absolute path of letters, digits and any of "_@+.-", and is ${JSON.stringify(directory)}`,
  });
}
