/** Opening a backup for a restore: its key, its copy, and its dump in the clear, which lies on the database's host for a while. */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { step } from "../build/progress.ts";
import type { HostLogin } from "../components/host/hostLogin.ts";
import { backupProgramPath } from "../components/backup/backupProgram.ts";
import { must } from "./hostScripts.ts";
import { namesOf, type RestoreHosts } from "./restorePlan.ts";

const restoreDirectory = "/var/lib/k3s-ha/restore";
const dumpPath = `${restoreDirectory}/kine.sql.zst`;

/** Seconds that reading, moving or importing a datastore may take: some GiB take minutes. */
export const dataSeconds = 3600;

/** The key of a recipient, from a file on this machine. */
export async function readIdentity(path: string): Promise<string> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw new Error(`The key file ${path} cannot be read: ${(error as Error).message}`);
  });
  if (!/^AGE-SECRET-KEY-/m.test(text)) {
    throw new Error(`The key file ${path} holds no age key: it needs a line that begins with AGE-SECRET-KEY-.`);
  }
  return text;
}

/** A word that needs no quoting; ids of backups are such words. */
export function shellWord(text: string): string {
  if (/^[A-Za-z0-9-]+$/.test(text)) return text;
  throw new Error(`BACKUP has to be "latest" or the id of a backup, such as 20260131T031700Z-48210, and is "${text}".`);
}

/** Brings a copy back to the host that takes backups, and returns its id. */
export async function fetchCopy(backup: HostLogin, wanted: string): Promise<string> {
  return step(`Fetch the copy ${wanted} to ${backup.name}`, async () =>
    (await must(backup, `${backupProgramPath} fetch ${shellWord(wanted)}`, dataSeconds)).trim(),
  );
}

/** The dump, in the clear, open to root alone, on the database's host. */
export async function extract(
  { backup, database }: Pick<RestoreHosts, "backup" | "database">,
  id: string,
  identity: string | undefined,
): Promise<void> {
  const end = `__KEY_${randomBytes(8).toString("hex")}__`;
  const key = identity === undefined ? "" : ` --identity <(cat <<'${end}'\n${identity.trimEnd()}\n${end}\n)`;
  await must(
    backup,
    `umask 077; mkdir -p ${restoreDirectory}; chmod 0700 ${restoreDirectory}; rm -f ${dumpPath} ${dumpPath}.new
${backupProgramPath} extract ${shellWord(id)} ${dumpPath}${key}
`,
    dataSeconds,
  );
  if (backup.name === database.name) return;
  const dump = await must(backup, `base64 ${dumpPath}; rm ${dumpPath}`, dataSeconds);
  await must(
    database,
    `umask 077; mkdir -p ${restoreDirectory}; chmod 0700 ${restoreDirectory}
base64 --decode >${dumpPath} <<'${end}'
${dump.trimEnd()}
${end}
`,
    dataSeconds,
  );
}

/** Removes the dump in the clear from hosts; a sentence about those where it may have stayed. */
export async function removeDumps(hosts: readonly HostLogin[]): Promise<string> {
  const removals = await Promise.allSettled(hosts.map((host) => must(host, `rm -f ${dumpPath} ${dumpPath}.new`)));
  const left = hosts.filter((_, index) => removals[index]?.status === "rejected");
  return left.length === 0
    ? ""
    : `The unencrypted backup may still be, readable by root only, on ${namesOf(left)}, in ${dumpPath}: the next restore removes it, or remove it by hand.\n`;
}
