/** A host at the other end of a connection that does not answer. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";

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
