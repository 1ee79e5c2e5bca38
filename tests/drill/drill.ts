/**
 * The drill: two clients, one at the cluster's load balancers and one at plain ones beside them, watch without a pause while
 * events happen in a random order. What each event cost is cut out of what the clients saw.
 */
import { availableParallelism, loadavg } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { say, step } from "../../build/progress.ts";
import { onHost } from "../support/sandboxCluster.ts";
import { parseBalancerLog, withServers } from "./balancerLog.ts";
import { writeNamespace } from "./client.ts";
import { ClientProcess } from "./clientProcess.ts";
import type { DrillCluster } from "./cluster.ts";
import { drillEvents, type DrillEvent, type Happening, serverGap } from "./events.ts";
import { measure, type Window } from "./measurement.ts";
import { plainFrontend } from "./plainBalancer.ts";
import { Random } from "./random.ts";
import { type Configuration, configurations, type DrillResults } from "./results.ts";
import { endOf, type Observations } from "./sample.ts";
import { inRandomOrder } from "./sequence.ts";
import { hostsOf } from "./shape.ts";

/** How long clients watch before an event and after its end, in milliseconds. */
const margin = 2000;

/** Acknowledged writes that a whole drill has to come to. */
export const enoughWrites = 1000;

/** How long clients take for a write, in milliseconds, also when some of them fail. */
const perWrite = 250 / 0.8;

export interface DrillOptions {
  /** Determines the order of events and the hosts that they hit. */
  seed: number;
  /** Names of the events. Default: all. */
  only?: readonly string[];
  /** Writes that have to be acknowledged at least; clients go on until they had the time. Default: {@link enoughWrites}
   * when all events happen, else none. */
  writes?: number;
}

interface Happened extends Happening {
  event: DrillEvent;
  window: Window;
}

/** Holds the drill on a cluster that is whole, and leaves it whole. Throws when an event itself does not work. */
export async function holdDrill(
  cluster: DrillCluster,
  { seed, only, writes = only === undefined ? enoughWrites : 0 }: DrillOptions,
): Promise<DrillResults> {
  const [load = NaN] = loadavg();
  const startedAt = new Date();
  const random = new Random(seed);
  const wanted = drillEvents.filter(({ name }) => only?.includes(name) ?? true);
  const events = inRandomOrder(
    wanted.filter(({ title, leftOut }) => {
      const reason = leftOut?.(cluster.shape);
      if (reason !== undefined) say(`  left out: ${title}: ${reason}`);
      return reason === undefined;
    }),
    random,
  );
  say(`  seed ${seed}: ${events.map(({ name }) => name).join(", ")}`);
  // On a cluster that has seen a drill before, names of another one's writes are taken.
  const clients = configurations.map(
    (name) => new ClientProcess(cluster.endpoint(name), `${name}-${startedAt.getTime()}`),
  );
  let happened: Happened[];
  let observed: Observations[];
  try {
    await sleep(margin);
    happened = [];
    for (const event of events) happened.push(await step(event.title, () => holdEvent(cluster, event, random)));
    // The drill has to have written enough for its last question to mean something.
    await sleep(Math.max(0, writes * perWrite - (Date.now() - startedAt.getTime())));
    observed = await Promise.all(clients.map((client) => client.stop()));
  } finally {
    for (const client of clients) client.kill();
  }
  const [ours, plain] = await attributed(cluster, observed, startedAt);
  const seen: Record<Configuration, Observations> = { "k3s-ha": ours, plain };
  return {
    seed,
    startedAt: startedAt.toISOString(),
    load,
    processors: availableParallelism(),
    shape: cluster.shape.name,
    hosts: hostsOf(cluster.shape),
    version: cluster.version,
    events: happened.map(({ event, window, happened: what, moments, downtime = 0, isServerToo = false }) => ({
      name: event.name,
      title: isServerToo ? `${event.title}, a server too` : event.title,
      happened: what,
      window,
      moments,
      limit: isServerToo ? { ...event.limit, gap: (event.limit.gap ?? 0) + serverGap } : event.limit,
      downtime,
      measurements: { "k3s-ha": measure(ours, window), plain: measure(plain, window) },
    })),
    writes: await checkWrites(cluster, [ours, plain]),
    failedBetween: {
      "k3s-ha": failedOutside(seen["k3s-ha"], happened),
      plain: failedOutside(seen.plain, happened),
    },
  };
}

/** Makes an event happen, and waits until everything is whole again. */
async function holdEvent(cluster: DrillCluster, event: DrillEvent, random: Random): Promise<Happened> {
  const from = Date.now();
  await sleep(margin);
  const happening = await event.happen(cluster, random);
  await cluster.whole();
  await sleep(margin);
  return { ...happening, event, window: { from, to: Date.now() } };
}

/** Adds to every request which server took it. */
async function attributed(
  cluster: DrillCluster,
  observed: readonly Observations[],
  since: Date,
): Promise<[Observations, Observations]> {
  const journals = await Promise.all(
    cluster.shape.balancers.map((name) =>
      onHost(
        name,
        `journalctl --identifier haproxy --since '@${Math.floor(since.getTime() / 1000)}' --output short-unix --no-pager --quiet`,
      ),
    ),
  );
  const connections = journals.flatMap(parseBalancerLog);
  const [ours, plain] = observed.map((each, index) => ({
    ...each,
    samples: withServers(each.samples, connections, index === 0 ? "kubernetes-api" : plainFrontend),
  }));
  if (ours === undefined || plain === undefined) throw new Error("a client is missing");
  return [ours, plain];
}

/** Looks for every write that was acknowledged, through whichever load balancer, in the datastore. */
async function checkWrites(cluster: DrillCluster, observed: readonly Observations[]): Promise<DrillResults["writes"]> {
  const { items } = (await cluster.ask("GET", `/api/v1/namespaces/${writeNamespace}/configmaps`)) as {
    items: { metadata: { name: string } }[];
  };
  const there = new Set(items.map(({ metadata }) => metadata.name));
  const acknowledged = observed
    .flatMap(({ samples }) => samples)
    .flatMap(({ object, failure }) => (object !== undefined && failure === undefined ? [object] : []));
  return { acknowledged: acknowledged.length, lost: acknowledged.filter((name) => !there.has(name)) };
}

function failedOutside({ samples }: Observations, events: readonly Happened[]): number {
  return samples.filter(
    (sample) =>
      sample.failure !== undefined &&
      !events.some(({ window }) => endOf(sample) >= window.from && sample.at < window.to),
  ).length;
}
