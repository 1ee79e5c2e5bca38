/**
 * A reporter for node's test runner that writes a line of JSON for every test and every file that has ended, for the
 * summary at the end of a run.
 */
import { relative } from "node:path";
import { leftToLong } from "../support/long.ts";
import { root, type Ended } from "./ended.ts";

/** What of the runner's events is used. @types/node lacks the summaries of files. */
interface Event {
  readonly type: string;
  readonly data: {
    readonly file?: string;
    readonly name?: string;
    readonly duration_ms?: number;
    readonly nesting?: number;
    readonly skip?: string | boolean;
    readonly details?: { readonly type?: string; readonly duration_ms: number };
  };
}

export default async function* timesReporter(source: AsyncIterable<Event>): AsyncGenerator<string> {
  // Files that share a process have no summaries: the tests that belong to no other add up to them.
  const files = new Map<string, number>();
  for await (const event of source) {
    const ended = endedOf(event);
    if (ended !== undefined) yield `${JSON.stringify(ended)}\n`;
    const { file, nesting, details } = event.data;
    if (file === undefined) continue;
    if (event.type === "test:summary") files.delete(file);
    else if (nesting === 0 && details !== undefined) files.set(file, (files.get(file) ?? 0) + details.duration_ms);
  }
  for (const [file, milliseconds] of files)
    yield `${JSON.stringify({ file: relative(root, file), milliseconds } satisfies Ended)}\n`;
}

function endedOf({ type, data: { file, name, duration_ms, details, skip } }: Event): Ended | undefined {
  if (file === undefined) return undefined;
  const path = relative(root, file);
  if (type === "test:summary") return { file: path, milliseconds: duration_ms ?? 0 };
  if (type !== "test:pass" && type !== "test:fail") return undefined;
  if (skip === leftToLong) return { file: path, test: name ?? "", milliseconds: 0, isLeft: true };
  if (details?.type === "suite") return undefined;
  return { file: path, test: name ?? "", milliseconds: details?.duration_ms ?? 0 };
}
