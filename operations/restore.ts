/**
 * Puts a backup in the place of what the datastore holds: servers stopped, what is there kept, the backup imported beside
 * it and checked, both exchanged in one step, then the servers again, one after the other, and the agents. Every step may
 * be repeated, so a restore that was interrupted is finished by running it again.
 */
import { backupProgramPath } from "../components/backup/backupProgram.ts";
import { renderHostScript } from "../components/host/hostScript.ts";
import { say, secondsSince, step } from "../build/progress.ts";
import { type HostLogin, loginOf } from "../components/host/hostLogin.ts";
import { inPoolWaves, type AgentWave } from "./agentWaves.ts";
import { must, mustApply } from "./hostScripts.ts";
import { dataSeconds, extract, fetchCopy, readIdentity, removeDumps, shellWord } from "./openBackup.ts";
import { buildTheRest, equip, letServersIn } from "./rebuild.ts";
import {
  type Current,
  type FoundServers,
  lossOf,
  type Manifest,
  namesOf,
  planOf,
  type Reached,
  refuseNewerRelease,
  type RestoreHosts,
  safetyDirectory,
  stateAfter,
} from "./restorePlan.ts";
import { readSettings } from "./stackSettings.ts";
import type { Workspace } from "./workspace.ts";
import { engineScripts } from "../components/datastore/engine/scripts.ts";
import { k3sScripts } from "../components/k3s/scripts.ts";
import { k3sUser } from "../components/datastore/managed/managedDatastore.ts";
import { secretsPath } from "../components/k3s/k3sNode.ts";
import { k3sUnitNames } from "../components/k3s/k3sUnit.ts";

/** Which backup is restored, and how. */
export interface RestoreOptions {
  /** Id of a backup, or "latest". */
  readonly backup: string;
  /** Whether it is fetched from where copies go. Default: it is on the host that takes backups. */
  readonly fromCopy?: boolean;
  /** File with the key of a recipient, for a backup that is encrypted. It is read here and stored nowhere. */
  readonly identityFile?: string | undefined;
  /** Asked before anything is stopped, with what would be done; false ends the restore. */
  readonly confirm: (plan: string) => Promise<boolean>;
  /** Seconds that each server may take to prove itself. Default: what the configuration says. */
  readonly readySeconds?: number;
}

/** The hosts, and what has to be known of them. */
interface RestoreScene extends RestoreHosts {
  databaseName: string;
  readySeconds: number;
  /** Whose agents are restarted some at a time. */
  pools: readonly AgentWave[];
  k3sVersion: string;
}

/**
 * Restores a backup of the stack's cluster, and tells what was done and what is lost. False when it was not confirmed.
 *
 * @throws an error with a sentence when it cannot go on; what it says tells what state the cluster is in.
 */
export async function restoreBackup(workspace: Workspace, options: RestoreOptions): Promise<boolean> {
  const start = performance.now();
  let reached: Reached = "nothing";
  const scene = await sceneOf(workspace);
  const identity = options.identityFile === undefined ? undefined : await readIdentity(options.identityFile);
  const { database, backup, agents, readySeconds } = scene;
  let isOpen = false;
  try {
    await equip(workspace, scene);
    const { manifest, current, found } = await lookAtAll(scene, options);
    const { running, missing } = found;
    if (!(await options.confirm(planOf(manifest, current, { ...scene, ...found }, new Date())))) return false;
    const started = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
    const run = (name: string) => runPhase(scene, manifest, started, name);
    const phase = (name: string, title: string) =>
      step(title, async () => {
        for (const line of (await run(name)).trim().split("\n")) if (line !== "") say(`  ${line}`);
      });
    // Before anything is stopped: a full disk, a wrong key, or a backup that is damaged, costs no minute of the API.
    await phase("room", `Check the space on ${database.name}`);
    isOpen = true;
    await step(`Open backup ${manifest.id} on ${backup.name}`, () => extract(scene, manifest.id, identity));
    reached = "stopped";
    if (running.length > 0)
      await step(`Stop K3s on ${namesOf(running)}`, () =>
        Promise.all(running.map((server) => must(server, stopScript))),
      );
    const stopped = await step(`Keep other servers out of the datastore on ${database.name}`, async () =>
      currentOf(await run("lock")),
    );
    await phase("prepare", "Dump the current content, and import the backup beside it");
    await phase("swap", "Exchange the two tables");
    reached = "exchanged";
    await phase("open", "Let the servers in again");
    if (!found.hasAccounts) await letServersIn(workspace);
    for (const server of running) {
      await step(`Start ${server.name} and verify it`, () =>
        restart(server, k3sUnitNames.server, started, readySeconds),
      );
    }
    if (missing.length > 0 || !found.hasAccounts) await buildTheRest(workspace);
    await step("Restart the agents", () =>
      inPoolWaves(scene.pools, agents, (agent) => restart(agent, k3sUnitNames.agent, started, readySeconds)),
    );
    await step("Wait until every node is Ready", () => nodesReady(scene));
    say(`Backup ${manifest.id} is restored, in ${secondsSince(start)}, and every node is Ready.
${lossOf(manifest, stopped)}
Next, run make status and check your workloads. Then remove the replaced content, as described above.`);
    return true;
  } catch (error) {
    const left = isOpen ? await removeDumps([database, backup]) : "";
    throw new Error(`${(error as Error).message}\n${left}${stateAfter(reached)}`, { cause: error });
  }
}

