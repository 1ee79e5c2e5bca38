/** When a host is ready: systemd has started what it is going to start, and sshd lets one in with the host's key. */
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { readBootReport } from "./bootReport.ts";
import { consoleLog, isRunning } from "./hostProcess.ts";
import type { HostRecord } from "./hostRecord.ts";
import { runScript } from "./ssh.ts";
import type { Site } from "./state.ts";

/** How long a host may take to boot, in milliseconds. A busy machine is slow; a broken host never comes. */
const bootLimit = 240_000;

/** Milliseconds between two readings of a host's note. */
const noteInterval = 100;

/** Milliseconds until the second login is tried, and at most between two: every try costs the host an sshd. */
const firstRetry = 500;
const slowestRetry = 10_000;

/** Returns the names of failed units, an empty list on a sound host. Throws when the host does not come up. */
export async function waitUntilReady(site: Site, host: HostRecord): Promise<readonly string[]> {
  const deadline = performance.now() + bootLimit;
  for (;;) {
    const report = await readBootReport(site, host.name);
    if (report !== undefined) {
      await waitForLogin(site, host, deadline);
      return report.failed;
    }
    if (!(await isRunning(host))) throw new Error(await failure(site, host, "its process ended"));
    if (performance.now() > deadline) {
      const why = `it has not reported the end of its boot after ${bootLimit / 1000} s. A host from an earlier release of the sandbox never does: run \`make down\`, then the same command again`;
      throw new Error(await failure(site, host, why));
    }
    await sleep(noteInterval);
  }
}

/** Logs in, which a host that has booted lets one do at once, unless it has much else to do. */
async function waitForLogin(site: Site, host: HostRecord, deadline: number): Promise<void> {
  for (let retry = firstRetry; ; retry = Math.min(2 * retry, slowestRetry)) {
    const timeout = Math.ceil(Math.max(deadline - performance.now(), slowestRetry));
    const { stderr, exitCode } = await runScript(site, host, "true", { timeout });
    if (exitCode === 0) return;
    if (performance.now() > deadline) throw new Error(await failure(site, host, `no login over SSH: ${stderr}`));
    await sleep(retry);
  }
}

/** How a host that is switched on is doing, in one word of systemd's: `running`, `degraded`, `starting`, … */
export async function stateOf(site: Site, host: HostRecord): Promise<string> {
  if (!(await isRunning(host))) return "off";
  if (!(await answers(host.address, 5000))) return "starting";
  const { stdout } = await runScript(site, host, "systemctl is-system-running", { timeout: 20_000 });
  return stdout || "starting";
}

/** Whether sshd greets within a time limit, in milliseconds. */
function answers(address: string, timeout: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port: 22, timeout });
    const end = (answer: boolean) => {
      resolve(answer);
      socket.destroy();
    };
    socket.once("data", () => {
      end(true);
    });
    for (const event of ["error", "timeout", "close"]) {
      socket.once(event, () => {
        end(false);
      });
    }
  });
}

async function failure(site: Site, host: HostRecord, why: string): Promise<string> {
  const log = consoleLog(site, host.name);
  const lines = (await readFile(log, "utf8")).trimEnd().split("\n").slice(-15).join("\n");
  return `Host ${host.name} did not come up (${why.trim()}). The end of ${log}:\n${lines}`;
}
