/** SSH from this machine to the hosts: the client's key, the hosts' keys, and running scripts. */
import { mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { execa } from "execa";
import { exists } from "../build/cache.ts";
import { readHosts, type HostRecord } from "./hostRecord.ts";
import { pathsOf, writeWhole, type Site } from "./state.ts";

/** Makes the client's key when there is none. */
export async function makeClientKey(site: Site): Promise<void> {
  const { clientKey } = pathsOf(site);
  if ((await exists(clientKey)) && (await exists(`${clientKey}.pub`))) return;
  await mkdir(dirname(clientKey), { recursive: true, mode: 0o700 });
  // Through a pipe to the final name, because ssh-keygen would ask before it overwrites half a pair.
  await execa("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", site.name, "-f", clientKey], { input: "y\n" });
}

/** The client's public key, as in authorized_keys. */
export function clientPublicKey(site: Site): Promise<string> {
  return readFile(`${pathsOf(site).clientKey}.pub`, "utf8");
}

/** Writes the keys of all hosts that exist into `known_hosts`. */
export async function writeKnownHosts(site: Site): Promise<void> {
  const lines = (await readHosts(site)).map(({ address, hostKey }) => `${address} ${hostKey}\n`);
  await writeWhole(pathsOf(site).knownHosts, lines.join(""));
}

/** Arguments of `ssh` up to and including the destination. The host must prove its key; nothing is ever asked. */
export function sshArguments(site: Site, host: HostRecord, options: readonly string[] = []): string[] {
  const { clientKey, knownHosts } = pathsOf(site);
  const settings = [
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    `UserKnownHostsFile=${knownHosts}`,
    "GlobalKnownHostsFile=/dev/null",
    "IdentitiesOnly=yes",
    "ConnectTimeout=15",
    // A busy host is silent for a while, and ssh does not say why it gave up.
    "ServerAliveInterval=5",
    "ServerAliveCountMax=12",
    "LogLevel=ERROR",
  ];
  return [
    ...["-F", "/dev/null", "-i", clientKey],
    ...settings.flatMap((setting) => ["-o", setting]),
    ...options,
    `${host.login}@${host.address}`,
  ];
}

/** What a script on a host printed, and how it ended. */
export interface ScriptResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** How to run a script. */
export interface ScriptOptions {
  /** What the script reads on stdin. Default: nothing. */
  readonly input?: string | Uint8Array;
  /** Milliseconds; none by default. */
  readonly timeout?: number;
}

/** Runs a script in the login's shell on a host. An exit code other than 0 is a result; ssh's own failure is 255. */
export async function runScript(
  site: Site,
  host: HostRecord,
  script: string,
  options: ScriptOptions = {},
): Promise<ScriptResult> {
  const { stdout, stderr, exitCode, timedOut } = await execa("ssh", [...sshArguments(site, host), script], {
    input: options.input ?? "",
    reject: false,
    ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
  });
  if (timedOut) return { stdout, stderr: `${stderr}\nno end after ${options.timeout ?? 0} ms`, exitCode: 255 };
  return { stdout, stderr, exitCode: exitCode ?? 255 };
}
