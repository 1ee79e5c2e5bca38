import type { Measurement, Window } from "./measurement.ts";
import type { ShapeName } from "./shape.ts";

/** What an event may cost. */
export interface Limit {
  /** Requests that may fail. Default: any number, as long as the gap is kept. */
  failed?: number;
  /** The longest time without an answer, in milliseconds. Default: none. */
  gap?: number;
}

/** Something that happened at one moment of an event. */
export interface Moment {
  /** Milliseconds since 1970. */
  at: number;
  what: string;
}

/** The two configurations, in the order in which they are shown. */
export const configurations = ["k3s-ha", "plain"] as const;
export type Configuration = (typeof configurations)[number];

/** One event, and what clients saw of it through either load balancer. */
export interface EventResult {
  name: string;
  title: string;
  /** What was done to which host, in a sentence. */
  happened: string;
  /** From two seconds before it until everything was whole again. */
  window: Window;
  moments: Moment[];
  limit: Limit;
  /** Milliseconds that the datastore was down by itself; the limit of the gap is on top of it. Default: 0. */
  downtime: number;
  measurements: Record<Configuration, Measurement>;
}

/** All that a drill found out; what the page and the table are made of. */
export interface DrillResults {
  /** Repeats the order of the events, and the choice of hosts among those that an event may hit. */
  seed: number;
  startedAt: string;
  /** Load average of the machine over the minute before, and its processors: a busy machine is slow by itself. */
  load: number;
  processors: number;
  shape: ShapeName;
  hosts: string[];
  version: string;
  /** In the order in which they happened. */
  events: EventResult[];
  writes: {
    acknowledged: number;
    /** Names of those that were acknowledged and are not there. */
    lost: string[];
  };
  /** Failed requests outside of all events. */
  failedBetween: Record<Configuration, number>;
}

/** The most that the gap may be, in milliseconds; undefined when it does not matter. */
export function gapLimit({ limit, downtime }: EventResult): number | undefined {
  return limit.gap === undefined ? undefined : downtime + limit.gap;
}

/** Whether an event's cost was within its limit, in a configuration. */
export function isWithinLimit(event: EventResult, configuration: Configuration): boolean {
  const { failed, longestGap } = event.measurements[configuration];
  return failed <= (event.limit.failed ?? Infinity) && longestGap <= (gapLimit(event) ?? Infinity);
}

/** The limit in words, such as "0 failed" or "gap ≤ 2.0 s". */
export function describeLimit(event: EventResult): string {
  const gap = gapLimit(event);
  const words = [
    ...(event.limit.failed === undefined ? [] : [`${event.limit.failed} failed`]),
    ...(gap === undefined
      ? []
      : [
          event.downtime === 0
            ? `gap ≤ ${seconds(gap)}`
            : `gap ≤ ${seconds(gap)} (down ${seconds(event.downtime)} + ${seconds(event.limit.gap ?? 0)})`,
        ]),
  ];
  return words.join(", ");
}

/** Milliseconds as seconds, such as "1.2 s". */
export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
