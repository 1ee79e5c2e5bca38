/**
 * What a restore builds before it when hosts are new: the datastore's server and the means to read backups. By `pulumi up`, so
 * that the stack's state records it.
 */
import { backupProgramPath, backupSettingsPath } from "../components/backup/backupProgram.ts";
import { step } from "../build/progress.ts";
import type { RestoreDriver } from "../components/datastore/restoreDriver.ts";
import type { HostLogin } from "../components/host/hostLogin.ts";
import { must, mustApply } from "./hostScripts.ts";
import { namesOf } from "./restorePlan.ts";
import { inputsOf, update, type Workspace } from "./workspace.ts";

interface Hosts {
  /** Every host of the datastore. */
  readonly databases: readonly HostLogin[];
  readonly backup: HostLogin;
  readonly driver: Pick<RestoreDriver, "isBuilt" | "builtBy">;
}

/** Builds what reads a backup and what it is imported into, unless both are there. No server can log in to that yet. */
export async function equip(workspace: Workspace, { databases, backup, driver }: Hosts): Promise<void> {
  const tells = async (host: HostLogin, test: string) =>
    (await must(host, `if ${test} >/dev/null 2>&1; then echo yes; fi`)).trim() === "yes";
  const are = await Promise.all([
    tells(backup, `test -x ${backupProgramPath} -a -e ${backupSettingsPath}`),
    ...databases.map((host) => tells(host, driver.isBuilt)),
  ]);
  if (are.every(Boolean)) return;
  const script = (await inputsOf(workspace, "backup-timer"))?.["stdin"];
  if (typeof script !== "string")
    throw new Error(
      `The state of the stack "${workspace.stack}" contains no backups: this stack never had a cluster, so there is nothing to restore into. Run up first.`,
    );
  await step(`Install the datastore on ${namesOf(databases)} and the backup program on ${backup.name}`, async () => {
    await update(workspace, [
      // Their marks first: what is built here would look like another cluster's on a host without one.
      "hosts-*",
      ...driver.builtBy,
      ...["backup-on-*", "backup-credentials"],
    ]);
    await mustApply(backup, script, 600, "prepare_restore");
  });
}
