/**
 * Puts a backup in the place of what the datastore holds: servers stopped, what is there kept, the backup imported beside
 * it and checked, both exchanged in one step, then the servers again, one after the other, and the agents. Every step may
 * be repeated, so a restore that was interrupted is finished by running it again.
 */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { backupProgramPath } from "../components/render/backupProgram.ts";
import { renderHostScript } from "../components/render/hostScript.ts";
import { say, secondsSince, step } from "../sandbox/progress.ts";
import { type HostLogin, loginOf } from "./hostLogin.ts";
import { runOnHost } from "./hostShell.ts";
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

/** What a backup's manifest says that a restore needs. */
interface Manifest {
  id: string;
  k3sVersion: string;
  rows: number;
  revision: number;
  startedAt: string;
  tokenFingerprint: string;
}

/** What the datastore holds before the restore. */
interface Current {
  rows: number;
  revision: number;
}

/** The hosts of a stack that a restore works on. */
interface RestoreHosts {
  servers: HostLogin[];
  agents: HostLogin[];
  database: HostLogin;
  backup: HostLogin;
  databaseName: string;
  readySeconds: number;
  k3sVersion: string;
}

const restoreDirectory = "/var/lib/k3s-ha/restore";
const dumpPath = `${restoreDirectory}/kine.sql.zst`;

/** What was in the datastore before a restore is kept here, on the database's host, until somebody removes it. */
const safetyDirectory = "/var/backups/k3s-ha-before-restore";

/** Seconds that reading, moving or importing a datastore may take: some GiB take minutes. */
const dataSeconds = 3600;

/**
 * Restores a backup of the stack's cluster, and tells what was done and what is lost. False when it was not confirmed.
 *
 * @throws an error with a sentence when it cannot go on; what it says tells what state the cluster is in.
 */
export async function restoreBackup(workspace: Workspace, options: RestoreOptions): Promise<boolean> {
  const start = performance.now();
  const hosts = await restoreHosts(workspace);
  const started = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
  const identity = options.identityFile === undefined ? undefined : await readIdentity(options.identityFile);

  const wanted = options.fromCopy === true ? await fetchCopy(hosts.backup, options.backup) : options.backup;
  const manifest = JSON.parse(await must(hosts.backup, `${backupProgramPath} show ${shellWord(wanted)}`)) as Manifest;
  refuseNewerRelease(manifest, hosts.k3sVersion);
  const current = await readCurrent(hosts);
  if (!(await options.confirm(planOf(manifest, current, hosts)))) return false;

  // Opened before anything is stopped: a wrong key, or a backup that is damaged, costs no minute of the API.
  await step(`Open backup ${manifest.id} on ${hosts.backup.name}`, () => extract(hosts, manifest.id, identity));
  await step(`Stop K3s on ${namesOf(hosts.servers)}`, () =>
    Promise.all(hosts.servers.map((server) => must(server, stopScript))),
  );
  const phase = (name: string, title: string) =>
    step(title, async () => {
      for (const line of (await runPhase(hosts, manifest, started, name)).trim().split("\n")) {
        if (line !== "") say(`  ${line}`);
      }
    });
  await phase("prepare", "Keep what is there, and import the backup beside it");
  await phase("swap", "Exchange the two");
  await phase("open", "Let the servers in again");
  for (const server of hosts.servers) {
    await step(`Start ${server.name} and prove it`, () => restart(server, "k3s", started, hosts.readySeconds));
  }
  await step("Restart the agents", () =>
    Promise.all(hosts.agents.map((agent) => restart(agent, "k3s-agent", started, hosts.readySeconds))),
  );
  await step("Wait until every node is Ready", () => nodesReady(hosts));
  say(`Backup ${manifest.id} is restored, in ${secondsSince(start)}. ${lossOf(manifest, current)}`);
  return true;
}

