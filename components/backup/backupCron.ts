import * as pulumi from "@pulumi/pulumi";
import { guardChange } from "../host/guardChange.ts";
import { HostCommand } from "../host/hostCommand.ts";
import { renderHostScript } from "../host/hostScript.ts";
import type { Recorded } from "../contract/recorded.ts";
import type { BackupCronArgs } from "./backupCronArgs.ts";
import {
  backupProgramFiles,
  backupSecretFiles,
  backupSecretPaths,
  copyDestinationOf,
  tokenEscrow,
  verifier,
} from "./backupFiles.ts";
import { moveNote, readEarlierTimer, type TimerRecord } from "./backupMove.ts";
import { type BackupPlan, nextBackups, planBackups } from "./backupPlan.ts";
import { backupProgramPath, backupSettingsPath } from "./backupProgram.ts";
import { backupScripts } from "./scripts.ts";

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
    const plan = planBackups(args);
    super("k3s-ha:index:BackupCron", name, recordOf(args, plan), opts);
    if (pulumi.runtime.isDryRun())
      void pulumi.log.info(`The next backups would be taken at ${nextBackups(plan, new Date()).join(", ")} UTC.`, this);

    const presence = markHosts(name, args, this);
    const credentials = placeCredentials(name, args, plan, { parent: this, dependsOn: presence });
    const timer = startTimer(name, args, plan, credentials, this);

    this.hostName = pulumi.output(args.hostName);
    this.schedule = pulumi.output([...plan.calendar]);
    this.directory = pulumi.output(plan.directory);
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

function recordOf({ hostName }: BackupCronArgs, plan: BackupPlan): Recorded["k3s-ha:index:BackupCron"] {
  const { schedule, keep, daily, weekly, monthly, directory, recipients, copy } = plan;
  return {
    host: hostName,
    schedule,
    keep,
    daily,
    weekly,
    monthly,
    directory,
    recipients,
    ...(copy === undefined ? {} : { copy: copy.remote }),
  };
}

/** The variables that the removal of backups from a host reads. */
function removalVariables({ driver }: BackupCronArgs) {
  return {
    program_path: backupProgramPath,
    settings_path: backupSettingsPath,
    verifier,
    revision_name: "backup-credentials",
    paths: secretPathsOf(driver),
    token_escrow: tokenEscrow,
  };
}

function secretPathsOf(driver: BackupCronArgs["driver"]): string[] {
  return [...driver.secretPaths, ...backupSecretPaths];
}

/**
 * Backups change their host in place, and a host that is no longer theirs would keep timer and credentials. So each has a
 * resource that takes all of it away when it is deleted: after the new host has taken its first backup.
 */
function markHosts(name: string, args: BackupCronArgs, parent: pulumi.Resource): HostCommand {
  const { host, hostName, lostHosts = {} } = args;
  for (const [lostName, lost] of Object.entries(lostHosts))
    if (lostName !== hostName) new HostCommand(`${name}-on-${lostName}`, { host: lost, script: "" }, { parent });
  return new HostCommand(
    `${name}-on-${hostName}`,
    {
      host,
      removeSeconds,
      script: renderHostScript({
        body: backupScripts.backupHost,
        parts: [backupScripts.backupRemoval],
        variables: { host_name: hostName, ...removalVariables(args) },
      }),
    },
    { parent },
  );
}

/** Places everything secret, in a command of its own, so that a preview shows the changed lines of the rest. */
function placeCredentials(
  name: string,
  args: BackupCronArgs,
  { copy, recipients }: BackupPlan,
  opts: pulumi.CustomResourceOptions,
): HostCommand {
  const { host, hostName, driver } = args;
  const optional = pulumi.all([copy?.credentials, args.failureWebhook, args.drillIdentity]);
  const script = pulumi
    .all([driver.secretFiles, args.token, optional])
    .apply(([loginFiles, token, [copyCredentials, failureWebhook, drillIdentity]]) => {
      const files = [
        ...loginFiles,
        ...backupSecretFiles(copy, { token, copyCredentials, failureWebhook, drillIdentity }),
      ];
      return renderHostScript({
        body: backupScripts.backupCredentials,
        parts: [backupScripts.backupRemoval],
        variables: {
          host_name: hostName,
          ...removalVariables(args),
          absent: secretPathsOf(driver).filter((path) => files.every((file) => file.path !== path)),
          token: recipients.length === 0 ? "" : token,
          recipients,
        },
        files,
      });
    });
  return new HostCommand(`${name}-credentials`, { host, script: pulumi.secret(script) }, opts);
}

/** Installs the program and its units, and takes the first backup. */
function startTimer(
  name: string,
  args: BackupCronArgs,
  plan: BackupPlan,
  credentials: HostCommand,
  parent: pulumi.Resource,
): HostCommand {
  const { host, hostName, driver } = args;
  const { directory, recipients, copy } = plan;
  const script = pulumi
    .all([driver.settings, args.k3sVersion, credentials.revision])
    .apply(([datastore, k3sVersion, credentialsRevision]) =>
      renderHostScript({
        body: backupScripts.backupTimer,
        parts: [backupScripts.backupRemoval],
        record: { host: hostName, directory } satisfies TimerRecord,
        variables: {
          host_name: hostName,
          directory,
          ...removalVariables(args),
          credentials_revision: credentialsRevision,
          recipients,
          drills: plan.drill === undefined ? "no" : "yes",
          metrics_directory: plan.metricsDirectory ?? "",
          copy_destination: copyDestinationOf(copy),
          packages: packagesOf(args, plan),
        },
        files: backupProgramFiles(args, plan, datastore, k3sVersion),
      }),
    );
  return new HostCommand(
    `${name}-timer`,
    { host, applySeconds, removeSeconds, script },
    { parent, hooks: { beforeUpdate: [tellOfMove(name, args, plan, parent)] } },
  );
}

function packagesOf({ driver, failureWebhook }: BackupCronArgs, { recipients, copy }: BackupPlan): string[] {
  return [
    "zstd",
    ...driver.packages,
    ...(recipients.length === 0 ? [] : ["age"]),
    ...(copy === undefined ? [] : ["rclone"]),
    ...(failureWebhook === undefined ? [] : ["curl"]),
  ];
}

/** Warns, already in a preview, of what becomes of the backups on their former host. */
function tellOfMove(
  name: string,
  { hostName }: BackupCronArgs,
  { directory, copy }: BackupPlan,
  parent: pulumi.Resource,
): pulumi.ResourceHook {
  return guardChange<TimerRecord>(`${name}-move`, {
    fault: (before) => {
      const note = moveNote(before, { hostName, directory, hasCopies: copy !== undefined });
      if (note !== undefined) void pulumi.log.warn(note, parent);
      return undefined;
    },
    readEarlier: readEarlierTimer,
  });
}
