/** An SSH agent of a test's own. */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A real ssh-agent with one key. */
export class SshAgent {
  readonly socketPath: string;
  readonly #directory: string;
  readonly #process: ChildProcess;

  private constructor(directory: string, process: ChildProcess) {
    this.#directory = directory;
    this.#process = process;
    this.socketPath = join(directory, "agent");
  }

  static async start(keyPath: string): Promise<SshAgent> {
    const directory = await mkdtemp(join(tmpdir(), "ssh-agent-"));
    const agent = new SshAgent(
      directory,
      spawn("ssh-agent", ["-D", "-a", join(directory, "agent")], { stdio: "ignore" }),
    );
    for (let tries = 0; ; tries++) {
      try {
        await run("ssh-add", ["-q", keyPath], { env: { ...process.env, SSH_AUTH_SOCK: agent.socketPath } });
        return agent;
      } catch (error) {
        if (tries === 50) throw error;
        await delay(50);
      }
    }
  }

  async stop(): Promise<void> {
    const exited = once(this.#process, "exit");
    this.#process.kill("SIGTERM");
    await exited;
    await rm(this.#directory, { recursive: true });
  }
}
