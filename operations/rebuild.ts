/**
 * What a restore builds when hosts are new: the database's server and the means to read backups before it, the way in for
 * servers after it, and then the servers. Everything by `pulumi up`, so that the stack's state tells of it.
 */
import { backupProgramPath, backupSettingsPath } from "../components/backup/backupProgram.ts";
import { step } from "../build/progress.ts";
import type { HostLogin } from "../components/host/hostLogin.ts";
import { must, mustApply } from "./hostScripts.ts";
import { inputsOf, update, type Workspace } from "./workspace.ts";

interface Hosts {
  readonly database: HostLogin;
  readonly backup: HostLogin;
}

/** Builds what reads a backup and what it is imported into, unless both are there. No server can log in to that yet. */
export async function equip(workspace: Workspace, { database, backup }: Hosts): Promise<void> {
  const tells = async (host: HostLogin, test: string) =>
    (await must(host, `if ${test} >/dev/null 2>&1; then echo yes; fi`)).trim() === "yes";
  const [hasDatabase, hasProgram] = await Promise.all([
    tells(database, "mariadb --execute 'DO 0'"),
    tells(backup, `test -x ${backupProgramPath} -a -e ${backupSettingsPath}`),
  ]);
  if (hasDatabase && hasProgram) return;
  const script = (await inputsOf(workspace, "backup-timer"))?.["stdin"];
  if (typeof script !== "string")
    throw new Error(
      `The state of the stack "${workspace.stack}" contains no backups: this stack never had a cluster, so there is nothing to restore into. Run up first.`,
    );
  await step(`Install the datastore on ${database.name} and the backup program on ${backup.name}`, async () => {
    await update(workspace, [
      // Their marks first: what is built here would look like another cluster's on a host without one.
      "hosts-*",
      ...["datastore-packages", "datastore-tls", "datastore-server"],
      ...["backup-on-*", "backup-credentials"],
    ]);
    await mustApply(backup, script, 600, "prepare_restore");
  });
}

/** Lets the servers log in to a datastore that was just restored. */
export async function letServersIn(workspace: Workspace): Promise<void> {
  await step("Let the servers into the datastore", () =>
    update(workspace, ["datastore-schema-*", "datastore-access", "datastore-client-*"]),
  );
}

/** Builds all the rest: the servers, one after the other, each proved, and what comes after them. */
export async function buildTheRest(workspace: Workspace): Promise<void> {
  await step("Create what is missing: the servers, one after the other, each verified, and the rest", () =>
    update(workspace),
  );
}
