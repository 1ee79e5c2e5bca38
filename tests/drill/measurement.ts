import { endOf, type Lag, type Observations, type Sample } from "./sample.ts";

/** Seconds of the drill: a measured part. Milliseconds since 1970. */
export interface Window {
  from: number;
  to: number;
}

/** What a client saw during a window. */
export interface Measurement {
  requests: number;
  failed: number;
  /** The longest time in which no request was answered, in milliseconds; about the pace of the client when all is well. */
  longestGap: number;
  /** When that was. */
  gap: Window;
  /** The longest delay of the client's own timers, in milliseconds. */
  longestLag: number;
  /** Those that began in the window, by the time they began. */
  samples: Sample[];
}

/** Cuts a window out of what a client saw in all. */
export function measure({ samples, lags }: Observations, window: Window): Measurement {
  const within = samples.filter(({ at }) => at >= window.from && at < window.to);
  const gap = longestGap(samples, window);
  return {
    requests: within.length,
    failed: within.filter(({ failure }) => failure !== undefined).length,
    longestGap: gap.to - gap.from,
    gap,
    longestLag: longestLag(lags, window),
    samples: within,
  };
}

/**
 * The longest time without an answer that has a part in the window. It counts from answer to answer, wherever in time
 * these are: an outage that began in the window is not over because the window is.
 */
function longestGap(samples: readonly Sample[], window: Window): Window {
  const answers = samples
    .filter(({ failure }) => failure === undefined)
    .map(endOf)
    .toSorted((a, b) => a - b);
  // Without any answer before or after, it lasts at least from the first request to the end of the last.
  const start = samples.reduce((earliest, { at }) => Math.min(earliest, at), Infinity);
  const end = samples.reduce((latest, sample) => Math.max(latest, endOf(sample)), -Infinity);
  let longest: Window = { from: window.from, to: window.from };
  let previous = start;
  for (const next of [...answers, end]) {
    if (next >= window.from && previous <= window.to && next - previous > longest.to - longest.from) {
      longest = { from: previous, to: next };
    }
    previous = next;
  }
  return longest;
}

function longestLag(lags: readonly Lag[], window: Window): number {
  return lags
    .filter(({ at }) => at >= window.from && at <= window.to + 1000)
    .reduce((longest, lag) => Math.max(longest, lag.longest), 0);
}
