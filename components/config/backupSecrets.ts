import { isPrivateKey } from "../render/rcloneConfig.ts";

/** Why the credentials of copies cannot be used, with the remedy, or undefined. No part of them is repeated. */
export function copyCredentialsFault(text: string): string | undefined {
  if (isPrivateKey(text)) {
    return text.includes("ENCRYPTED") ? "is a private key with a passphrase: write one without" : undefined;
  }
  const isSetting = (line: string) => /^[a-z][a-z0-9_]* *= *\S.*$/.test(line);
  return text.trim().split(/\r?\n/).every(isSetting)
    ? undefined
    : "has to be lines of rclone.conf such as secret_access_key = …, or an SSH private key: write one setting a line, without the [section]";
}

/** Why a webhook cannot be used, with the remedy, or undefined. */
export function webhookFault(text: string): string | undefined {
  const fault = "has to be a URL: write it like https://chat.example.com/hooks/…";
  return /^https?:\/\/[^\s"\\]+$/.test(text.trim()) && URL.canParse(text.trim()) ? undefined : fault;
}
