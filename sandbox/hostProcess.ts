/**
 * Runs hosts: each is a systemd-nspawn container with all of a machine's rights inside its own namespaces, in a session
 * of its own, so that it stays when the command that started it ends.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { makeControlGroups, membersOf, removeControlGroups } from "./controlGroups.ts";
import { runsK3s } from "./hostCatalog.ts";
import { overlayOptions } from "./hostDisk.ts";
import { readHost, writeHost, type HostRecord } from "./hostRecord.ts";
import { bridge, bridgePorts, namespacePath } from "./network.ts";
import { goneWithin, identityOf, isAlive, signal, startDetached, type ProcessIdentity } from "./processes.ts";
import { pathsOf, type Site } from "./state.ts";

/** Signal number of SIGRTMIN+4, on which systemd as a host's init powers off in good order. */
const powerOffSignal = 38;

/**
 * Joins the host's control groups, mounts its disk where only the host sees it, and becomes the host.
 * Arguments: mount options, mount point, control groups …, --, the command.
 */
const launcher = `set -euo pipefail
options=$1 root=$2; shift 2
while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs"; shift; done; shift
mount -t overlay overlay -o "$options" "$root"
exec "$@"`;

/** Path of what the host's console printed since its first start. */
export function consoleLog(site: Site, name: string): string {
  return join(pathsOf(site).host(name), "console.log");
}

/** True while the host is switched on. */
export function isRunning(host: HostRecord): Promise<boolean> {
  return isAlive(host.process);
}

/** Switches the host on; returns its record with the process in it. It is not ready yet. */
export async function startHost(site: Site, host: HostRecord): Promise<HostRecord> {
  await cutPower(site, host.name);
  const directory = pathsOf(site).host(host.name);
  const root = join(directory, "root");
  const groups = await makeControlGroups(site, host.name);
  const nspawn = [
    "systemd-nspawn",
    ...["--quiet", "--boot", "--register=no", "--keep-unit", "--capability=all", "--console=read-only"],
    ...["--link-journal=no", "--resolv-conf=off", "--timezone=off"],
    ...[`--machine=${host.name}`, `--directory=${root}`, `--network-bridge=${bridge}`],
    ...(runsK3s(host.role) ? ["--bind=/dev/kmsg"] : []),
  ];
  const process = await startDetached(
    [
      ...(["unshare", "--mount", "--propagation", "private"] as const),
      ...["bash", "-c", launcher, "launch", await overlayOptions({ directory, layers: host.layers }), root],
      ...[...groups, "--", "nsenter", `--net=${namespacePath(site)}`, ...nspawn],
    ],
    consoleLog(site, host.name),
    // The host's systemd may change its own network's settings in /proc/sys, and no others.
    { SYSTEMD_SECCOMP: "0", SYSTEMD_NSPAWN_API_VFS_WRITABLE: "network" },
  );
  const started = { ...host, process, startedAt: new Date().toISOString() };
  await writeHost(site, started);
  return started;
}

/** Cuts the host's power: all its processes end now, and nothing is written any more. Returns when its port is gone. */
export async function cutPower(site: Site, name: string): Promise<void> {
  const host = await readHost(site, name);
  if (host?.process) await signal(host.process, "SIGKILL");
  for (;;) {
    const members = await membersOf(site, name);
    if (members.length === 0) break;
    for (const pid of members) kill(pid);
    await sleep(20);
  }
  while ((await bridgePorts(site)).includes(`vb-${name}`)) await sleep(20);
  await removeControlGroups(site, name);
}

/** Shuts the host down in good order; false when it was still running after `milliseconds`. */
export async function shutDown(site: Site, host: HostRecord, milliseconds = 90_000): Promise<boolean> {
  if (host.process === undefined || !(await isAlive(host.process))) return true;
  const init = await initOf(site, host.name, host.process);
  if (init) await signal(init, powerOffSignal);
  if (!(await goneWithin(host.process, milliseconds))) return false;
  await cutPower(site, host.name);
  return true;
}

/** The host's process 1, seen from here: the child of the container's process that is number 1 in its own namespace. */
async function initOf(site: Site, name: string, parent: ProcessIdentity): Promise<ProcessIdentity | undefined> {
  for (const pid of await membersOf(site, name)) {
    const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
    const isInit = /^NSpid:\s\d+\s1$/m.test(status) && status.includes(`\nPPid:\t${parent.pid}\n`);
    if (isInit) return identityOf(pid);
  }
  return undefined;
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
