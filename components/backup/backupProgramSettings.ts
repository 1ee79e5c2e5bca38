import type { BackupDriverSettings } from "../datastore/datastore.ts";

/** The settings file of the backup program. None of it is secret. */
export interface BackupProgramSettings {
  /** The host's name, for messages. */
  hostName: string;
  /** Directory that the backups are kept in. */
  directory: string;
  /** Newest verified backups of this cluster that are kept. */
  keep: number;
  /** Newest days of which the newest backup is kept. */
  daily: number;
  /** Newest weeks, from Monday to Sunday, of which the newest backup is kept. */
  weekly: number;
  /** Newest months of which the newest backup is kept. */
  monthly: number;
  /** Seconds after which the newest backup is too old, for `k3s-ha-backup check`. */
  maxAgeSeconds: number;
  /** The datastore, and where its login is. */
  datastore: BackupDriverSettings;
  /** Path of the file that holds the fingerprint of the server token. */
  tokenFingerprintFile: string;
  /** Path of the file, open to root alone, that holds the key of the manifests' signatures. */
  manifestKeyFile: string;
  /** The release that the cluster runs, for manifests: a dump is restored with the release that it was taken under. */
  k3sVersion: string;
  /** The user that the verification server runs as. */
  verifier: string;
  /** Public keys of age that backups are encrypted to. Empty: they are not encrypted. */
  recipients: readonly string[];
  /** Path of the server token, encrypted to the recipients. Undefined without any. */
  tokenEscrow: string | undefined;
  /** The destination of copies. Undefined: none. */
  copy: BackupProgramCopy | undefined;
  /** Directory that the node exporter reads. Undefined: its usual one where that exists, else the backups' own. */
  metricsDirectory: string | undefined;
  /** Shell command that reports a failure. Undefined: none. */
  onFailure: string | undefined;
  /** Path of curl's file with the address to which a failure is reported. Undefined: none. */
  webhookConfig: string | undefined;
  /** Seconds after which the last restore drill is too old, for `k3s-ha-backup check`. Undefined: there are no drills. */
  drillMaxAgeSeconds: number | undefined;
  /** Whether `k3s-ha-backup check` is content only once a drill has opened an encrypted backup. */
  drillRequired: boolean;
  /** Path of the key that restore drills open encrypted backups with. Undefined: none lies on the host. */
  drillIdentity: string | undefined;
}

/** The backup program's settings of the place for copies. */
export interface BackupProgramCopy {
  /** Path of rclone's configuration with the remote "copy". */
  config: string;
  /** Directory, or bucket and prefix, in the remote. */
  path: string;
  /** The whole place in words, for messages; a backup counts as copied while this stays the same. */
  destination: string;
  /** Whether copies are removed when no generation keeps them. */
  prune: boolean;
}

/** The settings file: lines `name=value`, which the program reads and never executes. */
export function renderBackupProgramSettings(settings: BackupProgramSettings): string {
  const { copy } = settings;
  const lines = Object.entries({
    host_name: settings.hostName,
    directory: settings.directory,
    keep: settings.keep,
    daily: settings.daily,
    weekly: settings.weekly,
    monthly: settings.monthly,
    max_age_seconds: settings.maxAgeSeconds,
    ...settings.datastore,
    token_fingerprint_file: settings.tokenFingerprintFile,
    manifest_key_file: settings.manifestKeyFile,
    k3s_version: settings.k3sVersion,
    verifier: settings.verifier,
    recipients: settings.recipients.join(" "),
    token_escrow: settings.tokenEscrow ?? "",
    copy_config: copy?.config ?? "",
    copy_path: copy?.path ?? "",
    copy_destination: copy?.destination ?? "",
    copy_prune: copy?.prune === true ? "yes" : "",
    metrics_directory: settings.metricsDirectory ?? "",
    on_failure: settings.onFailure ?? "",
    webhook_config: settings.webhookConfig ?? "",
    drill_max_age_seconds: settings.drillMaxAgeSeconds ?? "",
    drill_required: settings.drillRequired ? "yes" : "",
    drill_identity: settings.drillIdentity ?? "",
  }).map(([name, value]) => {
    const line = `${name}=${value}`;
    if (/[\r\n]/.test(line)) throw new Error(`the backup's ${name} must not hold a line break`);
    return line;
  });
  return `${lines.join("\n")}\n`;
}
