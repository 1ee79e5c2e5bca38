import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import type { Window } from "./measurement.ts";
import { type Configuration, type EventResult, type Moment, seconds } from "./results.ts";
import { endOf, type Sample } from "./sample.ts";

/** Colours of the servers, told apart also by people who see few colours; failures are red, and nothing else is. */
const serverColours = new Map([
  ["server-1", "#2f6fb4"],
  ["server-2", "#e0a100"],
  ["server-3", "#1b9e77"],
]);
export const unknownColour = "#8a8a8a";
export const failureColour = "#d1242f";

/** Names for the legend, with their colours. */
export const legend: readonly (readonly [string, string])[] = [
  ...[...serverColours].map(([name, colour]) => [`answered by ${name}`, colour] as const),
  ["answered by an unknown server", unknownColour],
  ["failed", failureColour],
];

/** Classes of the marks. */
export const markNames = { answered: "answered", failed: "failed" } as const;

/** Milliseconds that a chart begins and ends at, so that all are alike. */
const fastest = 1;
const slowest = 8000;

// Their types are those of a browser's document, which this program has none of.
const { document } = parseHTML("<!doctype html><html><body></body></html>") as unknown as { document: object };
const plot = Plot.plot as unknown as (options: object) => { outerHTML: string };

/**
 * The timeline of an event in one configuration, as SVG: a dot for every request, at the time when it began and the
 * height of how long it took; the longest gap shaded; a line for every moment of the event.
 */
export function renderChart(event: EventResult, configuration: Configuration): string {
  const { samples, gap, longestGap } = event.measurements[configuration];
  // The event begins at 0.
  const zero = event.moments[0]?.at ?? event.window.from;
  const second = (milliseconds: number) => (milliseconds - zero) / 1000;
  const height = ({ took }: Sample) => Math.min(slowest, Math.max(fastest, took));
  // Shorter ones are the client's own pace, on a machine with much to do.
  const isLong = longestGap > 500;
  const answered = samples.filter(({ failure }) => failure === undefined);
  const failed = samples.filter(({ failure }) => failure !== undefined);
  const svg = plot({
    document,
    width: 640,
    height: 230,
    marginLeft: 48,
    marginTop: 30,
    marginBottom: 34,
    style: { fontSize: "11px", overflow: "visible" },
    x: { label: "seconds", domain: [second(event.window.from), second(event.window.to)], ticks: 8, clamp: true },
    y: {
      label: null,
      type: "log",
      domain: [fastest, slowest],
      ticks: [1, 10, 100, 1000],
      tickFormat: (value: number) => (value < 1000 ? `${value} ms` : `${value / 1000} s`),
      grid: true,
    },
    marks: [
      ...(isLong
        ? [
            Plot.rect([gap], {
              x1: ({ from }: Window) => second(from),
              x2: ({ to }: Window) => second(to),
              y1: fastest,
              y2: slowest,
              fill: failureColour,
              fillOpacity: 0.13,
              className: "gap",
            }),
            Plot.text([gap], {
              x: ({ from, to }: Window) => (second(from) + second(to)) / 2,
              y: slowest,
              text: () => seconds(longestGap),
              fill: failureColour,
              fontWeight: "bold",
              dy: 10,
            }),
          ]
        : []),
      Plot.ruleX(event.moments, { x: ({ at }: Moment) => second(at), stroke: "currentColor", strokeDasharray: "3,3" }),
      ...[0, 1].map((row) =>
        Plot.text(momentsInRow(event, row), {
          x: ({ at }: Moment) => second(at),
          text: "what",
          frameAnchor: "top",
          textAnchor: "start",
          dx: 3,
          dy: row * 11 - 26,
        }),
      ),
      Plot.dot(answered, {
        x: ({ at }: Sample) => second(at),
        y: height,
        r: 2.2,
        fill: ({ servedBy }: Sample) => serverColours.get(servedBy ?? "") ?? unknownColour,
        fillOpacity: 0.8,
        className: markNames.answered,
      }),
      Plot.dot(failed, {
        x: ({ at }: Sample) => second(at),
        y: height,
        r: 3,
        fill: failureColour,
        className: markNames.failed,
        title: (sample: Sample) =>
          `${sample.kind} failed: ${sample.failure ?? ""}, ${seconds(endOf(sample) - sample.at)}, ${sample.servedBy ?? "no server"}`,
      }),
    ],
  });
  return svg.outerHTML;
}

/** The moments whose words stand in that row: those close to the one before are in another. */
function momentsInRow({ moments, window }: EventResult, wanted: number): Moment[] {
  const width = (window.to - window.from) / 5;
  let row = 0;
  return moments.filter(({ at }, index) => {
    const previous = moments[index - 1];
    row = previous !== undefined && at - previous.at < width ? 1 - row : 0;
    return row === wanted;
  });
}
