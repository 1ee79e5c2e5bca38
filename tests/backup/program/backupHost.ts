import { createHash } from "node:crypto";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa, type Options, type ResultPromise } from "execa";
import { renderBackupProgram } from "../../../components/backup/backupProgram.ts";
import { mysqlBackupFunctions } from "../../../components/datastore/engine/mysqlBackup.ts";
import { renderBackupOptionFile } from "../../../components/datastore/engine/backupOptionFile.ts";
import {
  type BackupProgramSettings,
  renderBackupProgramSettings,
} from "../../../components/backup/backupProgramSettings.ts";
import { manifestKey, tokenFingerprint } from "../../../components/identity/tokenFingerprint.ts";

/** What a backup host is set up with; each test changes what it is about. */
export interface BackupHostSettings {
  address: string;
  port: number;
  user: string;
  password: string;
  caPath: string;
  token: string;
  keep: number;
  directory: string;
  /** More of the program's settings, in place of the test's own. */
  more: Partial<BackupProgramSettings>;
}

/** The backup program with all its files in one directory of the test, and none anywhere else. */
export class BackupHost {
  readonly root: string;
  readonly settings: BackupHostSettings;
  /** Programs that stand before the real ones. */
  private readonly shims: string;

  private constructor(root: string, settings: BackupHostSettings) {
    this.root = root;
    this.settings = settings;
    this.shims = join(root, "shims");
  }

  static async create(root: string, settings: Omit<BackupHostSettings, "directory" | "more">): Promise<BackupHost> {
    const host = new BackupHost(root, { ...settings, directory: join(root, "backups"), more: {} });
    await mkdir(host.shims, { recursive: true });
    await mkdir(host.settings.directory, { mode: 0o711 });
    await mkdir(host.metricsDirectory);
    await writeFile(host.programPath, renderBackupProgram(mysqlBackupFunctions));
    await host.configure({});
    return host;
  }

  /** Writes the program's files again, with some settings changed. */
  async configure(changes: Partial<BackupHostSettings>): Promise<void> {
    const settings = Object.assign(this.settings, changes);
    const optionFile = join(this.root, "backup.cnf");
    const tokenFingerprintFile = join(this.root, "fingerprint");
    await writeFile(optionFile, renderBackupOptionFile(settings), { mode: 0o600 });
    await writeFile(tokenFingerprintFile, `${tokenFingerprint(settings.token)}\n`, { mode: 0o600 });
    const manifestKeyFile = join(this.root, "manifest.key");
    await writeFile(manifestKeyFile, `${manifestKey(settings.token)}\n`, { mode: 0o600 });
    await writeFile(
      this.settingsPath,
      renderBackupProgramSettings({
        hostName: "backup-1",
        directory: settings.directory,
        keep: settings.keep,
        daily: 0,
        weekly: 0,
        monthly: 0,
        maxAgeSeconds: 7200,
        datastore: {
          database: "k3s",
          source: `${settings.address}:${settings.port}`,
          client_options: optionFile,
        },
        tokenFingerprintFile,
        manifestKeyFile,
        k3sVersion: "v1.35.0+k3s1",
        verifier: "nobody",
        recipients: [],
        tokenEscrow: undefined,
        copy: undefined,
        metricsDirectory: this.metricsDirectory,
        onFailure: undefined,
        webhookConfig: undefined,
        drillMaxAgeSeconds: undefined,
        drillRequired: false,
        drillIdentity: undefined,
        ...settings.more,
      }),
    );
  }

  /** Puts a shell script before a program; in it, `real` is the program itself. Undefined removes it again. */
  async shim(name: string, script: string | undefined): Promise<void> {
    const path = join(this.shims, name);
    if (script === undefined) return writeFile(path, `#!/bin/sh\nPATH=\${PATH#*:} exec ${name} "$@"\n`);
    const text = `#!/bin/bash\nPATH=\${PATH#*:}\nreal() { command ${name} "$@"; }\n${script}\n`;
    await writeFile(path, text);
    await chmod(path, 0o755);
  }

  /** Starts the program. */
  start(args: readonly string[], options: Options = {}): ResultPromise<{ reject: false; all: true }> {
    return execa("bash", [this.programPath, ...args], {
      ...options,
      reject: false,
      all: true,
      env: { K3S_HA_BACKUP_CONFIG: this.settingsPath, PATH: `${this.shims}:${process.env["PATH"] ?? ""}` },
    }) as ResultPromise<{ reject: false; all: true }>;
  }

  /** Takes a backup, and returns its id. */
  async takeBackup(...options: string[]): Promise<string> {
    const { all, exitCode } = await this.start(["run", ...options]);
    const id = /^backup (\S+):/m.exec(all)?.[1];
    if (exitCode !== 0 || id === undefined) throw new Error(`no backup was taken: ${all}`);
    return id;
  }

  /** Ids of the backups that there are, the oldest first. */
  async ids(): Promise<string[]> {
    return (await readdir(this.settings.directory)).filter((name) => /^\d{8}T/.test(name)).toSorted();
  }

  /** Every file below the backup directory with the sha256 of its content; the lock has none. */
  async content(): Promise<Record<string, string>> {
    const entries = await readdir(this.settings.directory, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    return Object.fromEntries(
      await Promise.all(
        files.toSorted().map(
          async (path) =>
            [
              path,
              createHash("sha256")
                .update(await readFile(path))
                .digest("hex"),
            ] as const,
        ),
      ),
    );
  }

  /** The backup program, as it stands in the product. */
  get programPath(): string {
    return join(this.root, "backup");
  }

  get metricsDirectory(): string {
    return join(this.root, "metrics");
  }

  get settingsPath(): string {
    return join(this.root, "backup.conf");
  }
}
