/** The place for copies of backups in the sandbox: a user on lb-1, a host that a disaster of the others leaves alone. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { addressOf, onHost } from "./sandboxCluster.ts";

/** The settings of `backup.copy` for it, and the key to log in with, which is the secret `backupCopyCredentials`. */
export interface CopyHost {
  readonly copy: Readonly<Record<string, unknown>>;
  readonly privateKey: string;
}

/** Makes the user; files of its key are made in `directory`. */
export async function makeCopyHost(directory: string): Promise<CopyHost> {
  await execa("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(directory, "sftp")]);
  const publicKey = await readFile(join(directory, "sftp.pub"), "utf8");
  await onHost(
    "lb-1",
    `useradd --create-home --shell /bin/sh backup-copies; install -d -o backup-copies -m 0700 /home/backup-copies/.ssh
printf '%s\\n' '${publicKey.trim()}' >/home/backup-copies/.ssh/authorized_keys; chown backup-copies /home/backup-copies/.ssh/authorized_keys`,
  );
  const hostKeys = (await onHost("lb-1", "cat /etc/ssh/ssh_host_*_key.pub")).split("\n");
  return {
    copy: {
      remote: { type: "sftp", host: addressOf("lb-1"), user: "backup-copies" },
      hostKeys: hostKeys.map((line) => line.split(" ").slice(0, 2).join(" ")),
      path: "cluster",
    },
    privateKey: await readFile(join(directory, "sftp"), "utf8"),
  };
}
