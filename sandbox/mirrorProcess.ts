/**
 * Keeps the sandbox's download server running: started with the hosts, ended by `down`. It listens on the bridge, in the
 * hosts' network and out of the machine's, so that no firewall of the machine stands between it and the hosts.
 */
import { mkdir, readFile, rm, symlink } from "node:fs/promises";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { joinAndRun, killGroup, makeControlGroups, membersOf } from "./controlGroups.ts";
import { namespacePath } from "./network.ts";
import { isAlive, startDetached } from "./processes.ts";
import { bridgeAddress, pathsOf, type Site } from "./state.ts";

const port = 8080;

/** Its control group, by which it is found whatever became of the run that started it. No host has this name. */
export const mirrorGroup = "mirror";

/** A K3s release to serve. */
export interface ServedRelease {
  /** As on GitHub, e.g. `v1.35.0+k3s1`. */
  readonly version: string;
  /** Path of the file `k3s`. The checksum file that K3s publishes is beside it. */
  readonly binary: string;
}

/** Base address of the mirror, without a slash at its end: `<it>/<version>/k3s`, `<it>/debian/`. */
export function mirrorUrl(site: Site): string {
  return `http://${bridgeAddress(site)}:${port}`;
}

/** Adds releases and the package repository to what the mirror serves, and starts it unless it runs. */
export async function serveMirror(site: Site, releases: readonly ServedRelease[], repository: string): Promise<void> {
  const { mirror } = pathsOf(site);
  const root = join(mirror, "root");
  await mkdir(root, { recursive: true });
  await link(join(root, "debian"), repository);
  for (const { version, binary } of releases) await link(join(root, version), dirname(binary));

  if ((await listens(site)) && (await mirrorPids(site)).length > 0) return;
  await killGroup(site, mirrorGroup);
  const groups = await makeControlGroups(site, mirrorGroup);
  const log = join(mirror, "mirror.log");
  const program = join(import.meta.dirname, "releaseMirror.ts");
  const node = [process.execPath, "--disable-warning=ExperimentalWarning", program];
  const enter = ["nsenter", `--net=${namespacePath(site)}`];
  const identity = await startDetached(
    ["bash", "-c", joinAndRun, "launch", ...groups, "--", ...enter, ...node, bridgeAddress(site), String(port), root],
    log,
  );
  for (let tries = 0; !(await listens(site)); tries++) {
    if (tries > 200 || !(await isAlive(identity))) {
      throw new Error(`The mirror on ${mirrorUrl(site)} did not start. ${log}:\n${await readFile(log, "utf8")}`);
    }
    await sleep(50);
  }
}

/** The mirror's processes; empty when it does not run. */
export function mirrorPids(site: Site): Promise<number[]> {
  return membersOf(site, mirrorGroup);
}

/** Ends the mirror and forgets what it served. Nothing happens when there is none. */
export async function stopMirror(site: Site): Promise<void> {
  await killGroup(site, mirrorGroup);
  await rm(pathsOf(site).mirror, { recursive: true, force: true });
}

async function link(path: string, target: string): Promise<void> {
  await rm(path, { force: true });
  await symlink(target, path);
}

function listens(site: Site): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, bridgeAddress(site));
    socket.once("connect", () => {
      resolve(true);
      socket.destroy();
    });
    socket.once("error", () => {
      resolve(false);
    });
  });
}
