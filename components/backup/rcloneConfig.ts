import { writtenBy } from "../host/writtenBy.ts";

/** The destination of backup copies, in rclone's terms. */
export interface RcloneRemote {
  /** Settings of the remote, as in rclone.conf; `type` is one of them. None is secret. */
  settings: Readonly<Record<string, string>>;
  /** Secret: more lines `name = value` of rclone.conf. A private key in PEM, which an SFTP login may be, is none of these. */
  credentials: string;
  /** Public keys of an SFTP host: the only ones that it may show. */
  hostKeys: readonly string[];
}

/** Paths of the files that the remote is described in. */
export interface RclonePaths {
  /** The private key of an SFTP login. */
  key: string;
  /** The SFTP host's public keys. */
  knownHosts: string;
}

/** True for a private key, which is in a separate file. */
export function isPrivateKey(credentials: string): boolean {
  return /^\s*-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(credentials);
}

/**
 * rclone's configuration with the one remote "copy". An SFTP host is asked for nothing but files, so that a login
 * that may do nothing else will do; what was copied is read back, and needs no checksum program there.
 */
export function renderRcloneConfig(remote: RcloneRemote, paths: RclonePaths): string {
  const lines = Object.entries({
    ...(remote.settings["type"] === "sftp"
      ? { shell_type: "none", disable_hashcheck: "true", known_hosts_file: paths.knownHosts }
      : {}),
    // The bucket exists, and a login with write access only cannot create one.
    ...(remote.settings["type"] === "s3" ? { no_check_bucket: "true" } : {}),
    ...(isPrivateKey(remote.credentials) ? { key_file: paths.key } : {}),
    ...remote.settings,
  }).map(([name, value]) => {
    if (/[\r\n]/.test(value)) throw new Error(`rclone's setting ${name} must not hold a line break`);
    return `${name} = ${value}`;
  });
  const secret = isPrivateKey(remote.credentials) ? "" : remote.credentials.trim();
  return `# ${writtenBy}
[copy]
${lines.toSorted().join("\n")}
${secret === "" ? "" : `${secret}\n`}`;
}

/** The SFTP host's keys as known_hosts has them. */
export function renderCopyKnownHosts({ settings, hostKeys }: RcloneRemote): string {
  const { host = "", port = "22" } = settings;
  const name = port === "22" ? host : `[${host}]:${port}`;
  return hostKeys.map((key) => `${name} ${key}\n`).join("");
}

/** The place in words, for messages: `sftp://203.0.113.90/backups/k3s`. */
export function copyDestination({ settings }: RcloneRemote, path: string): string {
  const { type = "", host, endpoint, provider } = settings;
  return `${type}://${(host ?? endpoint ?? provider ?? "").replace(/^https?:\/\//, "")}/${path.replace(/^\//, "")}`;
}
