/**
 * What changed between the properties a resource has and the ones it should get, in the detail that the engine shows
 * to people: one entry per changed path, such as `triggers[0]` or `subject.commonName`.
 */
import { equal, isMap, type PropertyMap, type Value } from "./value.ts";

/** How one path changed. */
export type Change = "add" | "delete" | "update";

/** One changed path. */
export interface PropertyChange {
  change: Change;
  /** True when the resource must be replaced for it. */
  replace: boolean;
}

/** An answer to Diff. */
export interface Difference {
  /** By property path. Empty: nothing changed. */
  changes: Record<string, PropertyChange>;
  /** True when the old resource has to go before the new one can come. Default false. */
  deleteBeforeReplace?: boolean;
}

/**
 * Compares property by property. `mustReplace` says, for the name of a top-level property, whether its change means
 * replacement. Names that start with `__` are the engine's and the bridge's own and never count.
 */
export function difference(olds: PropertyMap, news: PropertyMap, mustReplace: (name: string) => boolean): Difference {
  const paths: Record<string, Change> = {};
  const names = new Set([...Object.keys(olds), ...Object.keys(news)].filter((name) => !name.startsWith("__")));
  for (const name of names) compare(pathOf("", name), olds[name], news[name], paths);
  return {
    changes: Object.fromEntries(
      Object.entries(paths).map(([path, change]) => [path, { change, replace: mustReplace(topLevel(path)) }]),
    ),
  };
}

/** The first name of a property path: `triggers` for `triggers[0]`. */
export function topLevel(path: string): string {
  const quoted = /^\["((?:[^"\\]|\\.)*)"\]/.exec(path);
  if (quoted) return (quoted[1] ?? "").replace(/\\(.)/g, "$1");
  return /^[^.[]*/.exec(path)?.[0] ?? path;
}

function compare(path: string, old: Value | undefined, now: Value | undefined, into: Record<string, Change>): void {
  if (Array.isArray(old) && Array.isArray(now)) {
    for (let index = 0; index < Math.max(old.length, now.length); index++) {
      compare(`${path}[${index}]`, old[index], now[index], into);
    }
  } else if (isMap(old) && isMap(now)) {
    for (const key of new Set([...Object.keys(old), ...Object.keys(now)])) {
      compare(pathOf(path, key), old[key], now[key], into);
    }
  } else if (!equal(old, now)) {
    into[path] = (old ?? null) === null ? "add" : (now ?? null) === null ? "delete" : "update";
  }
}

/** The path of a member: names that could be read as path syntax are quoted, as the engine expects them. */
function pathOf(parent: string, name: string): string {
  if (/[.[\]"]/.test(name)) return `${parent}["${name.replace(/["\\]/g, "\\$&")}"]`;
  return parent === "" ? name : `${parent}.${name}`;
}
