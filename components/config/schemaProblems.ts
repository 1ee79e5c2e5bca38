import { z } from "zod";
import { configPath } from "./configPath.ts";
import { nearMatch } from "./nearMatch.ts";
import { type Problem, shown } from "./problem.ts";
import { listed } from "./schemaTypes.ts";

type Issue = z.core.$ZodIssue;

/** A section of the configuration after parsing, with what was wrong with it. */
export interface ParsedSection<Output> {
  /** What could be parsed: with problems, all but the parts they stand in. Undefined when nothing is left. */
  readonly value: Output | undefined;
  readonly problems: readonly Problem[];
}

/** Parses one section and tells everything that is wrong with it. */
export function parseSection<Schema extends z.ZodType>(
  schema: Schema,
  key: string,
  raw: unknown,
): ParsedSection<z.output<Schema>> {
  const result = schema.safeParse(raw);
  if (result.success) return { value: result.data, problems: [] };
  const problems = result.error.issues.flatMap((issue) => problemsOf(issue, key, raw, schema));
  return { value: withoutFaults(schema, raw, result.error.issues), problems };
}

function problemsOf(issue: Issue, key: string, raw: unknown, schema: z.ZodType): Problem[] {
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

/** What is wrong with a name that is no setting. Its value is not shown: it may be a secret in a wrong place. */
export function unknownSettingFault(name: string, known: readonly string[]): string {
  const near = nearMatch(name, known);
  const remedy = near === undefined ? "remove it" : `did you mean ${near}`;
  return `is not a setting, but one of ${listed([...known].sort())} has to be: ${remedy}`;
}

/** The names that a map of fixed settings in the schema has. */
function settingsAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  const here = unwrapped(schema);
  const [step, ...rest] = path;
  if (step === undefined) return here instanceof z.ZodObject ? Object.keys(here.shape) : [];
  const below =
    here instanceof z.ZodObject ? here.shape[String(step)] : here instanceof z.ZodRecord ? here.valueType : undefined;
  return below === undefined ? [] : settingsAt(below as z.ZodType, rest);
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
 * once. What needs a removed part goes with it.
 */
function withoutFaults<Schema extends z.ZodType>(
  schema: Schema,
  raw: unknown,
  issues: readonly Issue[],
): z.output<Schema> | undefined {
  const rest: unknown = structuredClone(raw);
  let remaining = issues;
  // Each round removes something, so the rounds end.
  for (;;) {
    for (const issue of remaining) {
      const places =
        issue.code === "unrecognized_keys" ? issue.keys.map((name) => [...issue.path, name]) : [issue.path];
      for (const place of places) {
        if (!removeAt(rest, place)) return undefined;
      }
    }
    const result = schema.safeParse(rest);
    if (result.success) return result.data;
    remaining = result.error.issues;
  }
}

/**
 * Removes what stands at the path or, if it is missing there, what misses it. False at the root, which can only go as a
 * whole. What was removed together with an earlier place counts as removed.
 */
function removeAt(root: unknown, path: readonly PropertyKey[]): boolean {
  const step = path.at(-1);
  if (step === undefined) return false;
  const holderPath = path.slice(0, -1);
  const holder = valueAt(root, holderPath);
  if (!isContainer(holder)) return true;
  // In a list, removing one moves the others away from the places that are still to come: the whole list goes.
  if (Array.isArray(holder) || !Object.hasOwn(holder, step)) return removeAt(root, holderPath);
  return Reflect.deleteProperty(holder, step);
}
