/** What the backup program reads from its settings file. None of it is secret. */
export interface BackupProgramSettings {
  /** Directory that the backups are kept in. */
  directory: string;
  /** Verified backups of this cluster that are kept. */
  keep: number;
  /** Schema that K3s keeps the cluster in. */
  database: string;
  /** "host:port" of the datastore, for messages and manifests. */
  source: string;
  /** Path of the option file that holds the login. */
  optionFile: string;
  /** Path of the file that holds the fingerprint of the server token. */
  tokenFingerprintFile: string;
  /** The release that the cluster runs, for manifests: a dump is restored with the release that it was taken under. */
  k3sVersion: string;
  /** The user that the verification server runs as. */
  verifier: string;
}

/** The settings file: lines `name=value`, which the program reads and never executes. */
export function renderBackupSettings(settings: BackupProgramSettings): string {
  const lines = Object.entries({
    directory: settings.directory,
    keep: settings.keep,
    database: settings.database,
    source: settings.source,
    client_options: settings.optionFile,
    token_fingerprint_file: settings.tokenFingerprintFile,
    k3s_version: settings.k3sVersion,
    verifier: settings.verifier,
  }).map(([name, value]) => {
    const line = `${name}=${value}`;
    if (/[\r\n]/.test(line)) throw new Error(`the backup's ${name} must not hold a line break`);
    return line;
  });
  return `${lines.join("\n")}\n`;
}
