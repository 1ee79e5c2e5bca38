/**
 * A client that asks the API for its readiness over a fresh TLS connection at a fixed pace, and keeps every answer:
 * what a client of the cluster would have seen during an event.
 */
import assert from "node:assert/strict";
import https from "node:https";
import { setTimeout as sleep } from "node:timers/promises";

/** The API to ask, as a kubeconfig names it. */
export interface Endpoint {
  server: string;
  ca: string;
  cert: string;
  key: string;
}

/** What is asked. */
export interface Question {
  /** Default: GET. */
  method?: "GET" | "POST";
  path: string;
  /** Sent as JSON. Default: nothing. */
  body?: object;
  /** Milliseconds after which the client gives up, and counts the request as failed. Default: 5,000. */
  timeout?: number;
}

/** What became of a question. */
export interface Answer {
  /** Undefined when there was no HTTP answer. */
  status: number | undefined;
  /** What went wrong; undefined when the status is 2xx. */
  failure: string | undefined;
  body: string;
  /** The client's own port, if it came to a connection: in a load balancer's log it tells this request from others. */
  port: number | undefined;
}

/** One request. Times are milliseconds of `performance.now()`. */
export interface Sample {
  at: number;
  took: number;
  /** Undefined when the API answered 200. */
  failure: string | undefined;
}

/** What the probe saw. */
export interface ProbeResult {
  samples: readonly Sample[];
  failed: number;
  /** Longest time between two successes that have a failure between them, in milliseconds; 0 when nothing failed. */
  longestGap: number;
}

/** Pace of the probe. */
const everyMilliseconds = 100;

/**
 * Milliseconds that a client waits if lost requests count, not slow ones: beside other clusters, an answer may take six seconds. A
 * request is lost if nothing answers it, or its connection is refused or closed.
 */
const patience = 15_000;

/** Reads the endpoint and the administrator's certificate from a kubeconfig (JSON). */
export function endpointOf(kubeconfig: string): Endpoint {
  const config = JSON.parse(kubeconfig) as {
    clusters: [{ cluster: { server: string; "certificate-authority-data": string } }];
    users: [{ user: { "client-certificate-data": string; "client-key-data": string } }];
  };
  const text = (base64: string) => Buffer.from(base64, "base64").toString();
  const { cluster } = config.clusters[0];
  const { user } = config.users[0];
  return {
    server: cluster.server,
    ca: text(cluster["certificate-authority-data"]),
    cert: text(user["client-certificate-data"]),
    key: text(user["client-key-data"]),
  };
}

/** Asks once, on a connection of its own. Never throws. */
export function question(
  { server, ...tls }: Endpoint,
  { method = "GET", path, body, timeout = 5000 }: Question,
): Promise<Answer> {
  return new Promise((resolve) => {
    let port: number | undefined;
    const fail = (failure: string) => {
      resolve({ status: undefined, failure, body: "", port });
    };
    const request = https.request(
      `${server}${path}`,
      { ...tls, method, agent: false, headers: body === undefined ? {} : { "Content-Type": "application/json" } },
      (response) => {
        const status = response.statusCode;
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => {
          const failure = status !== undefined && status >= 200 && status < 300 ? undefined : `HTTP ${status ?? "?"}`;
          resolve({ status, failure, body: Buffer.concat(chunks).toString(), port });
        });
        response.on("error", (error) => {
          fail(error.message);
        });
      },
    );
    // For the whole of it: a timeout of the socket's would start again with every byte.
    const timer = setTimeout(() => request.destroy(new Error("timeout")), timeout);
    request.on("close", () => {
      clearTimeout(timer);
    });
    request.on("socket", (socket) => {
      socket.once("connect", () => (port = socket.localPort));
    });
    request.on("error", (error: NodeJS.ErrnoException) => {
      fail(error.code ?? error.message);
    });
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Asks for `path` once. Resolves to undefined on 200, else to what went wrong. */
export async function ask(endpoint: Endpoint, path = "/readyz", timeout?: number): Promise<string | undefined> {
  return (await question(endpoint, { path, ...(timeout === undefined ? {} : { timeout }) })).failure;
}

/** Fails when a client's request failed while `event` ran, or in the three seconds after it. */
export async function failsNoRequest(endpoint: Endpoint, event: () => Promise<unknown>): Promise<void> {
  const { failed, samples } = await probeDuring(endpoint, event, 3000, patience);
  console.log(`${failed} of ${samples.length} requests failed`);
  assert.equal(failed, 0, JSON.stringify(samples.filter(({ failure }) => failure)));
}

/** Probes while `event` runs and `afterMilliseconds` longer; at most five minutes. */
export async function probeDuring(
  endpoint: Endpoint,
  event: () => Promise<unknown>,
  afterMilliseconds: number,
  timeout?: number,
): Promise<ProbeResult> {
  const samples: Sample[] = [];
  const pending: Promise<void>[] = [];
  const started = performance.now();
  let end = started + 300_000;
  const happening = sleep(1000)
    .then(event)
    .then(() => {
      end = Math.min(end, performance.now() + afterMilliseconds);
    });
  for (let next = started; next < end; next += everyMilliseconds) {
    await sleep(Math.max(0, next - performance.now()));
    const at = performance.now();
    pending.push(
      ask(endpoint, "/readyz", timeout).then((failure) => {
        samples.push({ at, took: performance.now() - at, failure });
      }),
    );
  }
  await Promise.all([happening, ...pending]);
  return summarize(samples.toSorted((a, b) => a.at - b.at));
}

function summarize(samples: readonly Sample[]): ProbeResult {
  let longestGap = 0;
  let lastSuccess: number | undefined;
  let failedSince = false;
  for (const { at, took, failure } of samples) {
    if (failure !== undefined) {
      failedSince = true;
      continue;
    }
    if (failedSince && lastSuccess !== undefined) longestGap = Math.max(longestGap, at + took - lastSuccess);
    lastSuccess = at + took;
    failedSince = false;
  }
  const last = samples.at(-1);
  if (failedSince && last !== undefined) {
    longestGap = Math.max(longestGap, last.at + last.took - (lastSuccess ?? samples[0]?.at ?? last.at));
  }
  return { samples, failed: samples.filter(({ failure }) => failure !== undefined).length, longestGap };
}
