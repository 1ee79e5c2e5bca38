import { placeOf } from "./sshConnection.ts";
import type { HostLogin } from "./hostLogin.ts";

/**
 * Seconds that a clock may differ from the others. Certificates that this machine makes are good from now on, and K3s's
 * tokens and leases bear times; half a minute is more than any host has whose clock is kept, and less than harms.
 */
const toleratedSeconds = 30;

/** A reading of a host's clock, and the interval on this machine's clock in which it was made. In milliseconds since 1970. */
export interface ClockReading {
  readonly login: HostLogin;
  readonly shown: number;
  readonly earliest: number;
  readonly latest: number;
}

/**
 * A sentence for each clock that differs from most of the others, this machine's among them. The time that an answer took
 * is not a difference: a slow host is not reported.
 */
export function clockProblems(readings: readonly ClockReading[]): string[] {
  const offsets = readings.map(({ login, shown, earliest, latest }) => ({
    login,
    least: (shown - latest) / 1000,
    most: (shown - earliest) / 1000,
  }));
  // This machine's clock is one of them; it decides when there are two.
  const sorted = [0, ...offsets.map(({ least, most }) => (least + most) / 2)].toSorted((a, b) => a - b);
  const [lower = 0, upper = 0] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.floor(sorted.length / 2)]];
  const usual = lower <= 0 && upper >= 0 ? 0 : (lower + upper) / 2;
  const own = Math.abs(usual) <= toleratedSeconds ? [] : [ownClockSentence(usual)];
  return [
    ...own,
    ...offsets.flatMap(({ login, least, most }) => {
      const difference = usual < least ? least - usual : usual > most ? most - usual : 0;
      return Math.abs(difference) <= toleratedSeconds
        ? []
        : [
            `${placeOf(login)}: its clock is ${spoken(difference)} ${own.length === 0 ? "this machine's" : "the other hosts'"}. Synchronize it by NTP ("timedatectl set-ntp true" there), then run again.`,
          ];
    }),
  ];
}

function ownClockSentence(usual: number): string {
  return `The clock of this machine is ${spoken(-usual)} the hosts'. Correct it, preferably by NTP, then run again: certificates created now would have the wrong time.`;
}

function spoken(seconds: number): string {
  return `${Math.round(Math.abs(seconds))} s ${seconds < 0 ? "behind" : "ahead of"}`;
}
