/** Keeps the sandbox's download server running: started with the hosts, ended by `down`. */
import { mkdir, readFile, rm, symlink } from "node:fs/promises";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isAlive, signal, startDetached, goneWithin, type ProcessIdentity } from "./processes.ts";
import { machineAddress, pathsOf, readRecord, writeWhole, type Site } from "./state.ts";

const port = 8080;

/** A K3s release to serve. */
export interface ServedRelease {
  /** As on GitHub, e.g. `v1.35.0+k3s1`. */
  readonly version: string;
  /** Path of the file `k3s`. The checksum file that K3s publishes is beside it. */
  readonly binary: string;
}

/** Base address of the mirror, without a slash at its end: `<it>/<version>/k3s`, `<it>/debian/`. */
export function mirrorUrl(site: Site): string {
  return `http://${machineAddress(site)}:${port}`;
}

/** Adds releases and the package repository to what the mirror serves, and starts it unless it runs. */
export async function serveMirror(site: Site, releases: readonly ServedRelease[], repository: string): Promise<void> {
  const { mirror } = pathsOf(site);
  const root = join(mirror, "root");
  await mkdir(root, { recursive: true });
  await link(join(root, "debian"), repository);
  for (const { version, binary } of releases) await link(join(root, version), dirname(binary));

  const record = join(mirror, "process.json");
  if (await isAlive(await readRecord<ProcessIdentity>(record))) return;
  const log = join(mirror, "mirror.log");
  const program = join(import.meta.dirname, "releaseMirror.ts");
  const identity = await startDetached(
    [process.execPath, "--disable-warning=ExperimentalWarning", program, machineAddress(site), String(port), root],
    log,
  );
  await writeWhole(record, JSON.stringify(identity));
  for (let tries = 0; !(await listens(site)); tries++) {
    if (tries > 200 || !(await isAlive(identity))) {
      throw new Error(`The mirror on ${mirrorUrl(site)} did not start. ${log}:\n${await readFile(log, "utf8")}`);
    }
    await sleep(50);
  }
}

/** Ends the mirror and forgets what it served. Nothing happens when there is none. */
export async function stopMirror(site: Site): Promise<void> {
  const { mirror } = pathsOf(site);
  const identity = await readRecord<ProcessIdentity>(join(mirror, "process.json"));
  if (identity) {
    await signal(identity, "SIGTERM");
    if (!(await goneWithin(identity, 5000))) await signal(identity, "SIGKILL");
  }
  await rm(mirror, { recursive: true, force: true });
}

async function link(path: string, target: string): Promise<void> {
  await rm(path, { force: true });
  await symlink(target, path);
}

function listens(site: Site): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, machineAddress(site));
    socket.once("connect", () => {
      resolve(true);
      socket.destroy();
    });
    socket.once("error", () => {
      resolve(false);
    });
  });
}