async function restoreHosts(workspace: Workspace): Promise<RestoreHosts> {
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
    database,
    backup: await loginOf(backup.hostName, settings.hosts[backup.hostName]?.path ?? "k3s-ha:backup.host", backup.host),
    databaseName: datastore.managed.database,
    readySeconds: k3s.readySeconds,
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

/** A release that is older than the one that wrote the data may not be able to read them. */
function refuseNewerRelease({ id, k3sVersion }: Manifest, configured: string): void {
  const numbers = (version: string) => (version.match(/\d+/g) ?? []).map(Number);
  const [taken, now] = [numbers(k3sVersion), numbers(configured)];
  const differs = taken.findIndex((number, index) => number !== now[index]);
  if (differs === -1 || (taken[differs] ?? 0) < (now[differs] ?? 0)) return;
  throw new Error(
    `Backup ${id} was taken with K3s ${k3sVersion}, and the stack runs ${configured}, which may not read what a newer release wrote. Set k3s-ha:k3s.version to ${k3sVersion}, run up, then restore.`,
  );
}

function planOf(manifest: Manifest, current: Current | undefined, hosts: RestoreHosts): string {
  const now =
    current === undefined
      ? `The datastore on ${hosts.database.name} holds nothing now.`
      : `The datastore on ${hosts.database.name} holds ${current.rows} rows up to revision ${current.revision} now; they are kept.`;
  return `Restore backup ${manifest.id} of K3s ${manifest.k3sVersion}: ${manifest.rows} rows up to revision ${manifest.revision}, read at ${manifest.startedAt}.
${now}
${lossOf(manifest, current)}
While it lasts the API is down: K3s stops on ${namesOf(hosts.servers)}, and starts again one by one; then ${hosts.agents.length === 0 ? "no agent has to be restarted" : `${namesOf(hosts.agents)} restart`}. Pods keep running.`;
}

function lossOf(manifest: Manifest, current: Current | undefined): string {
  const since = `What the cluster was told after ${manifest.startedAt} is lost`;
  if (current === undefined) return `${since}.`;
  const revisions = current.revision - manifest.revision;
  // An emptier cluster than the one of the backup tells nothing of what that one was told later.
  if (revisions < 0) return `${since}; the datastore is at an earlier revision now, ${current.revision}.`;
  if (revisions === 0) return "Nothing is lost: the datastore has no later revision.";
  return `${since}: ${revisions} revisions, from ${manifest.revision + 1} to ${current.revision}.`;
}

function namesOf(hosts: readonly HostLogin[]): string {
  return hosts.map(({ name }) => name).join(", ");
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

async function readCurrent({ database, databaseName }: RestoreHosts): Promise<Current | undefined> {
  const answer = await must(
    database,
    `if [[ $(mariadb -N -e "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = '${databaseName}' AND table_name = 'kine'") == 1 ]]; then
  mariadb -N -e "SELECT COUNT(*), COALESCE(MAX(id), 0) FROM \\\`${databaseName}\\\`.kine"
fi
`,
  );
  const [rows, revision] = answer.trim().split(/\s+/).map(Number);
  return answer.trim() === "" ? undefined : { rows: rows ?? 0, revision: revision ?? 0 };
}

/** The dump, in the clear, open to root alone, on the database's host. */
async function extract({ backup, database }: RestoreHosts, id: string, identity: string | undefined): Promise<void> {
  const end = `__KEY_${randomBytes(8).toString("hex")}__`;
  const key = identity === undefined ? "" : ` --identity <(cat <<'${end}'\n${identity.trimEnd()}\n${end}\n)`;
  await must(
    backup,
    `umask 077; mkdir -p ${restoreDirectory}; chmod 0700 ${restoreDirectory}
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

async function runPhase(hosts: RestoreHosts, manifest: Manifest, started: string, phase: string): Promise<string> {
  const script = renderHostScript({
    body: "datastoreRestore",
    variables: {
      host_name: hosts.database.name,
      database: hosts.databaseName,
      k3s_user: "k3s",
      safety_directory: safetyDirectory,
      started,
      phase,
      expected_rows: manifest.rows,
      expected_revision: manifest.revision,
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
async function nodesReady({ servers: [first], servers, agents, readySeconds }: RestoreHosts): Promise<void> {
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
  if (exitCode !== 0) throw new Error(stderr.trim() || `${host.name}: the script ended with ${exitCode}`);
  return stdout;
}

/** In braces, so that bash has read all of it before a program could read on in its place. */
function must(host: HostLogin, lines: string, seconds = 120): Promise<string> {
  const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  return mustApply(host, `{\nset -euo pipefail\nexport PATH=${path}\n${lines}\n} </dev/null\n`, seconds);
}
