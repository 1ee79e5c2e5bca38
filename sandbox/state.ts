/**
 * Where a sandbox lives on this machine. Commands work in one, `machineSite`; the environment can name another, with a
 * directory, a name and a block of addresses of its own, so that the tests leave running hosts alone.
 */
import { randomBytes } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** One sandbox on this machine. Two sites share nothing but the cache. */
export interface Site {
  /** Names the network namespace, the machine's network interface, the control groups and the locks. ≤ 15 characters. */
  readonly name: string;
  /** All that the sandbox keeps on this machine, except what can be made again (the cache). Mode 0700. */
  readonly stateDirectory: string;
  /** First three octets of the /24 that its hosts live in. */
  readonly addressPrefix: string;
}

/** The sandbox of `make up`. Its addresses are documentation addresses (RFC 5737): no hosts have them. */
export const defaultSite: Site = {
  name: "k3s-ha",
  stateDirectory: "/var/lib/k3s-ha-sandbox",
  addressPrefix: "198.51.100",
};

/** The sandbox that commands work in. */
export const machineSite: Site = siteNumbered(process.env["K3S_HA_SANDBOX"]);

/**
 * The site that `K3S_HA_SANDBOX` names: a number from 1 to 9, or nothing for the default one. Addresses of numbered
 * sites are those for measurements between networks (RFC 2544): no hosts have them either.
 */
export function siteNumbered(number: string | undefined): Site {
  if (number === undefined || number === "") return defaultSite;
  if (!/^[1-9]$/.test(number)) {
    throw new Error(`K3S_HA_SANDBOX is "${number}"; it has to be a number from 1 to 9, or unset.`);
  }
  return {
    name: `${defaultSite.name}-${number}`,
    stateDirectory: `${defaultSite.stateDirectory}-${number}`,
    addressPrefix: `198.18.${number}`,
  };
}

/** A configuration that is written for the default site, as it has to read for another. */
export function atSite(configuration: string, site: Site): string {
  return configuration
    .replaceAll(`${defaultSite.addressPrefix}.`, `${site.addressPrefix}.`)
    .replaceAll(`${defaultSite.stateDirectory}/`, `${site.stateDirectory}/`);
}

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
    pulumi: join(state, "pulumi"),
    checkpoints: join(state, "checkpoints"),
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
    throw new Error(`${path} is damaged; run \`make down\` to start over`, {
      cause: error,
    });
  }
}
