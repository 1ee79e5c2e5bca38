import { configPath } from "../configPath.ts";
import type { ConfiguredHost } from "../hosts.ts";
import { type Problem, shown } from "../problem.ts";
import type { Configuration } from "../schema.ts";
import { listed } from "../schemaTypes.ts";

/** Backups are taken by one host, which is there. */
export function unknownBackupHost({ backup }: Configuration, hosts: readonly ConfiguredHost[]): Problem[] {
  if (backup?.host === undefined) return [];
  const path = configPath("backup", "host");
  if (backup.dedicated !== undefined) {
    return [
      { path, fault: "is set, and so is backup.dedicated, but one host takes the backups: remove one of the two" },
    ];
  }
  if (hosts.some(({ name }) => name === backup.host)) return [];
  const names = listed(hosts.map(({ name }) => name));
  const fault = `is ${shown(backup.host)}, but no host of the stack has that name: write one of ${names}, or describe another host in backup.dedicated`;
  return [{ path, fault }];
}

/** What rclone needs to know of the place for copies, and must not be told in plain text. */
export function unusableCopy({ backup }: Configuration): Problem[] {
  if (backup?.copy === undefined) return [];
  const { remote, hostKeys } = backup.copy;
  const at = (...steps: string[]) => configPath("backup", "copy", ...steps);
  const secrets = Object.keys(remote)
    .filter((name) => /pass|secret|token|key_pem|sas_url|credentials/.test(name))
    .map((name) => ({
      path: at("remote", name),
      fault:
        "is a secret in plain text: write it as a line of the secret k3s-ha:backupCopyCredentials, and replace it, since it has been seen",
    }));
  if (remote["type"] === undefined) {
    return [
      ...secrets,
      {
        path: at("remote", "type"),
        fault: "is missing: write the kind of store that it is to rclone, such as sftp or s3",
      },
    ];
  }
  if (remote["type"] !== "sftp") {
    if (hostKeys.length === 0) return secrets;
    return [
      ...secrets,
      {
        path: at("hostKeys"),
        fault: `is for remotes of type sftp only, and this one is ${shown(remote["type"])}: remove it`,
      },
    ];
  }
  if (remote["host"] === undefined)
    return [...secrets, { path: at("remote", "host"), fault: "is missing: write the address of the SFTP host" }];
  if (hostKeys.length > 0) return secrets;
  const fault =
    "is missing, and no host is trusted unseen: list the SFTP host's public keys, as in its /etc/ssh/ssh_host_*_key.pub";
  return [...secrets, { path: at("hostKeys"), fault }];
}
