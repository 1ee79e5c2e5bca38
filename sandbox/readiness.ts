/** When a host is ready: sshd answers with the host's key, and systemd has started what it is going to start. */
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { consoleLog, isRunning } from "./hostProcess.ts";
import type { HostRecord } from "./hostRecord.ts";
import { runScript } from "./ssh.ts";
import type { Site } from "./state.ts";

/** How long a host may take to boot, in milliseconds. A busy machine is slow; a broken host never comes. */
const bootLimit = 120_000;

/** Returns the names of failed units, an empty list on a sound host. Throws when the host does not come up. */
export async function waitUntilReady(site: Site, host: HostRecord): Promise<string[]> {
  const deadline = performance.now() + bootLimit;
  const script = "systemctl is-system-running --wait; systemctl list-units --failed --plain --no-legend";
  let last = "sshd does not answer";
  while (performance.now() < deadline) {
    if (!(await isRunning(host))) throw new Error(await failure(site, host, "its process ended"));
    if (await answers(host.address, 500)) {
      const { stdout, stderr, exitCode } = await runScript(site, host, script, { timeout: bootLimit });
      const [state, ...failed] = stdout.split("\n");
      if (exitCode === 0 && (state === "running" || state === "degraded")) {
        return failed.flatMap((line) => line.split(" ")[0] || []);
      }
      last = stderr || stdout;
    }
    await sleep(100);
  }
  throw new Error(await failure(site, host, last));
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
