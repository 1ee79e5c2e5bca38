/**
 * Where a sandbox lives on this machine. There is one sandbox per machine, `machineSite`, for everybody; a test of the
 * sandbox itself may describe a second site, with a directory, a name and a block of addresses of its own.
 */
import { randomBytes } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** All that the sandbox keeps on this machine, except what can be made again (the cache). Mode 0700. */
export const stateDirectory = "/var/lib/k3s-ha-sandbox";

/** One sandbox on this machine. Two sites share nothing but the cache. */
export interface Site {
  /** Names the network namespace, the machine's network interface, the control groups and the locks. ≤ 15 characters. */
  readonly name: string;
  readonly stateDirectory: string;
  /** First three octets of the /24 that its hosts live in. */
  readonly addressPrefix: string;
}

/** The machine's sandbox. Its addresses are documentation addresses (RFC 5737): nobody's hosts have them. */
export const machineSite: Site = { name: "k3s-ha", stateDirectory, addressPrefix: "198.51.100" };

/** The address block of a site, for people and for routing tables. */
export function addressBlock(site: Site): string {
  return `${site.addressPrefix}.0/24`;
}

/** The bridge's address: the hosts' gateway, and where their mirrors are. */
export function bridgeAddress(site: Site): string {
  return `${site.addressPrefix}.1`;
}

/** The machine's own address in the site. */
export function machineAddress(site: Site): string {
  return `${site.addressPrefix}.254`;
}

/** Paths of a site. */
export function pathsOf(site: Site) {
  const state = site.stateDirectory;
  return {
    owner: join(state, "owner.json"),
    hosts: join(state, "hosts"),
    host: (name: string) => join(state, "hosts", name),
    clientKey: join(state, "ssh", "id_ed25519"),
    knownHosts: join(state, "ssh", "known_hosts"),
    mirror: join(state, "mirror"),
  };
}

/** Makes the state directory, open to root alone. */
export async function makeStateDirectory(site: Site): Promise<void> {
  await mkdir(site.stateDirectory, { recursive: true, mode: 0o700 });
}

/** Writes a file so that a reader sees the old or the new content, whole, even if this process is killed. */
export async function writeWhole(path: string, content: string, mode = 0o600): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomBytes(4).toString("hex")}`;
  await writeFile(temporary, content, { mode, flush: true });
  await rename(temporary, path);
}

/** Reads a JSON file that this sandbox wrote; undefined when there is none. */
export async function readRecord<T>(path: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new Error(`${path} cannot be read as the sandbox wrote it; run \`make down\` to start over`, {
      cause: error,
    });
  }
}
