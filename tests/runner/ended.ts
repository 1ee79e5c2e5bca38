/** How long files of tests, and the tests in them, took. */
import { basename, join } from "node:path";

/** The project's directory. */
export const root = join(import.meta.dirname, "..", "..");

/** A test, or a file of tests as a whole, that has ended. */
export interface Ended {
  /** Relative to the project. */
  readonly file: string;
  /** Undefined for the file as a whole. */
  readonly test?: string;
  readonly milliseconds: number;
  /** True for what was skipped, because another command runs it. */
  readonly isLeft?: true;
}

/** How many of the slowest tests are named. */
const slowest = 20;

/** Shorter than that, in milliseconds, is not worth a line. */
const worthALine = 1000;

/** Seconds per file and of the slowest tests, the slowest first, in lines for people. */
export function renderTimes(ended: readonly Ended[]): string {
  const bySlowness = ended
    .filter(({ milliseconds }) => milliseconds >= worthALine)
    .toSorted((a, b) => b.milliseconds - a.milliseconds);
  const seconds = ({ milliseconds }: Ended) => `${(milliseconds / 1000).toFixed(1).padStart(7)} s`;
  const files = bySlowness.filter(({ test }) => test === undefined).map((each) => `${seconds(each)}  ${each.file}`);
  const tests = bySlowness
    .filter(({ test }) => test !== undefined)
    .slice(0, slowest)
    .map((each) => `${seconds(each)}  ${each.test ?? ""} (${each.file})`);
  return [...section("Files", files), ...section("Slowest tests", tests)].join("\n");
}

/** What a run left to `make test-long`, as one line; empty when there is nothing. */
export function renderLeft(wholeFiles: readonly string[], ended: readonly Ended[]): string {
  const tests = ended.filter(({ isLeft }) => isLeft).map(({ file, test }) => `${nameOf(file)} (${test ?? ""})`);
  const left = [...wholeFiles.map(nameOf), ...tests];
  return left.length === 0 ? "" : `Left to make test-long: ${left.join("; ")}.`;
}

function nameOf(file: string): string {
  return basename(file, ".test.ts");
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", `${title}:`, ...lines];
}
