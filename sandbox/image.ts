/**
 * Disk images of hosts: Debian, made once with debootstrap and cached. The bare image is one layer; the default image is
 * that layer with the packages of a K3s-HA host on top. An apt repository holds these packages, from which bare hosts install
 * them, and those that only the hosts of some datastores take.
 */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { cached, keyOf, keyOfFiles } from "../build/cache.ts";
import { runIsolated } from "./isolatedScript.ts";
import { aptSources, packageMirror, suite, type PackageMirror } from "./packageMirror.ts";
import { step } from "../build/progress.ts";

/**
 * `default` has all that a K3s-HA host runs; `bare` has sshd, sudo and systemd, and installs the rest with apt; `mysql`
 * has the existing database servers: MySQL, PostgreSQL and etcd, all of them switched off.
 */
export type Flavour = "default" | "bare" | "mysql";

/** A minimal Debian that one can log in to. */
export const barePackages = [
  "systemd",
  "systemd-sysv",
  "dbus",
  "libpam-systemd",
  "openssh-server",
  "sudo",
  "iproute2",
  "iputils-ping",
] as const;

/** What every K3s-HA host needs. */
export const hostPackages = [
  "mariadb-server",
  "haproxy",
  "keepalived",
  "iptables",
  "nftables",
  "curl",
  "ca-certificates",
  "openssl",
  "socat",
  "age",
  "rclone",
  "conntrack",
  "postgresql-client",
  "procps",
  "kmod",
  "zstd",
] as const;

/** What the hosts of some datastores install, from the repository, when they are given that role. */
const datastorePackages = ["sqlite3", "etcd-server", "etcd-client", "postgresql"] as const;

/** What the repository holds, with all that these depend on. */
const repositoryPackages = [...hostPackages, ...datastorePackages];

/** What a host with other databases has from the hosts' release, beside MySQL, which the release does not have. */
const databasePackages = ["postgresql", "etcd-server", "curl", "nftables", "openssl"] as const;

/** A host's disk before its first boot. */
export interface Image {
  /** Directories of the overlay's lower layers, the topmost first. Nothing may write to them. */
  readonly layers: readonly string[];
}

/** The image of a flavour, from the cache or else made now. */
export async function imageOf(flavour: Flavour): Promise<Image> {
  const bare = join(await bareImage(), "root");
  switch (flavour) {
    case "bare":
      return { layers: [bare] };
    case "default":
      return { layers: [join(await defaultLayer(), "layer"), bare] };
    case "mysql":
      return { layers: [join(await mysqlLayer(), "layer"), bare] };
  }
}

/** A directory that is an apt repository of `repositoryPackages`, from the cache or else made now. */
export async function packageRepository(): Promise<string> {
  const key = await recipeKey(["bare.sh", "repository.sh"], [...barePackages, ...repositoryPackages]);
  const directory = await cached("image", key, async (partial) => {
    const bare = join(await bareImage(), "root");
    const repository = join(partial, "repository");
    const work = join(partial, "work");
    await mkdir(repository);
    await mkdir(work);
    await step("Download Debian packages for hosts", async (progress) => {
      const environment = { ...buildEnvironment(await packageMirror()), PACKAGES: repositoryPackages.join(" ") };
      await runIsolated(
        script("repository.sh"),
        { ...environment, BARE: bare, REPOSITORY: repository, WORK: work },
        progress,
      );
    });
    await rm(work, { recursive: true });
  });
  return join(directory, "repository");
}

async function bareImage(): Promise<string> {
  const key = await recipeKey(["bare.sh", "clean.sh"], barePackages);
  return cached("image", key, async (partial) => {
    const root = join(partial, "root");
    await mkdir(root);
    await step(`Build the bare Debian ${suite} image`, async (progress) => {
      const mirror = await packageMirror();
      const environment = { ...buildEnvironment(mirror), ROOT: root, SUITE: suite, MIRROR: mirror.address };
      await runIsolated(script("bare.sh"), { ...environment, PACKAGES: barePackages.join(",") }, progress);
      await runIsolated(script("clean.sh"), { ROOT: root }, progress);
    });
  });
}

async function defaultLayer(): Promise<string> {
  const scripts = ["bare.sh", "repository.sh", "default.sh", "clean.sh"];
  const key = await recipeKey(scripts, [...barePackages, ...hostPackages]);
  return cached("image", key, async (partial) => {
    const bare = join(await bareImage(), "root");
    const repository = await packageRepository();
    const layer = join(partial, "layer");
    const work = join(partial, "work");
    await mkdir(layer);
    await mkdir(work);
    await step("Build the default host image", async (progress) => {
      const environment = { BARE: bare, LAYER: layer, WORK: work, REPOSITORY: repository };
      await runIsolated(script("default.sh"), { ...environment, PACKAGES: hostPackages.join(" ") }, progress);
      await runIsolated(script("clean.sh"), { ROOT: layer }, progress);
    });
    await rm(work, { recursive: true });
  });
}

async function mysqlLayer(): Promise<string> {
  const key = await recipeKey(["bare.sh", "mysql.sh", "clean.sh"], [...barePackages, ...databasePackages]);
  return cached("image", key, async (partial) => {
    const bare = join(await bareImage(), "root");
    const layer = join(partial, "layer");
    const work = join(partial, "work");
    await mkdir(layer);
    await mkdir(work);
    await step("Build the host image with MySQL", async (progress) => {
      const mirror = await packageMirror();
      const environment = {
        ...buildEnvironment(mirror),
        ...{ BARE: bare, LAYER: layer, WORK: work },
        SID_SOURCE: `deb ${mirror.address} sid main\n`,
      };
      await runIsolated(script("mysql.sh"), { ...environment, PACKAGES: databasePackages.join(" ") }, progress);
      await runIsolated(script("clean.sh"), { ROOT: layer }, progress);
    });
    await rm(work, { recursive: true });
  });
}

function buildEnvironment(mirror: PackageMirror): Record<string, string> {
  return {
    APT_SOURCES: aptSources(mirror),
    APT_CONFIGURATION: mirror.aptConfiguration,
    ...(mirror.proxy === undefined ? {} : { http_proxy: mirror.proxy }),
  };
}

/** Everything an image is made from. What the mirror serves is not part of it: an image is as old as its making. */
async function recipeKey(scripts: readonly string[], packages: readonly string[]): Promise<string> {
  return keyOf(suite, process.arch, await keyOfFiles(...scripts.map(script)), ...packages);
}

function script(name: string): string {
  return join(import.meta.dirname, "image", name);
}
