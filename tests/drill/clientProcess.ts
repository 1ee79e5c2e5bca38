import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Endpoint } from "../support/probe.ts";
import type { Order, Report } from "./client.ts";
import type { Observations } from "./sample.ts";

/** A client at work, and what it has seen so far. */
export class ClientProcess {
  readonly #child: ChildProcess;
  readonly #observations: Observations = { samples: [], lags: [] };
  readonly #ended: Promise<void>;

  /** Starts one that asks `endpoint`; what it writes has names that begin with `prefix`. */
  constructor(endpoint: Endpoint, prefix: string) {
    this.#child = fork(join(import.meta.dirname, "client.ts"), [], {
      execArgv: ["--disable-warning=ExperimentalWarning"],
    });
    let sawLast = false;
    this.#child.on("message", ({ samples, lag, isLast }: Report) => {
      this.#observations.samples.push(...samples);
      this.#observations.lags.push(lag);
      sawLast = isLast;
    });
    this.#ended = once(this.#child, "exit").then(([code]) => {
      if (!sawLast) throw new Error(`the client ${prefix} ended before it was told to, with code ${String(code)}`);
    });
    // Only the one who waits for the end needs to know.
    this.#ended.catch(() => undefined);
    this.#child.send({ kind: "start", endpoint, prefix } satisfies Order);
  }

  /** Ends the client, and returns all that it saw. Throws when it had died before. */
  async stop(): Promise<Observations> {
    if (this.#child.connected) this.#child.send({ kind: "stop" } satisfies Order);
    await this.#ended;
    return { samples: this.#observations.samples.toSorted((a, b) => a.at - b.at), lags: this.#observations.lags };
  }

  /** Ends the process at once. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }
}
