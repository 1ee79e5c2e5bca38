/**
 * Puts a backup in the place of what the datastore holds: servers stopped, what is there kept, the backup imported beside
 * it and checked, both exchanged in one step, then the servers again, one after the other, and the agents. Every step may
 * be repeated, so a restore that was interrupted is finished by running it again.
 */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { backupProgramPath } from "../components/render/backupProgram.ts";
import { renderHostScript } from "../components/render/hostScript.ts";
import { say, secondsSince, step } from "../build/progress.ts";
import { type HostLogin, loginOf } from "../components/host/hostLogin.ts";
import { type AgentWave, inPoolWaves } from "./agentWaves.ts";
import { runOnHost } from "../components/host/hostShell.ts";
import {
  type Current,
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

const restoreDirectory = "/var/lib/k3s-ha/restore";
const dumpPath = `${restoreDirectory}/kine.sql.zst`;

/** Seconds that reading, moving or importing a datastore may take: some GiB take minutes. */
const dataSeconds = 3600;

/**
 * Restores a backup of the stack's cluster, and tells what was done and what is lost. False when it was not confirmed.
 *
 * @throws an error with a sentence when it cannot go on; what it says tells what state the cluster is in.
 */
export async function restoreBackup(workspace: Workspace, options: RestoreOptions): Promise<boolean> {
  const start = performance.now();
  let reached: Reached = "nothing";
  try {
    const scene = await sceneOf(workspace);
    const identity = options.identityFile === undefined ? undefined : await readIdentity(options.identityFile);
    const { manifest, current } = await lookAtBoth(scene, options);
    if (!(await options.confirm(planOf(manifest, current, scene, new Date())))) return false;
    const started = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
    const run = (name: string) => runPhase(scene, manifest, started, name);
    const phase = (name: string, title: string) =>
      step(title, async () => {
        for (const line of (await run(name)).trim().split("\n")) if (line !== "") say(`  ${line}`);
      });
    // Before anything is stopped: a full disk, a wrong key, or a backup that is damaged, costs no minute of the API.
    await phase("room", `Look for space on ${scene.database.name}`);
    await step(`Open backup ${manifest.id} on ${scene.backup.name}`, () => extract(scene, manifest.id, identity));
    reached = "stopped";
    await step(`Stop K3s on ${namesOf(scene.servers)}`, () =>
      Promise.all(scene.servers.map((server) => must(server, stopScript))),
    );
    const stopped = await step(`Keep other servers out of the datastore on ${scene.database.name}`, async () =>
      currentOf(await run("lock")),
    );
    await phase("prepare", "Keep what is there, and import the backup beside it");
    await phase("swap", "Exchange the two");
    reached = "exchanged";
    await phase("open", "Let the servers in again");
    await startAll(scene, started);
    say(`Backup ${manifest.id} is restored, in ${secondsSince(start)}, and every node is Ready.
${lossOf(manifest, stopped)}
Now: make status; look at what matters to you; then remove what is kept of before, as said above.`);
    return true;
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${stateAfter(reached)}`, { cause: error });
  }
}

/** The backup that is wanted, and what the datastore holds. */
async function lookAtBoth(
  scene: RestoreScene,
  options: RestoreOptions,
): Promise<{ manifest: Manifest; current: Current | undefined }> {
  const wanted = options.fromCopy === true ? await fetchCopy(scene.backup, options.backup) : options.backup;
  return step(
    `Look at the backup on ${scene.backup.name}, and at the datastore on ${scene.database.name}`,
    async () => {
      const shown = await must(scene.backup, `${backupProgramPath} show ${shellWord(wanted)}`);
      const manifest = JSON.parse(shown) as Manifest;
      refuseNewerRelease(manifest, scene.k3sVersion);
      return { manifest, current: await readCurrent(scene) };
    },
  );
}

async function startAll(scene: RestoreScene, started: string): Promise<void> {
  const { servers, agents, readySeconds } = scene;
  for (const server of servers) {
    await step(`Start ${server.name} and prove it`, () => restart(server, "k3s", started, readySeconds));
  }
  await step("Restart the agents", () =>
    inPoolWaves(scene.pools, agents, (agent) => restart(agent, "k3s-agent", started, readySeconds)),
  );
  await step("Wait until every node is Ready", () => nodesReady(scene));
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
      "This stack's datastore is run by somebody else, and a restore exchanges tables as its administrator: docs/restore.md tells how to do that by hand.",
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

async function readIdentity(path: string): Promise<string> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw new Error(`The key file ${path} cannot be read: ${(error as Error).message}`);
  });
  if (!/^AGE-SECRET-KEY-/m.test(text)) {
    throw new Error(
      `The key file ${path} holds no key of age: it has to have a line that begins with AGE-SECRET-KEY-.`,
    );
  }
  return text;
}

/** A word that needs no quoting; ids of backups are such words. */
function shellWord(text: string): string {
  if (/^[A-Za-z0-9-]+$/.test(text)) return text;
  throw new Error(`BACKUP has to be "latest" or the id of a backup, such as 20260131T031700Z-48210, and is "${text}".`);
}

async function fetchCopy(backup: HostLogin, wanted: string): Promise<string> {
  return step(`Fetch the copy ${wanted} to ${backup.name}`, async () =>
    (await must(backup, `${backupProgramPath} fetch ${shellWord(wanted)}`, dataSeconds)).trim(),
  );
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

/** The dump, in the clear, open to root alone, on the database's host. */
async function extract({ backup, database }: RestoreScene, id: string, identity: string | undefined): Promise<void> {
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

async function runPhase(hosts: RestoreScene, manifest: Manifest, started: string, phase: string): Promise<string> {
  const script = renderHostScript({
    body: "datastoreRestore",
    parts: ["sqlImport", "datastoreExchange"],
    variables: {
      host_name: hosts.database.name,
      database: hosts.databaseName,
      k3s_user: "k3s",
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
    body: "k3sRestart",
    variables: {
      host_name: host.name,
      unit,
      started,
      ready_seconds: readySeconds,
      secrets_path: "/etc/rancher/k3s/config.yaml.d/90-k3s-ha-secrets.yaml",
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

/** What a script of ours prints; throws with its errors, which are sentences. */
async function mustApply(host: HostLogin, script: string, seconds: number): Promise<string> {
  const { stdout, stderr, exitCode } = await runOnHost(host, script, { seconds });
  if (exitCode !== 0) throw new Error(errorOf(host.name, stderr) || `${host.name}: the script ended with ${exitCode}`);
  return stdout;
}

/** What a script complained of, with the host's name in the place of the backup program's. */
function errorOf(name: string, stderr: string): string {
  return stderr.trim().replace(/^k3s-ha-backup: /gm, `${name}: `);
}

/** In braces, so that bash has read all of it before a program could read on in its place. */
function must(host: HostLogin, lines: string, seconds = 120): Promise<string> {
  const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  return mustApply(host, `{\nset -euo pipefail\nexport PATH=${path}\n${lines}\n} </dev/null\n`, seconds);
}