/** The backup that is wanted, what the datastore holds, and where K3s is. */
async function lookAtAll(
  scene: RestoreScene,
  options: RestoreOptions,
): Promise<{ manifest: Manifest; current: Current | undefined; found: FoundServers }> {
  const { backup, database } = scene;
  const wanted = options.fromCopy === true ? await fetchCopy(backup, options.backup) : options.backup;
  return step(`Inspect the backup on ${backup.name}, and the datastore on ${database.name}`, async () => {
    const shown = await must(backup, `${backupProgramPath} show ${shellWord(wanted)}`);
    const manifest = JSON.parse(shown) as Manifest;
    refuseNewerRelease(manifest, scene.k3sVersion);
    return { manifest, current: await readCurrent(scene), found: await findServers(scene) };
  });
}

/** Which servers have K3s; those that do not are on hosts that are new. */
async function findServers({ servers, database }: RestoreScene): Promise<FoundServers> {
  const told = await Promise.all(
    servers.map((server) => must(server, "if systemctl cat k3s >/dev/null 2>&1; then echo yes; fi")),
  );
  const has = (_: HostLogin, index: number) => told[index]?.trim() === "yes";
  const accounts = await must(database, `mariadb -N -e "SELECT COUNT(*) FROM mysql.user WHERE User = 'k3s'"`);
  return {
    running: servers.filter(has),
    missing: servers.filter((server, index) => !has(server, index)),
    hasAccounts: Number(accounts) > 0,
  };
}

async function sceneOf(workspace: Workspace): Promise<RestoreScene> {
  const settings = await readSettings(workspace);
  const of = async (role: string) => {
    const found = Object.entries(settings.hosts).filter(([, host]) => host.role === role);
    return Promise.all(
      // A host that the configuration declares lost is never dialled.
      found
        .filter(([, { host }]) => host.standIn === undefined)
        .map(([name, { path, host }]) => loginOf(name, path, host)),
    );
  };
  const [servers, agents, [database]] = await Promise.all([of("server"), of("agent"), of("datastore")]);
  const { backup, datastore, k3s } = settings;
  if (database === undefined || datastore.managed === undefined || backup === undefined) {
    throw new Error(
      "This program does not run this stack's datastore, and a restore exchanges tables with the administrator's rights. docs/restore.md describes how to restore it by hand.",
    );
  }
  return {
    servers,
    agents,
    lost: Object.entries(settings.hosts).flatMap(([name, { host }]) => (host.standIn === undefined ? [] : [name])),
    database,
    backup: await loginOf(backup.hostName, settings.hosts[backup.hostName]?.path ?? "k3s-ha:backup.host", backup.host),
    databaseName: datastore.managed.database,
    readySeconds: k3s.readySeconds,
    pools: Object.values(settings.agentPools).map(({ hosts, waveWidth }) => ({ names: Object.keys(hosts), waveWidth })),
    k3sVersion: k3s.version,
  };
}

const stopScript = `systemctl stop k3s
! systemctl is-active --quiet k3s
`;

async function readCurrent({ database, databaseName }: RestoreScene): Promise<Current | undefined> {
  const answer = await must(
    database,
    `if [[ $(mariadb -N -e "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = '${databaseName}' AND table_name = 'kine'") == 1 ]]; then
  mariadb -N -e "SELECT COUNT(*), COALESCE(MAX(id), 0) FROM \\\`${databaseName}\\\`.kine"
fi
`,
  );
  return currentOf(answer);
}

/** What the datastore holds, from "rows<TAB>revision"; undefined when that is empty. */
function currentOf(answer: string): Current | undefined {
  const [rows, revision] = answer.trim().split(/\s+/).map(Number);
  return answer.trim() === "" ? undefined : { rows: rows ?? 0, revision: revision ?? 0 };
}

async function runPhase(hosts: RestoreScene, manifest: Manifest, started: string, phase: string): Promise<string> {
  const script = renderHostScript({
    body: engineScripts.datastoreRestore,
    parts: [engineScripts.sqlImport, engineScripts.datastoreExchange],
    variables: {
      host_name: hosts.database.name,
      database: hosts.databaseName,
      k3s_user: k3sUser,
      safety_directory: safetyDirectory,
      started,
      phase,
      expected_rows: manifest.rows,
      expected_revision: manifest.revision,
      expected_at: manifest.startedAt,
      expected_bytes: manifest.dumpSize,
      packed_bytes: manifest.size,
      token_fingerprint: manifest.tokenFingerprint,
    },
  });
  return mustApply(hosts.database, script, dataSeconds);
}

async function restart(host: HostLogin, unit: string, started: string, readySeconds: number): Promise<void> {
  const script = renderHostScript({
    body: k3sScripts.k3sRestart,
    variables: {
      host_name: host.name,
      unit,
      started,
      ready_seconds: readySeconds,
      secrets_path: secretsPath,
    },
  });
  const printed = await mustApply(host, script, readySeconds + 60);
  if (printed.trim() !== "") say(`  ${printed.trim()}`);
}

/** Every server and agent Ready again, as the first server tells. */
async function nodesReady({ servers: [first], servers, agents, readySeconds }: RestoreScene): Promise<void> {
  if (first === undefined) return;
  const names = [...servers, ...agents].map(({ name }) => `node/${name}`).join(" ");
  await must(
    first,
    `k3s kubectl wait --for=condition=Ready --timeout=${readySeconds}s ${names}
`,
    readySeconds + 30,
  );
}
