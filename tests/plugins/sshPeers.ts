/** Other things at the end of a connection: an agent that holds a key, and a host that does not answer. */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
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

/** A port whose queue of connections is full, so that the system drops every further attempt without an answer. */
export class FullServer {
  readonly port: number;
  readonly #process: ChildProcess;
  readonly #waiting: Socket[];

  private constructor(port: number, process: ChildProcess, waiting: Socket[]) {
    this.port = port;
    this.#process = process;
    this.#waiting = waiting;
  }

  static async start(): Promise<FullServer> {
    const program =
      'const s = require("net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => console.log(s.address().port));';
    const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = (await once(createInterface(child.stdout), "line")) as [string];
    // Stopped, it accepts nothing; the system completes two connections on its own, and then no more.
    child.kill("SIGSTOP");
    const waiting = Array.from({ length: 4 }, () => connect(Number(line), "127.0.0.1").on("error", () => undefined));
    await delay(100);
    return new FullServer(Number(line), child, waiting);
  }

  async stop(): Promise<void> {
    for (const socket of this.#waiting) socket.destroy();
    const exited = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await exited;
  }
}
