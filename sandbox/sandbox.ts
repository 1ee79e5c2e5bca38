/**
 * The sandbox: real hosts on this machine, one set per machine. Everything that changes it takes its lock, so two runs
 * at once wait for each other; a run of another checkout is refused while the first one's hosts are there.
 */
import { rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { cacheDirectory, exists } from "../build/cache.ts";
import { hostsWithControlGroups, killGroup } from "./controlGroups.ts";
import { defaultHosts, lookUpHost, runsK3s } from "./hostCatalog.ts";
import { prepareHost } from "./hostPreparation.ts";
import { cutPower, isConnected, isRunning, shutDown, startHost } from "./hostProcess.ts";
import { hostDirectories, readHost, readHosts, type HostRecord, type Login } from "./hostRecord.ts";
import { imageOf, packageRepository, type Flavour, type Image } from "./image.ts";
import { buildK3s, fetchK3s, type K3sBuild } from "./k3s/build.ts";
import type { K3sVersion } from "./k3s/releases.ts";
import { raiseLimits, restoreLimits } from "./machineLimits.ts";
import { installMachinePackages } from "./machinePackages.ts";
import { exclusively } from "./machineLock.ts";
import { mirrorGroup, serveMirror, stopMirror } from "./mirrorProcess.ts";
import { makeNetwork, removeNetwork } from "./network.ts";
import { requireFreeAddresses, requireRoom, requireRootOnLinux, thisMachine } from "./preconditions.ts";
import { claim, requireOurs } from "./owner.ts";
import { say, step } from "../build/progress.ts";
import { together } from "../build/together.ts";
import { stateOf, waitUntilReady } from "./readiness.ts";
import { makeClientKey, runScript, writeKnownHosts, type ScriptOptions, type ScriptResult } from "./ssh.ts";
import { machineSite, makeStateDirectory, pathsOf, type Site } from "./state.ts";

/** Which hosts to bring up, and what they are like. */
export interface UpOptions {
  /** Names. Default: {@link defaultHosts}. */
  readonly hosts?: readonly string[];
  /** What new hosts have on their disks, unless their name says. Default: "default". */
  readonly flavour?: Flavour;
  /** Who logs in to new hosts. Default: "root". */
  readonly login?: Login;
  /** K3s releases that the mirror serves. Default: v1.35.0+k3s1. */
  readonly releases?: readonly K3sVersion[];
  /** Manifests by file name, which new servers apply by themselves. Default: none. */
  readonly manifests?: Readonly<Record<string, string>>;
  /** What else is to be done: at the same time, once it is known that this machine can have hosts. */
  readonly meanwhile?: () => Promise<unknown>;
}

const checkout = join(import.meta.dirname, "..");

/** Processor minutes of all that is made once per machine: K3s, images of hosts, the Pulumi CLI (docs/measurements.md). */
const firstProcessorMinutes = 24;

/** What is said before all of it is made. */
export function firstTime(processors: number): string {
  const minutes = Math.ceil(firstProcessorMinutes / processors);
  return `Nothing is built on this machine yet. K3s, the hosts' images and, if its release cannot be downloaded, the Pulumi CLI are built once and kept in ${cacheDirectory}: about ${minutes} min on ${processors} idle processors.`;
}

/** Runs `work` while no other process changes the sandbox: waits for one that does, and names it. */
export function holdingSandbox<T>(purpose: string, work: () => Promise<T>, site: Site = machineSite): Promise<T> {
  return exclusively(`${site.name}-sandbox`, purpose, checkout, work);
}

/**
 * Makes the hosts that are not there, switches on those that are off, and returns when all of them are ready. What a
 * killed run left half made is made again. Throws with one sentence when this machine cannot have the sandbox.
 */
export function up(options: UpOptions = {}, site: Site = machineSite): Promise<HostRecord[]> {
  return holdingSandbox(
    "up",
    async () => {
      requireRootOnLinux(thisMachine);
      // The other checkout's hosts are off or gone, and so is whatever it knew of them.
      if ((await requireOurs(site, checkout)) === "theirs") await down(site);
      await makeStateDirectory(site);
      await claim(site, checkout);
      const isNew = (await readHosts(site)).length === 0;
      if (isNew) {
        const isWarm = await exists(join(cacheDirectory, "k3s"));
        await requireRoom(thisMachine, site, isWarm);
        if (!isWarm) say(firstTime(availableParallelism()));
      }
      const releases = options.releases ?? (["v1.35.0+k3s1"] as const);
      await together(installMachinePackages(), ...releases.map(fetchK3s));
      await requireFreeAddresses(thisMachine, site);
      const [hosts] = await together(makeHosts(releases, options, site), options.meanwhile?.() ?? Promise.resolve());
      return hosts;
    },
    site,
  );
}

/** Makes what hosts need, then the hosts. */
async function makeHosts(releases: readonly K3sVersion[], options: UpOptions, site: Site): Promise<HostRecord[]> {
  const flavour = options.flavour ?? "default";
  const names = options.hosts ?? defaultHosts;
  const plans = names.map((name) => ({ flavour, ...lookUpHost(site, name) }));
  // Compilers keep the processors busy, disks of hosts the network.
  const [builds, { images, repository }] = await together(
    buildReleases(releases),
    makeDisks(plans.map((plan) => plan.flavour)),
  );
  const [preload] = builds;

  await removeRemains(site);
  await raiseLimits(site);
  await makeNetwork(site);
  await makeClientKey(site);
  await serveMirror(site, builds, repository);
  const known = await Promise.all(
    plans.map(
      async (plan) =>
        (await readHost(site, plan.name)) ??
        (await prepareHost(
          site,
          { ...plan, login: options.login ?? "root" },
          images.get(plan.flavour) ?? (await imageOf(plan.flavour)),
          runsK3s(plan.role) && preload !== undefined ? { ...preload, manifests: options.manifests ?? {} } : undefined,
        )),
    ),
  );
  await writeKnownHosts(site);
  const off: HostRecord[] = [];
  for (const host of known) if (!(await isConnected(site, host))) off.push(host);
  // A run that was killed may have left hosts that are still booting.
  const on = known.filter((host) => !off.includes(host));
  const boots = () => Promise.all(off.map((host) => startAndWait(site, host)));
  await Promise.all([
    ...on.map((host) => waitUntilReady(site, host)),
    off.length === 0 ? undefined : step(`Boot ${off.map(({ name }) => name).join(", ")}`, boots),
  ]);
  return readHosts(site);
}

async function buildReleases(releases: readonly K3sVersion[]): Promise<K3sBuild[]> {
  const builds: K3sBuild[] = [];
  for (const version of releases) builds.push(await buildK3s(version));
  return builds;
}

/** The images that hosts need, and the repository of packages for those that install them. */
async function makeDisks(
  flavours: readonly Flavour[],
): Promise<{ images: ReadonlyMap<Flavour, Image>; repository: string }> {
  const images = new Map<Flavour, Image>();
  for (const flavour of new Set(flavours)) images.set(flavour, await imageOf(flavour));
  return { images, repository: await packageRepository() };
}

/**
 * Ends all hosts and removes everything of the sandbox but the cache, also what a killed run left. Throws while the
 * hosts are those of another checkout, unless that checkout is no more.
 */
export function down(site: Site = machineSite): Promise<void> {
  return holdingSandbox(
    "down",
    async () => {
      requireRootOnLinux(thisMachine);
      await requireOurs(site, checkout);
      const names = new Set([...(await hostDirectories(site)), ...(await hostsWithControlGroups(site))]);
      // Nothing of these hosts is kept, so nothing is gained by a clean shutdown.
      await Promise.all([...names].map((name) => cutPower(site, name)));
      await stopMirror(site);
      await killGroup(site);
      await removeNetwork(site);
      await restoreLimits(site);
      await rm(site.stateDirectory, { recursive: true, force: true });
    },
    site,
  );
}

/** Destroys hosts, so that the next `up` makes them again. Names without a host are no error. */
export function destroyHosts(names: readonly string[], site: Site = machineSite): Promise<void> {
  return holdingSandbox(
    "destroy hosts",
    async () => {
      for (const name of names) {
        await cutPower(site, name);
        await rm(pathsOf(site).host(name), { recursive: true, force: true });
      }
      if (await exists(site.stateDirectory)) await writeKnownHosts(site);
    },
    site,
  );
}

/** Cuts a host's power: everything in it ends now, and nothing is written any more. */
export function powerOff(name: string, site: Site = machineSite): Promise<void> {
  const work = async () => {
    await cutPower(site, (await hostNamed(name, site)).name);
  };
  return holdingSandbox("power-off", work, site);
}

/** Switches a host on that is off, with the disk it had, and returns when it is ready. */
export function boot(name: string, site: Site = machineSite): Promise<void> {
  const work = async () => {
    const host = await hostNamed(name, site);
    if (await isRunning(host)) return;
    await raiseLimits(site);
    await makeNetwork(site);
    await startAndWait(site, host);
  };
  return holdingSandbox("boot", work, site);
}

/** Shuts a host down in good order. */
export function halt(name: string, site: Site = machineSite): Promise<void> {
  const work = async () => {
    const host = await hostNamed(name, site);
    if (!(await shutDown(site, host))) throw new Error(`${name} does not shut down; use power-off.`);
  };
  return holdingSandbox("halt", work, site);
}

/** A host and how it is doing. */
export interface HostStatus {
  readonly host: HostRecord;
  /** systemd's word: "running", "degraded", "starting", …; "off" when it is switched off. */
  readonly state: string;
}

/** All hosts and how they are doing. */
export async function status(site: Site = machineSite): Promise<HostStatus[]> {
  const hosts = await readHosts(site);
  return Promise.all(hosts.map(async (host) => ({ host, state: await stateOf(site, host) })));
}

/** Runs a script as root on a host, over SSH. An exit code other than 0 is a result. */
export async function exec(
  name: string,
  script: string,
  options: ScriptOptions = {},
  site: Site = machineSite,
): Promise<ScriptResult> {
  const host = await hostNamed(name, site);
  const words = `bash -c '${script.replaceAll("'", `'\\''`)}'`;
  return runScript(site, host, host.login === "root" ? words : `sudo -n ${words}`, options);
}

/** The record of a host that exists. Throws when there is none of this name. */
export async function hostNamed(name: string, site: Site = machineSite): Promise<HostRecord> {
  const host = await readHost(site, name);
  if (host) return host;
  const names = (await readHosts(site)).map((each) => each.name);
  throw new Error(
    names.length === 0
      ? "The sandbox has no hosts: run `make up` first."
      : `The sandbox has no host "${name}"; it has ${names.join(", ")}.`,
  );
}

/** Ends and removes what a killed run left: hosts that were never finished, and processes of hosts that are no more. */
async function removeRemains(site: Site): Promise<void> {
  const names = new Set([...(await hostDirectories(site)), ...(await hostsWithControlGroups(site))]);
  for (const name of names) {
    if (name === mirrorGroup || (await readHost(site, name)) !== undefined) continue;
    say(`  removing the remains of ${name} from an interrupted run`);
    await cutPower(site, name);
    await rm(pathsOf(site).host(name), { recursive: true, force: true });
  }
}

async function startAndWait(site: Site, host: HostRecord): Promise<void> {
  const failed = await waitUntilReady(site, await startHost(site, host));
  if (failed.length > 0) say(`  ${host.name}: these units failed: ${failed.join(", ")}`);
}
