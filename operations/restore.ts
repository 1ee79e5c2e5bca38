/**
 * Replaces the datastore's content by a backup: servers stopped, the current content kept, the backup imported beside
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
import { equip } from "./rebuild.ts";
import {
  type FoundServers,
  lossOf,
  namesOf,
  planOf,
  refuseNewerRelease,
  type RestoreHosts,
  stateAfter,
} from "./restorePlan.ts";
import { readSettings } from "./stackSettings.ts";
import { inputsOf, update, type Workspace } from "./workspace.ts";
import { restoreDriver } from "../components/datastore/datastoreKinds.ts";
import type {
  BackupManifest,
  DatastoreContent,
  Reached,
  RestoreDriver,
  RestoreHost,
  RestoreScene,
  RestoreStep,
} from "../components/datastore/restoreDriver.ts";
import { k3sScripts } from "../components/k3s/scripts.ts";
import { secretsPath } from "../components/k3s/k3sNode.ts";
import { k3sUnitNames } from "../components/k3s/k3sUnit.ts";

/** The backup to restore, and options. */
export interface RestoreOptions {
  /** Id of a backup, or "latest". */
  readonly backup: string;
  /** Whether it is fetched from where copies go. Default: it is on the host that takes backups. */
  readonly fromCopy?: boolean;
  /** File with the key of a recipient, for a backup that is encrypted. It is read here and stored nowhere. */
  readonly identityFile?: string | undefined;
  /** Asked before anything is stopped, with what would be done; false ends the restore. */
  readonly confirm: (plan: string) => Promise<boolean>;
  /** Seconds that each server may take to become ready. Default: that of the configuration. */
  readonly readySeconds?: number;
}

/** The hosts, and what has to be known of them. */
interface Site extends RestoreHosts {
  driver: RestoreDriver;
  /** The other hosts of a datastore that has several. */
  otherDatabases: readonly HostLogin[];
  readySeconds: number;
  /** The pools, whose agents are restarted in waves. */
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
  const site = await siteOf(workspace);
  const identity = options.identityFile === undefined ? undefined : await readIdentity(options.identityFile);
  const { database, backup, driver } = site;
  const dump = { isOpen: false };
  try {
    await equip(workspace, { ...site, databases: [database, ...site.otherDatabases] });
    const { manifest, current, found } = await lookAtAll(site, options);
    if (!(await options.confirm(planOf(manifest, current, { ...site, ...found }, new Date())))) return false;
    const started = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
    let stopped: DatastoreContent | undefined;
    const steps = driver.steps({
      host: restoreHost(database),
      others: site.otherDatabases.map(restoreHost),
      runAgain: (resource, host, action) => runAgain(workspace, resource, host, action),
      manifest,
      started,
      openBackup: [
        {
          title: `Open backup ${manifest.id} on ${backup.name}`,
          leaves: "nothing",
          run: async () => {
            dump.isOpen = true;
            await extract(site, manifest.id, identity);
            return "";
          },
        },
      ],
      ...clusterSteps(workspace, site, found, started),
      onStopped: (content) => (stopped = content),
    });
    for (const each of steps) {
      reached = each.leaves;
      await step(each.title, async () => {
        for (const line of (await each.run()).trim().split("\n")) if (line !== "") say(`  ${line}`);
      });
    }
    say(`Backup ${manifest.id} is restored, in ${secondsSince(start)}, and every node is Ready.
${lossOf(manifest, stopped)}
Next, run make status and check your workloads. Then remove the replaced content, as described above.`);
    return true;
  } catch (error) {
    const left = dump.isOpen ? await removeDumps([database, backup]) : "";
    throw new Error(`${(error as Error).message}\n${left}${stateAfter(reached)}`, { cause: error });
  }
}

