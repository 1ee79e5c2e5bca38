import type { BackupDriverSettings } from "../datastore/datastore.ts";
import type { HostFile } from "../host/hostScript.ts";
import { unitPath } from "../host/unitPath.ts";
import { manifestKey, tokenFingerprint } from "../identity/tokenFingerprint.ts";
import type { BackupCopy, BackupCronArgs } from "./backupCronArgs.ts";
import type { BackupPlan } from "./backupPlan.ts";
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
import {
  copyDestination,
  isPrivateKey,
  type RcloneRemote,
  renderCopyKnownHosts,
  renderRcloneConfig,
} from "./rcloneConfig.ts";

const tokenFingerprintFile = "/etc/k3s-ha/backup-token.fingerprint";
const manifestKeyFile = "/etc/k3s-ha/backup-manifest.secret";
const drillIdentity = "/etc/k3s-ha/backup-drill.key";
const copyConfig = "/etc/k3s-ha/backup-rclone.conf";
const copyKey = "/etc/k3s-ha/backup-copy.key";
const copyKnownHosts = "/etc/k3s-ha/backup-copy.known_hosts";
const webhookConfig = "/etc/k3s-ha/backup-webhook.conf";

/** Where the server token lies, encrypted to the recipients. */
export const tokenEscrow = "/etc/k3s-ha/backup-token.age";

/** The user that the verification server runs as. */
export const verifier = "k3s-ha-backup";

/** Every path that {@link backupSecretFiles} can have beside those of the login. */
export const backupSecretPaths: readonly string[] = [
  tokenFingerprintFile,
  manifestKeyFile,
  copyConfig,
  copyKey,
  copyKnownHosts,
  webhookConfig,
  drillIdentity,
];

/** Secrets of backups, in the clear. */
export interface BackupSecrets {
  readonly token: string;
  readonly copyCredentials: string | undefined;
  readonly failureWebhook: string | undefined;
  readonly drillIdentity: string | undefined;
}

/** Files that hold secrets, without those of the datastore's login. */
export function backupSecretFiles(copy: BackupCopy | undefined, secrets: BackupSecrets): HostFile[] {
  const { token, failureWebhook: webhook, drillIdentity: drillKey } = secrets;
  return [
    { path: tokenFingerprintFile, content: tokenFingerprint(token), mode: "0600" },
    { path: manifestKeyFile, content: manifestKey(token), mode: "0600" },
    ...copyFiles(copy, secrets.copyCredentials ?? ""),
    ...(webhook === undefined
      ? []
      : [{ path: webhookConfig, content: `url = ${JSON.stringify(webhook)}`, mode: "0600" }]),
    ...(drillKey === undefined ? [] : [{ path: drillIdentity, content: drillKey, mode: "0600" }]),
  ];
}

/** The backup program, its settings, and the units that run it. */
export function backupProgramFiles(
  args: BackupCronArgs,
  plan: BackupPlan,
  datastore: BackupDriverSettings,
  k3sVersion: string,
): HostFile[] {
  const { directory, metricsDirectory, drill } = plan;
  return [
    { path: backupProgramPath, content: renderBackupProgram(args.driver), mode: "0755" },
    { path: backupSettingsPath, content: settingsOf(args, plan, datastore, k3sVersion) },
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
    { path: unitPath(`${backupUnits.backup}.timer`), content: renderBackupTimer(plan.calendar) },
    ...(drill === undefined
      ? []
      : [
          {
            path: unitPath(`${backupUnits.drill}.service`),
            content: renderDrillService(directory, metricsDirectory),
          },
          {
            path: unitPath(`${backupUnits.drill}.timer`),
            content: renderBackupTimer(drill.calendar, "restore drills"),
          },
        ]),
  ];
}

/** The place of copies in words; empty without any. */
export function copyDestinationOf(copy: BackupCopy | undefined): string {
  return copy === undefined ? "" : copyDestination(remoteOf(copy, ""), copy.path);
}

function settingsOf(
  args: BackupCronArgs,
  plan: BackupPlan,
  datastore: BackupDriverSettings,
  k3sVersion: string,
): string {
  const { copy, recipients } = plan;
  return renderBackupProgramSettings({
    hostName: args.hostName,
    directory: plan.directory,
    keep: plan.keep,
    daily: plan.daily,
    weekly: plan.weekly,
    monthly: plan.monthly,
    maxAgeSeconds: plan.maxAgeSeconds,
    datastore,
    tokenFingerprintFile,
    manifestKeyFile,
    k3sVersion,
    verifier,
    recipients,
    tokenEscrow: recipients.length === 0 ? undefined : tokenEscrow,
    copy: copy && {
      config: copyConfig,
      path: copy.path,
      destination: copyDestinationOf(copy),
      prune: copy.prune ?? true,
    },
    metricsDirectory: plan.metricsDirectory,
    onFailure: args.onFailure,
    webhookConfig: args.failureWebhook === undefined ? undefined : webhookConfig,
    drillMaxAgeSeconds: plan.drill?.maxAgeSeconds,
    drillRequired: args.drillRequired === true && recipients.length > 0,
    drillIdentity: args.drillIdentity === undefined ? undefined : drillIdentity,
  });
}

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
