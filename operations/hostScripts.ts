/** Scripts on hosts that have to succeed. */
import type { HostLogin } from "../components/host/hostLogin.ts";
import { runOnHost } from "../components/host/hostShell.ts";

/**
 * What a script of `hostScript.ts` prints.
 *
 * @throws with its errors, which are sentences.
 */
export async function mustApply(host: HostLogin, script: string, seconds: number, action = "apply"): Promise<string> {
  const { stdout, stderr, exitCode } = await runOnHost(host, script, { seconds, action });
  if (exitCode !== 0) throw new Error(errorOf(host.name, stderr) || `${host.name}: the script ended with ${exitCode}`);
  return stdout;
}

/** A script's errors, with the host's name in place of the backup program's. */
function errorOf(name: string, stderr: string): string {
  return stderr.trim().replace(/^k3s-ha-backup: /gm, `${name}: `);
}

/** The output of these lines. In braces, so that bash has read all of it before a program could read on in its place. */
export function must(host: HostLogin, lines: string, seconds = 120): Promise<string> {
  const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  return mustApply(host, `{\nset -euo pipefail\nexport PATH=${path}\n${lines}\n} </dev/null\n`, seconds);
}
