import { z } from "zod";
import { configPath } from "./configPath.ts";
import { nearMatch } from "./nearMatch.ts";
import { type Problem, shown } from "./problem.ts";
import { indivisible, sections } from "./schema.ts";
import { listed } from "./schemaTypes.ts";

type Issue = z.core.$ZodIssue;

/** A section of the configuration after parsing, with what was wrong with it. */
export interface ParsedSection<Output> {
  /** The parsed part of the configuration: with problems, everything except the parts that have them. Undefined if nothing is left. */
  readonly value: Output | undefined;
  readonly problems: readonly Problem[];
}

/** Parses one section and tells everything that is wrong with it. */
export function parseSection<Schema extends z.ZodType>(
  schema: Schema,
  key: string,
  raw: unknown,
): ParsedSection<z.output<Schema>> {
  raw = withEmptyMaps(schema, raw);
  const result = schema.safeParse(raw);
  if (result.success) return { value: result.data, problems: [] };
  const problems = result.error.issues.flatMap((issue) => issueProblems(issue, key, raw, schema));
  return { value: withoutFaults(schema, raw, result.error.issues), problems };
}

/** A map under a name of the user's that may be empty, such as a registry's mirror, may have nothing after its colon. */
function withEmptyMaps(schema: unknown, raw: unknown): unknown {
  const bare = bareSchema(schema);
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) return raw;
  if (bare instanceof z.ZodRecord) {
    const value = bareSchema(bare.valueType);
    const mayBeEmpty = value instanceof z.ZodObject && value.safeParse({}).success;
    return mapValues(raw, (item) => (item === null && mayBeEmpty ? {} : withEmptyMaps(value, item)));
  }
  if (!(bare instanceof z.ZodObject)) return raw;
  const shape = bare.shape as Record<string, unknown>;
  return mapValues(raw, (item, name) => withEmptyMaps(Object.hasOwn(shape, name) ? shape[name] : undefined, item));
}

function bareSchema(schema: unknown): unknown {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodDefault ? bareSchema(schema.unwrap()) : schema;
}

function mapValues(map: object, change: (value: unknown, name: string) => unknown): object {
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [name, change(value, name)]));
}

function issueProblems(issue: Issue, key: string, raw: unknown, schema: z.ZodType): Problem[] {
  if (issue.code === "unrecognized_keys") {
    const known = settingsAt(schema, issue.path);
    return issue.keys.map((name) => ({
      path: configPath(key, ...issue.path, name),
      fault: unknownSettingFault(name, known),
    }));
  }
  const path = configPath(key, ...issue.path);
  const value = valueAt(raw, issue.path);
  // A message of its own that already says what the value is.
  if (!issue.message.startsWith("has to")) return [{ path, fault: issue.message }];
  const fault = value === undefined ? `is missing and ${issue.message}` : `is ${shown(value)}, but ${issue.message}`;
  return [{ path, fault }];
}

/** The message for an unknown setting. Its value is not shown: it may be a secret in a wrong place. */
export function unknownSettingFault(name: string, known: readonly string[]): string {
  const near = nearMatch(name, known);
  const places = placesOf(name);
  const remedy =
    near !== undefined
      ? `rename it to ${near}, or remove it`
      : places.length > 0
        ? `move it to ${places.join(" or ")}, or remove it`
        : "remove it";
  return `is not a setting: ${remedy} (there are ${listed([...known].sort())})`;
}

/** The place where a name is a setting, one level below a key or a pool: such as those that are the same for all servers. */
function placesOf(name: string): string[] {
  return Object.entries(sections).flatMap(([key, schema]) => {
    const section = unwrapped(schema);
    if (section instanceof z.ZodObject) return name in section.shape ? [configPath(key, name)] : [];
    return key === "agentPools" && settingsAt(section, ["<pool>"]).includes(name)
      ? [`${configPath(key)}.<pool>.${name}`]
      : [];
  });
}

/** The schemas that lead to a path: that of the whole, of the first step, and so on. */
function schemasAlong(schema: z.ZodType, path: readonly PropertyKey[]): z.ZodType[] {
  const here = unwrapped(schema);
  const [step, ...rest] = path;
  if (step === undefined) return [here];
  const below: unknown =
    here instanceof z.ZodObject ? here.shape[String(step)] : here instanceof z.ZodRecord ? here.valueType : undefined;
  return below === undefined ? [here] : [here, ...schemasAlong(below as z.ZodType, rest)];
}

/** The names that the map of fixed settings at a path has. */
function settingsAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  const last = schemasAlong(schema, path).at(-1);
  return last instanceof z.ZodObject ? Object.keys(last.shape) : [];
}

/** A schema without "may be absent" and "has a default" around it. */
function unwrapped(schema: z.ZodType): z.ZodType {
  const isWrapped = schema instanceof z.ZodOptional || schema instanceof z.ZodDefault;
  return isWrapped ? unwrapped(schema.unwrap() as z.ZodType) : schema;
}

function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, step) => (isContainer(value) ? value[step] : undefined), raw);
}

function isContainer(value: unknown): value is Record<PropertyKey, unknown> {
  return typeof value === "object" && value !== null;
}

/**
 * The section without the parts that are wrong, so that the rest can still be checked and all problems be told at
 * once. Everything that needs a removed part is removed as well, and so is an indivisible map around one.
 */
function withoutFaults<Schema extends z.ZodType>(
  schema: Schema,
  raw: unknown,
  issues: readonly Issue[],
): z.output<Schema> | undefined {
  const rest = structuredClone<unknown>(raw);
  let remaining = issues;
  // Each round removes something, so the rounds end.
  for (;;) {
    // All are found before the first is removed: what one of them takes along does not count as missing.
    const places = remaining.flatMap(faultyPlaces).map((place) => nearestPart(rest, upToIndivisible(schema, place)));
    if (places.some((place) => place.length === 0)) return undefined;
    for (const place of places) {
      const holder = valueAt(rest, place.slice(0, -1));
      if (isContainer(holder)) Reflect.deleteProperty(holder, place.at(-1) ?? "");
    }
    const result = schema.safeParse(rest);
    if (result.success) return result.data;
    remaining = result.error.issues;
  }
}

function faultyPlaces(issue: Issue): (readonly PropertyKey[])[] {
  return issue.code === "unrecognized_keys" ? issue.keys.map((name) => [...issue.path, name]) : [issue.path];
}

/** The path, cut where it enters a map that is no good without all of its parts. */
function upToIndivisible(schema: z.ZodType, path: readonly PropertyKey[]): readonly PropertyKey[] {
  const at = schemasAlong(schema, path).findIndex((step) => step instanceof z.ZodObject && indivisible.has(step.shape));
  return at < 0 ? path : path.slice(0, at);
}

/** The path of what can be removed for a fault: what stands at its path or, where something is missing, what misses it. */
function nearestPart(root: unknown, path: readonly PropertyKey[]): readonly PropertyKey[] {
  const [holderPath, step] = [path.slice(0, -1), path.at(-1)];
  const holder = valueAt(root, holderPath);
  // In a list, removing one would change the paths of the others: the whole list is removed.
  const isPart = step !== undefined && isContainer(holder) && !Array.isArray(holder) && Object.hasOwn(holder, step);
  return isPart || path.length === 0 ? path : nearestPart(root, holderPath);
}