/** The steps for servers and agents, for every datastore. */
function clusterSteps(
  workspace: Workspace,
  site: Site,
  { running, missing, hasAccounts }: FoundServers,
  started: string,
): Pick<RestoreScene, "stopServers" | "letServersIn" | "startServers" | "restartAgents"> {
  const { driver, agents, pools, readySeconds } = site;
  const after = (title: string, run: () => Promise<unknown>): RestoreStep => ({
    title,
    leaves: "exchanged",
    run: async () => {
      await run();
      return "";
    },
  });
  const onlyIf = (condition: boolean, ...steps: RestoreStep[]) => (condition ? steps : []);
  return {
    stopServers: onlyIf(running.length > 0, {
      ...after(`Stop K3s on ${namesOf(running)}`, () => Promise.all(running.map((server) => must(server, stopScript)))),
      leaves: "stopped",
    }),
    letServersIn: onlyIf(
      !hasAccounts,
      after("Let the servers into the datastore", () => update(workspace, driver.admittedBy)),
    ),
    startServers: [
      ...running.map((server) =>
        after(`Start ${server.name} and verify it`, () => restart(server, k3sUnitNames.server, started, readySeconds)),
      ),
      ...onlyIf(
        missing.length > 0 || !hasAccounts,
        after("Create what is missing: the servers, one after the other, each verified, and the rest", () =>
          update(workspace),
        ),
      ),
    ],
    restartAgents: [
      after("Restart the agents", () =>
        inPoolWaves(pools, agents, (agent) => restart(agent, k3sUnitNames.agent, started, readySeconds)),
      ),
      after("Wait until every node is Ready", () => nodesReady(site)),
    ],
  };
}

function restoreHost(host: HostLogin): RestoreHost {
  return {
    name: host.name,
    run: (lines) => must(host, lines),
    apply: (script, action) => mustApply(host, script, dataSeconds, action),
  };
}

async function runAgain(workspace: Workspace, resource: string, host: RestoreHost, action: string): Promise<void> {
  const script = (await inputsOf(workspace, resource))?.["stdin"];
  if (typeof script !== "string")
    throw new Error(`The state of the stack "${workspace.stack}" has no ${resource}: run up, then the restore again.`);
  await host.apply(script, action);
}

/** The backup that is wanted, what the datastore holds, and where K3s is. */
async function lookAtAll(
  site: Site,
  options: RestoreOptions,
): Promise<{ manifest: BackupManifest; current: DatastoreContent | undefined; found: FoundServers }> {
  const { backup, database, driver } = site;
  const wanted = options.fromCopy === true ? await fetchCopy(backup, options.backup) : options.backup;
  return step(`Inspect the backup on ${backup.name}, and the datastore on ${database.name}`, async () => {
    const shown = await must(backup, `${backupProgramPath} show ${shellWord(wanted)}`);
    const manifest = JSON.parse(shown) as BackupManifest;
    refuseNewerRelease(manifest, site.k3sVersion);
    return { manifest, current: await driver.content(restoreHost(database)), found: await findServers(site) };
  });
}

/** The servers with K3s; the others are on new hosts. */
async function findServers({ servers, database, driver }: Site): Promise<FoundServers> {
  const told = await Promise.all(
    servers.map((server) => must(server, "if systemctl cat k3s >/dev/null 2>&1; then echo yes; fi")),
  );
  const has = (_: HostLogin, index: number) => told[index]?.trim() === "yes";
  return {
    running: servers.filter(has),
    missing: servers.filter((server, index) => !has(server, index)),
    hasAccounts: await driver.admitsServers(restoreHost(database)),
  };
}

async function siteOf(workspace: Workspace): Promise<Site> {
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
  const { backup, datastore, k3s } = settings;
  const driver = restoreDriver(datastore);
  const [servers, agents, [database, ...otherDatabases]] = await Promise.all([
    of("server"),
    of("agent"),
    of(driver?.role ?? "datastore"),
  ]);
  if (database === undefined || driver === undefined || backup === undefined) {
    throw new Error(
      "This program does not run this stack's datastore, and a restore exchanges tables with the administrator's rights. docs/restore.md describes how to restore it by hand.",
    );
  }
  return {
    servers,
    agents,
    lost: Object.entries(settings.hosts).flatMap(([name, { host }]) => (host.standIn === undefined ? [] : [name])),
    database,
    otherDatabases,
    backup: await loginOf(backup.hostName, settings.hosts[backup.hostName]?.path ?? "k3s-ha:backup.host", backup.host),
    driver,
    readySeconds: k3s.readySeconds,
    pools: Object.values(settings.agentPools).map(({ hosts, waveWidth }) => ({ names: Object.keys(hosts), waveWidth })),
    k3sVersion: k3s.version,
  };
}

const stopScript = `systemctl stop k3s
! systemctl is-active --quiet k3s
`;

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
async function nodesReady({ servers: [first], servers, agents, readySeconds }: Site): Promise<void> {
  if (first === undefined) return;
  const names = [...servers, ...agents].map(({ name }) => `node/${name}`).join(" ");
  await must(
    first,
    `k3s kubectl wait --for=condition=Ready --timeout=${readySeconds}s ${names}
`,
    readySeconds + 30,
  );
}
