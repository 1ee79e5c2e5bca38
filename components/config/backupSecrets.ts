import { configPath } from "./configPath.ts";
import type { Problem } from "./problem.ts";
import type { Configuration } from "./schema.ts";
import { isPrivateKey } from "../backup/rcloneConfig.ts";

/** Why the credentials of copies cannot be used, with the remedy, or undefined. No part of them is repeated. */
export function copyCredentialsFault(text: string): string | undefined {
  if (isPrivateKey(text)) {
    return text.includes("ENCRYPTED")
      ? "is a private key with a passphrase: write one without a passphrase"
      : undefined;
  }
  const isSetting = (line: string) => /^[a-z][a-z0-9_]* *= *\S.*$/.test(line);
  const plain = text.split(/\r?\n/).find((line) => /^\w+ *= *http:\/\//i.test(line));
  if (plain !== undefined)
    return `has ${plain.split(/ *=/)[0] ?? "a line"} begin with http://, which would send the login and the backups unencrypted: write https://`;
  return text.trim().split(/\r?\n/).every(isSetting)
    ? undefined
    : "has to be lines of rclone.conf such as secret_access_key = …, or an SSH private key: write one setting a line, without the [section]";
}

/** Why a key for drills cannot be used, with the remedy, or undefined. No part of it is repeated. */
export function drillIdentityFault(text: string): string | undefined {
  return /^AGE-SECRET-KEY-1[A-Z0-9]+$/m.test(text.trim())
    ? undefined
    : "has to be a private age key: write the line AGE-SECRET-KEY-1… that age-keygen prints";
}

/** A key for drills that nothing needs, or drills that miss theirs. */
export function drillIdentityProblems(backup: Configuration["backup"], identity: string): Problem[] {
  if (backup === undefined) return [];
  const given = identity.trim() !== "";
  const key = configPath("backupDrillIdentity");
  if (given && (backup.drill === undefined || backup.recipients.length === 0)) {
    const reason = backup.drill === undefined ? "there are no drills" : "backups are not encrypted";
    return [{ path: key, fault: `is set, but ${reason}, so no key is needed: remove it` }];
  }
  if (given || backup.drill === undefined || backup.recipients.length === 0) return [];
  return [
    {
      path: configPath("backup", "drill"),
      fault: `is missing, but drills need the private key of one of backup.recipients: set it with "pulumi config set --secret ${key}", or remove the drills`,
    },
  ];
}

/** Why a webhook cannot be used, with the remedy, or undefined. */
export function webhookFault(text: string): string | undefined {
  const fault = "has to be a URL: write it like https://chat.example.com/hooks/…";
  if (/^http:\/\//i.test(text.trim()))
    return "begins with http://, which would send the messages and the secret address unencrypted: write https://";
  return /^https:\/\/[^\s"\\]+$/i.test(text.trim()) && URL.canParse(text.trim()) ? undefined : fault;
}
