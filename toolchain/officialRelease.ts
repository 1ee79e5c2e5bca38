/** The official Pulumi release: already on the PATH, or downloaded once and verified against its published checksums. */
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { access, constants, mkdir, realpath, rm, stat, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { execa } from "execa";
import { cacheDirectory, cached, exists, keyOf } from "../build/cache.ts";
import { say, step, type Step } from "../build/progress.ts";
import { pulumiVersion } from "./versions.ts";

/** Where Pulumi publishes its releases. */
export const releaseAddress = "https://get.pulumi.com/releases/sdk";

/** How long the one question "can it be downloaded?" may take: what an offline machine loses, once a day. */
const probeMilliseconds = 4_000;

/** How long "no" is remembered. */
const unreachableForMilliseconds = 24 * 60 * 60 * 1000;

/** A download that stands still for so long has failed. */
const stalledMilliseconds = 30_000;

/** The official CLI of exactly the right version on the PATH; undefined if there is none. */
export async function officialPulumiOnPath(): Promise<string | undefined> {
  for (const directory of (process.env["PATH"] ?? "").split(delimiter)) {
    const pulumi = join(directory || ".", "pulumi");
    if (!(await isExecutable(pulumi))) continue;
    const file = await realpath(pulumi);
    // Inside a shell that already has this toolchain's PATH, it is not an official one.
    if (file.startsWith(`${cacheDirectory}/`)) continue;
    const languageHost = join(dirname(file), "pulumi-language-nodejs");
    if (!(await isExecutable(languageHost))) return undefined;
    const { stdout } = await execa(file, ["version"], { reject: false, env: { PULUMI_SKIP_UPDATE_CHECK: "true" } });
    return stdout === `v${pulumiVersion}` ? pulumi : undefined;
  }
  return undefined;
}

/**
 * The official CLI, downloaded from `address` unless that was done before. If that fails: throws where `isRequired`,
 * else says why and returns undefined.
 */
export async function downloadOfficialPulumi(address: string, isRequired: boolean): Promise<string | undefined> {
  const { directory, key } = place(address);
  const pulumi = join(directory, "pulumi");
  if (await exists(pulumi)) return pulumi;
  const obstacle = isRequired ? undefined : await obstacleTo(address);
  if (obstacle === "known") return undefined;
  try {
    if (obstacle !== undefined) throw new Error(obstacle);
    await cached("pulumi-release", key, (partial) =>
      step(`Download Pulumi ${pulumiVersion}`, (progress) => download(address, partial, progress)),
    );
    return pulumi;
  } catch (error) {
    const reason = describe(error);
    if (isRequired)
      throw new Error(`Pulumi ${pulumiVersion} could not be downloaded from ${address}: ${reason}`, { cause: error });
    say(`  Pulumi ${pulumiVersion} can't be downloaded (${reason}); using one built from its Go module instead`);
    return undefined;
  }
}

/** True if downloads from `address` look possible. Asks at most once a day where they are not. */
export async function isOfficialReachable(address: string): Promise<boolean> {
  return (await obstacleTo(address)) === undefined;
}

/** Lets the next call ask again, as after a failed one that `obstacleTo` had not foreseen. */
export async function rememberUnreachable(address: string): Promise<void> {
  const mark = unreachableMark(address);
  await mkdir(dirname(mark), { recursive: true });
  await writeFile(mark, "");
}

/** Why nothing can be downloaded from `address`: "known" if that was found out before; undefined if nothing is in the way. */
async function obstacleTo(address: string): Promise<string | undefined> {
  if (await isRecent(unreachableMark(address))) return "known";
  try {
    await fetchText(`${address}/${checksumsName}`, AbortSignal.timeout(probeMilliseconds));
    return undefined;
  } catch (error) {
    await rememberUnreachable(address);
    return describe(error);
  }
}

function unreachableMark(address: string): string {
  return join(cacheDirectory, "pulumi-unreachable", keyOf(address).slice(0, 12));
}

async function isRecent(path: string): Promise<boolean> {
  try {
    return Date.now() - (await stat(path)).mtimeMs < unreachableForMilliseconds;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

const architecture = process.arch === "arm64" ? "arm64" : "x64";
const archiveName = `pulumi-v${pulumiVersion}-${process.platform}-${architecture}.tar.gz`;
const checksumsName = `pulumi-${pulumiVersion}-checksums.txt`;

/** Where the release is, or will be, in the cache. */
function place(address: string): { directory: string; key: string } {
  const key = keyOf(address, archiveName);
  return { directory: join(cacheDirectory, "pulumi-release", key.slice(0, 20)), key };
}

async function download(address: string, directory: string, progress: Step): Promise<void> {
  const expected = checksumOf(await fetchText(`${address}/${checksumsName}`, AbortSignal.timeout(stalledMilliseconds)));
  const archive = join(directory, archiveName);
  const actual = await fetchFile(`${address}/${archiveName}`, archive, progress);
  if (actual !== expected) {
    throw new Error(`${archiveName} has the SHA-256 ${actual}, but ${checksumsName} says ${expected}`);
  }
  // The archive has one folder, `pulumi`, with the CLI and its language hosts.
  await execa("tar", ["-xzf", archive, "--strip-components=1", "--no-same-owner"], { cwd: directory });
  await rm(archive);
}

function checksumOf(checksums: string): string {
  for (const line of checksums.split("\n")) {
    const [sum, name] = line.trim().split(/\s+\*?/);
    if (name === archiveName && sum !== undefined && /^[0-9a-f]{64}$/.test(sum)) return sum;
  }
  throw new Error(`${checksumsName} has no SHA-256 of ${archiveName}`);
}

async function fetchText(url: string, signal: AbortSignal): Promise<string> {
  const response = await fetch(url, { signal });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response.text();
}

/** Writes what `url` answers to `path` and returns its SHA-256 in hex. */
async function fetchFile(url: string, path: string, progress: Step): Promise<string> {
  const stalled = new AbortController();
  const timer = setTimeout(() => {
    stalled.abort(new Error(`no data for ${stalledMilliseconds / 1000} s`));
  }, stalledMilliseconds);
  try {
    const response = await fetch(url, { signal: stalled.signal });
    if (!response.ok || response.body === null) throw new Error(`${url} answered ${response.status}`);
    const hash = createHash("sha256");
    let bytes = 0;
    const measure = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        timer.refresh();
        hash.update(chunk);
        bytes += chunk.length;
        progress.detail(`${(bytes / 1e6).toFixed(0)} MB`);
        done(null, chunk);
      },
    });
    await pipeline(Readable.fromWeb(response.body), measure, createWriteStream(path));
    return hash.digest("hex");
  } finally {
    clearTimeout(timer);
  }
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** The message of an error, with that of its cause: `fetch` says no more than "fetch failed" itself. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.cause.message
    ? `${error.message}: ${error.cause.message}`
    : error.message;
}
