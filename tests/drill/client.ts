/**
 * A client of the cluster, as a process of its own, so that no work of the drill delays it: a fresh TLS connection for
 * every request, a read of `/readyz` every tenth of a second and a write every half second. Started by `ClientProcess`.
 */
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { question, type Endpoint, type Question } from "../support/probe.ts";
import type { Lag, Sample } from "./sample.ts";

/** What the process is told to do: once what to ask, later to come to an end. */
export type Order =
  { kind: "start"; endpoint: Endpoint; /** Begins the names of what it writes. */ prefix: string } | { kind: "stop" };

/** What it reports twice a second, and a last time when every request is over. */
export interface Report {
  samples: Sample[];
  lag: Lag;
  isLast: boolean;
}

/** Where the writes go. */
export const writeNamespace = "drill";

const readEveryMilliseconds = 100;
const writeEveryMilliseconds = 500;
const reportEveryMilliseconds = 500;

const now = () => performance.timeOrigin + performance.now();

async function run(endpoint: Endpoint, prefix: string, stopped: AbortSignal): Promise<void> {
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  let samples: Sample[] = [];
  const pending = new Set<Promise<void>>();

  const send = (kind: Sample["kind"], asked: Question, object?: string) => {
    const at = now();
    const request = question(endpoint, asked).then(({ failure, port }) => {
      samples.push({ at, took: now() - at, kind, failure, port, object });
      pending.delete(request);
    });
    pending.add(request);
  };
  const report = (isLast: boolean) => {
    process.send?.({ samples, lag: { at: now(), longest: delay.max / 1e6 }, isLast } satisfies Report);
    samples = [];
    delay.reset();
  };
  const every = async (milliseconds: number, work: () => void) => {
    for (let next = now(); !stopped.aborted; next += milliseconds) {
      await sleep(Math.max(0, next - now()));
      work();
    }
  };

  let writes = 0;
  await Promise.all([
    every(readEveryMilliseconds, () => {
      send("read", { path: "/readyz" });
    }),
    every(writeEveryMilliseconds, () => {
      const name = `${prefix}-${String(writes++).padStart(6, "0")}`;
      const path = `/api/v1/namespaces/${writeNamespace}/configmaps`;
      const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { count: String(writes) } };
      send("write", { method: "POST", path, body }, name);
    }),
    every(reportEveryMilliseconds, () => {
      report(false);
    }),
  ]);
  await Promise.all(pending);
  report(true);
  process.disconnect();
}

const stop = new AbortController();
process.on("message", (order: Order) => {
  if (order.kind === "stop") stop.abort();
  else void run(order.endpoint, order.prefix, stop.signal);
});
