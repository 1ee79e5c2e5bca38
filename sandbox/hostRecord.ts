/** What the sandbox remembers of each host, in `host.json` in the host's directory. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { CatalogHost } from "./hostCatalog.ts";
import type { Flavour } from "./image.ts";
import type { ProcessIdentity } from "./processes.ts";
import { pathsOf, readRecord, writeWhole, type Site } from "./state.ts";

/** Who logs in: root, or `admin`, who may do all with sudo, on a host that refuses root over SSH. */
export type Login = "root" | "admin";

/** A host that has been made. */
export interface HostRecord extends CatalogHost {
  readonly login: Login;
  readonly flavour: Flavour;
  /** The image's layers that the host's disk lies on, the topmost first. */
  readonly layers: readonly string[];
  /** The host's public key, as in known_hosts: type and key. */
  readonly hostKey: string;
  /** The process that runs the host since its last start. It may be gone: the record says nothing about that. */
  readonly process?: ProcessIdentity;
  /** When it was last started. ISO 8601. */
  readonly startedAt?: string;
}

/** Reads a host's record; undefined when there is no such host, or only half of one. */
export function readHost(site: Site, name: string): Promise<HostRecord | undefined> {
  return readRecord<HostRecord>(recordPath(site, name));
}

/** Writes a host's record: from then on the host exists. */
export async function writeHost(site: Site, host: HostRecord): Promise<void> {
  await writeWhole(recordPath(site, host.name), `${JSON.stringify(host, undefined, 2)}\n`);
}

/** Removes a host's record: what else there is of it is what a run that was killed would leave. */
export async function forgetHost(site: Site, name: string): Promise<void> {
  await rm(recordPath(site, name));
}

/** All hosts that exist, by address. */
export async function readHosts(site: Site): Promise<HostRecord[]> {
  const names = await hostDirectories(site);
  const hosts = (await Promise.all(names.map((name) => readHost(site, name)))).filter((host) => host !== undefined);
  const octet = ({ address }: HostRecord) => Number(address.split(".")[3]);
  return hosts.sort((a, b) => octet(a) - octet(b));
}

/** Names of all that has a directory, among them hosts that were never finished. */
export async function hostDirectories(site: Site): Promise<string[]> {
  try {
    return await readdir(pathsOf(site).hosts);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function recordPath(site: Site, name: string): string {
  return join(pathsOf(site).host(name), "host.json");
}
