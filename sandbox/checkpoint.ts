/**
 * Checkpoints: what all hosts had on their disks when they were shut down together, and what Pulumi knew of the stacks
 * then. No disk is copied: it becomes one more layer, which nothing writes to any more, under a new and empty one, so
 * hosts are put back as fast as they boot. Checkpoints belong to the sandbox, and `down` removes them with it.
 */
import { cp, mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { exists } from "../build/cache.ts";
import { runsK3s } from "./hostCatalog.ts";
import { makeDisk } from "./hostDisk.ts";
import { cutPower, shutDown, startHost } from "./hostProcess.ts";
import { forgetHost, hostDirectories, readHosts, writeHost, type HostRecord } from "./hostRecord.ts";
import { raiseLimits } from "./machineLimits.ts";
import { makeNetwork } from "./network.ts";
import { step } from "../build/progress.ts";
import { waitUntilReady } from "./readiness.ts";
import { holdingSandbox } from "./sandbox.ts";
import { writeKnownHosts } from "./ssh.ts";
import { machineSite, pathsOf, readRecord, writeWhole, type Site } from "./state.ts";

/** What is put back. Written last: without it there is no checkpoint. */
interface Checkpoint {
  /** The hosts, off; their disks' topmost layer is the checkpoint's. */
  readonly hosts: readonly HostRecord[];
}

/**
 * Shuts all hosts down in good order, keeps their disks and the stacks' state under a name, and switches the hosts on
 * again. Throws when there is a checkpoint of that name. Killed half-way, it leaves hosts that `up` makes again.
 */
export function saveCheckpoint(name: string, site: Site = machineSite): Promise<void> {
  const work = async () => {
    const directory = directoryOf(site, name);
    const hosts = await readHosts(site);
    if (hosts.length === 0) throw new Error("The sandbox has no hosts: run `make up` first.");
    if ((await readCheckpoint(site, name)) !== undefined) {
      throw new Error(`The checkpoint "${name}" exists, and hosts may depend on it: choose another name.`);
    }
    await rm(directory, { recursive: true, force: true });
    await step(`Shut down ${hosts.map((host) => host.name).join(", ")}`, () => shutDownAll(site, hosts));
    await mkdir(join(directory, "hosts"), { recursive: true });
    const kept: HostRecord[] = [];
    for (const host of hosts) {
      const layer = join(directory, "hosts", host.name);
      await forgetHost(site, host.name);
      await rename(join(pathsOf(site).host(host.name), "upper"), layer);
      kept.push({ ...host, layers: [layer, ...host.layers] });
    }
    const { pulumi } = pathsOf(site);
    if (await exists(pulumi)) await cp(pulumi, join(directory, "pulumi"), { recursive: true });
    await writeWhole(recordOf(directory), JSON.stringify({ hosts: kept } satisfies Checkpoint));
    await putBack(site, directory, { hosts: kept });
  };
  return holdingSandbox("checkpoint", work, site);
}

/**
 * Puts all hosts and stacks back to a checkpoint, and returns when the hosts are ready. What hosts have now is lost, and
 * so are hosts that the checkpoint does not have. Throws when there is none of that name.
 */
export function restoreCheckpoint(name: string, site: Site = machineSite): Promise<void> {
  const work = async () => {
    const checkpoint = await readCheckpoint(site, name);
    if (checkpoint === undefined) {
      const names = await checkpointNames(site);
      throw new Error(
        `The sandbox has no checkpoint "${name}"; it has ${names.length === 0 ? "none" : names.join(", ")}.`,
      );
    }
    await putBack(site, directoryOf(site, name), checkpoint);
  };
  return holdingSandbox("restore", work, site);
}

async function putBack(site: Site, directory: string, { hosts }: Checkpoint): Promise<void> {
  const { pulumi } = pathsOf(site);
  for (const name of await hostDirectories(site)) {
    await cutPower(site, name);
    await rm(pathsOf(site).host(name), { recursive: true, force: true });
  }
  await rm(pulumi, { recursive: true, force: true });
  if (await exists(join(directory, "pulumi"))) await cp(join(directory, "pulumi"), pulumi, { recursive: true });
  for (const host of hosts) {
    await makeDisk({ directory: pathsOf(site).host(host.name), layers: host.layers });
    await writeHost(site, host);
  }
  await writeKnownHosts(site);
  await raiseLimits(site);
  await makeNetwork(site);
  // K3s waits for its datastore, but not for ever.
  for (const wave of [false, true]) {
    const now = hosts.filter(({ role }) => runsK3s(role) === wave);
    const boots = () => Promise.all(now.map(async (host) => waitUntilReady(site, await startHost(site, host))));
    if (now.length > 0) await step(`Boot ${now.map(({ name }) => name).join(", ")}`, boots);
  }
}

/** What needs the others comes first. */
async function shutDownAll(site: Site, hosts: readonly HostRecord[]): Promise<void> {
  for (const wave of [true, false]) {
    const now = hosts.filter(({ role }) => runsK3s(role) === wave);
    const clean = await Promise.all(now.map((host) => shutDown(site, host)));
    const still = now.filter((_, index) => clean[index] !== true).map(({ name }) => name);
    if (still.length > 0) throw new Error(`${still.join(", ")} does not shut down; see its console.`);
  }
}

function readCheckpoint(site: Site, name: string): Promise<Checkpoint | undefined> {
  return readRecord<Checkpoint>(recordOf(directoryOf(site, name)));
}

async function checkpointNames(site: Site): Promise<string[]> {
  const { checkpoints } = pathsOf(site);
  const names = (await exists(checkpoints)) ? await readdir(checkpoints) : [];
  const found = await Promise.all(names.map(async (name) => ((await readCheckpoint(site, name)) ? [name] : [])));
  return found.flat().sort();
}

function directoryOf(site: Site, name: string): string {
  if (!/^[a-z0-9][a-z0-9-]*$/.test(name)) {
    throw new Error(`"${name}" is not a name for a checkpoint: use lower-case letters, digits and dashes.`);
  }
  return join(pathsOf(site).checkpoints, name);
}

function recordOf(directory: string): string {
  return join(directory, "checkpoint.json");
}
