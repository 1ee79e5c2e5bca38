import { configPath } from "../configPath.ts";
import { type Problem, shown } from "../problem.ts";
import type { Configuration } from "../schema.ts";

/** Words in the names of rclone's settings that mean a secret, whatever the store. `rclone config providers` lists the names. */
const secretWords =
  /(^|_)(pass|password\d?|passphrase|passcode|secret|token|key|key_pem|base64|grant|sas|sas_url|credentials|connection_string|authorization|headers|cookies?|pin)(_|$)/;

/** Ends of names that are about a secret, and hold none. */
const harmless = /_(id|file|name|url|version|expiry|md5|command|agent)$|^ask_password$|^sse_customer_algorithm$/;

/** Whether one of rclone's settings holds a secret, by its name. */
export function isSecretSetting(name: string): boolean {
  return secretWords.test(name) && (name === "sas_url" || !harmless.test(name));
}

/** Why a place cannot be reached without everybody on the way reading along, with the remedy, or undefined. */
export function plainTransportFault(value: string): string | undefined {
  return /^http:\/\//i.test(value)
    ? "which would send the login and the backups unencrypted: write https://"
    : undefined;
}

/** Stores whose address is a URL, and that are reached without TLS unless it says https. */
const urlStores = ["webdav", "seafile", "filefabric"];

/** Settings of rclone for the place of copies that must not be in plain text. */
export function unusableCopy({ backup }: Configuration): Problem[] {
  if (backup?.copy === undefined) return [];
  const { remote, hostKeys } = backup.copy;
  const type = remote["type"];
  const at = (...steps: string[]) => configPath("backup", "copy", ...steps);
  const told = [...secretsInPlain(remote), ...plainTransports(remote)].map(({ path, fault }) => ({
    path: at("remote", path),
    fault,
  }));
  if (type === undefined) {
    const fault = "is missing: write rclone's type of the store, such as sftp or s3";
    return [...told, { path: at("remote", "type"), fault }];
  }
  if (type !== "sftp") {
    if (hostKeys.length === 0) return told;
    const fault = `is for remotes of type sftp only, but this one is ${shown(type)}: remove it`;
    return [...told, { path: at("hostKeys"), fault }];
  }
  if (remote["host"] === undefined)
    return [...told, { path: at("remote", "host"), fault: "is missing: write the address of the SFTP host" }];
  if (hostKeys.length > 0) return told;
  const fault =
    "is missing, but every host key has to be pinned: list the SFTP host's public keys, as in its /etc/ssh/ssh_host_*_key.pub";
  return [...told, { path: at("hostKeys"), fault }];
}

type Remote = Readonly<Record<string, string | number | boolean>>;

function secretsInPlain(remote: Remote): Problem[] {
  return Object.entries(remote)
    .filter(([name, value]) => isSecretSetting(name) || /:\/\/[^/]*:[^/]*@/.test(String(value)))
    .map(([path]) => ({
      path,
      fault:
        "is a secret in plain text: write it as a line of the secret k3s-ha:backupCopyCredentials, and replace it, because it was exposed",
    }));
}

function plainTransports(remote: Remote): Problem[] {
  const type = String(remote["type"] ?? "");
  const isOn = (name: string) => String(remote[name] ?? "false") === "true";
  const urls = Object.entries(remote).flatMap(([path, value]) => {
    const fault = plainTransportFault(String(value));
    return fault === undefined ? [] : [{ path, fault: `is ${shown(value)}, ${fault}` }];
  });
  const address = remote["url"];
  if (urlStores.includes(type) && address !== undefined && !/^https?:\/\//i.test(String(address))) {
    urls.push({ path: "url", fault: `is ${shown(address)}, which has no scheme: write https://` });
  }
  if (type !== "ftp") return urls;
  if (!isOn("tls") && !isOn("explicit_tls")) {
    const fault =
      'is "ftp", which would send the login and the backups unencrypted: set explicit_tls to true beside it, if that host supports TLS, or use sftp';
    return [...urls, { path: "type", fault }];
  }
  if (!isOn("no_check_certificate")) return urls;
  const fault = "is true, so any host that answers there gets the login and the backups: remove it";
  return [...urls, { path: "no_check_certificate", fault }];
}
