/**
 * K3s for the sandbox, made from source and laid out like a download: where the internet cannot be reached, hosts
 * install it the way they would install a release, and verify it the same way.
 */
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cached, keyOf, keyOfFiles } from "../../build/cache.ts";
import { step } from "../../build/progress.ts";
import { buildBundle, sha256OfFile } from "./bundle.ts";
import { busyboxPath, debianPrograms, runcPath } from "./debianPrograms.ts";
import { toolchain, type Toolchain } from "../../build/golang.ts";
import { writePauseImage, writeTestImage } from "./images.ts";
import type { K3sVersion } from "./releases.ts";
import { buildServer, copySource, fetchServer, serverKey } from "./server.ts";

/** A K3s release made on this machine. All of it is in one directory of the cache, which nothing writes to again. */
export interface K3sBuild {
  readonly version: K3sVersion;
  /** Path of the one file that is K3s. Beside it is `sha256sum-<architecture>.txt`, as beside a download. */
  readonly binary: string;
  /** The sha256 of `binary`, in hex. */
  readonly sha256: string;
  /** The manifests that every cluster needs. `binary` carries and deploys them, with the optional ones, by itself. */
  readonly manifestsDirectory: string;
  /** Images to put into a host's `/var/lib/rancher/k3s/agent/images/`: `pause.tar` and `busybox.tar`. */
  readonly imagesDirectory: string;
}

const manifests = ["ccm.yaml", "rolebindings.yaml", "runtimes.yaml"];

/** Fetches what `buildK3s` compiles, for as long as other work is done. */
export async function fetchK3s(version: K3sVersion): Promise<void> {
  await fetchServer(version, await toolchain());
}

/** Returns K3s `version`, from the cache or else built now. Safe to call from several processes at once. */
export async function buildK3s(version: K3sVersion): Promise<K3sBuild> {
  const tools = await toolchain();
  const debian = await debianPrograms(tools.architecture);
  const directory = await cached("k3s", await keyOfBuild(version, tools, debian), (partial) =>
    fill(partial, version, tools, debian),
  );
  const sums = await readFile(join(directory, sumsName(tools)), "utf8");
  return {
    version,
    binary: join(directory, "k3s"),
    sha256: sums.slice(0, 64),
    manifestsDirectory: join(directory, "manifests"),
    imagesDirectory: join(directory, "images"),
  };
}

async function fill(directory: string, version: K3sVersion, tools: Toolchain, debian: string): Promise<void> {
  const server = await buildServer(version, tools);
  const work = join(directory, "work");
  const source = join(work, "source");
  await mkdir(work);
  await copySource(version, source);

  const binary = join(directory, "k3s");
  await buildBundle(version, { server, source, debian, work }, binary);
  await writeFile(join(directory, sumsName(tools)), `${await sha256OfFile(binary)}  k3s\n`);
  for (const name of manifests) await cp(join(source, "manifests", name), join(directory, "manifests", name));
  await step("Build container images", async () => {
    const images = join(directory, "images");
    await mkdir(images);
    const busybox = join(debian, busyboxPath);
    await writePauseImage(join(images, "pause.tar"), await pauseImage(source), busybox, tools.architecture);
    await writeTestImage(join(images, "busybox.tar"), busybox, tools.architecture);
  });
  await rm(work, { recursive: true });
}

/** Everything a build depends on. The files here are part of it: packing again takes seconds, guessing costs hours. */
async function keyOfBuild(version: K3sVersion, tools: Toolchain, debian: string): Promise<string> {
  const modules = ["cni-plugins", "flannel"].flatMap((module) => [`${module}/go.mod`, `${module}/go.sum`]);
  const code = ["archive.ts", "build.ts", "bundle.ts", "../../build/golang.ts", "images.ts", "server.ts"];
  const recipe = await keyOfFiles(...[...modules, ...code].map((name) => join(import.meta.dirname, name)));
  const programs = await keyOfFiles(join(debian, runcPath), join(debian, busyboxPath));
  return keyOf(serverKey(version, tools), recipe, programs);
}

/** The pause image that this release uses by default: a cluster without a registry needs exactly that one. */
async function pauseImage(source: string): Promise<string> {
  const path = "pkg/cli/cmds/agent.go";
  const match = /"(rancher\/mirrored-pause:[^"]+)"/.exec(await readFile(join(source, path), "utf8"));
  if (!match?.[1]) throw new Error(`${path} of K3s names no pause image: find where this release names it`);
  return `docker.io/${match[1]}`;
}

function sumsName(tools: Toolchain): string {
  return `sha256sum-${tools.architecture}.txt`;
}
