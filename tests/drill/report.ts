import Table from "cli-table3";
import {
  type Configuration,
  describeLimit,
  type DrillResults,
  type EventResult,
  isWithinLimit,
  seconds,
} from "./results.ts";

function cells(event: EventResult, configuration: Configuration): [string, string] {
  const { failed, requests, longestGap } = event.measurements[configuration];
  return [`${failed} of ${requests}`, seconds(longestGap)];
}

function rows(results: DrillResults): string[][] {
  return results.events.map((event) => [
    event.title,
    describeLimit(event),
    ...cells(event, "k3s-ha"),
    isWithinLimit(event, "k3s-ha") ? "kept" : "NOT KEPT",
    ...cells(event, "plain"),
    isWithinLimit(event, "plain") ? "kept" : "not kept",
  ]);
}

const head = [
  "event",
  "at most",
  ...["failed", "longest gap", ""].map((each) => `k3s-ha ${each}`.trim()),
  ...["failed", "longest gap", ""].map((each) => `plain ${each}`.trim()),
];

/** What is true of the drill as a whole, a sentence each. */
export function summarySentences({
  writes,
  failedBetween,
  seed,
  shape,
  load,
  processors,
  events,
}: DrillResults): string[] {
  const lag = Math.max(
    ...events.flatMap(({ measurements }) => Object.values(measurements).map((each) => each.longestLag)),
  );
  return [
    `${writes.acknowledged} writes were acknowledged; ${writes.lost.length === 0 ? "all of them are there" : `${writes.lost.length} of them are LOST`}.`,
    `Outside of the events ${failedBetween["k3s-ha"]} requests failed (plain: ${failedBetween.plain}).`,
    `The clients' own timers were at most ${(lag / 1000).toFixed(2)} s late; load of the machine before it: ${load.toFixed(1)} on ${processors} processors.`,
    `Seed ${seed}: the same order of events comes back with \`make drill ARGS='--hosts ${shape} --seed ${seed}'\`.`,
  ];
}

/** The drill as a table for a terminal. */
export function renderTable(results: DrillResults): string {
  const table = new Table({ style: { head: [], border: [] }, head });
  table.push(...rows(results));
  return `${table.toString()}\n${summarySentences(results).join("\n")}`;
}

/** The drill as Markdown, for docs/measurements.md. */
export function renderMarkdown(results: DrillResults): string {
  const line = (each: readonly string[]) => `| ${each.join(" | ")} |`;
  const table = [line(head), line(head.map(() => "---")), ...rows(results).map(line)];
  return `${table.join("\n")}\n\n${summarySentences(results).join("\n")}\n`;
}
