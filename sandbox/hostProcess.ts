/**
 * Runs hosts: each is a systemd-nspawn container with all of a machine's rights inside its own namespaces, in a session
 * of its own, so that it stays when the command that started it ends.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { forgetBoot } from "./bootReport.ts";
import { joinAndRun, killGroup, makeControlGroups, membersOf } from "./controlGroups.ts";
import { runsK3s } from "./hostCatalog.ts";
import { overlayOptions } from "./hostDisk.ts";
import { writeHost, type HostRecord } from "./hostRecord.ts";
import { bridge, bridgePorts, namespacePath, portOf, unplug } from "./network.ts";
import { goneWithin, identityOf, isAlive, signal, startDetached, type ProcessIdentity } from "./processes.ts";
import { pathsOf, type Site } from "./state.ts";

/** Signal number of SIGRTMIN+4, on which systemd as a host's init powers off in good order. */
const powerOffSignal = 38;

/**
 * Mounts the host's disk where only the host sees it, and becomes the host. What nspawn notes of it for the machine's
 * other tools, and would leave behind, is removed with it. Arguments: options, mount point, command.
 */
const mountAndRun = `set -euo pipefail
mkdir -p /run/systemd/nspawn
mount -t tmpfs tmpfs /run/systemd/nspawn
mount -t overlay overlay -o "$1" "$2"
shift 2
exec "$@"`;

/** Path of what the host's console printed since its first start. */
export function consoleLog(site: Site, name: string): string {
  return join(pathsOf(site).host(name), "console.log");
}

/** True while the host is switched on. */
export function isRunning(host: HostRecord): Promise<boolean> {
  return isAlive(host.process);
}

/** True while the host is switched on and its cable is in the bridge. */
export async function isConnected(site: Site, host: HostRecord): Promise<boolean> {
  return (await isRunning(host)) && (await bridgePorts(site)).includes(portOf(host.name));
}

/** Switches the host on; returns its record with the process in it. It is not ready yet. */
export async function startHost(site: Site, host: HostRecord): Promise<HostRecord> {
  await cutPower(site, host.name);
  await forgetBoot(site, host.name);
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
  const overlay = await overlayOptions({ directory, layers: host.layers });
  const process = await startDetached(
    [
      ...(["bash", "-c", joinAndRun, "launch", ...groups, "--"] as const),
      ...["unshare", "--mount", "--propagation", "private", "bash", "-c", mountAndRun, "launch", overlay, root],
      ...["nsenter", `--net=${namespacePath(site)}`, ...nspawn],
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
  await killGroup(site, name);
  // The kernel takes its time, up to minutes, to take a dead host's network apart; its cable is pulled now.
  await unplug(site, name);
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
