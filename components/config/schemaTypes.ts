import { z } from "zod";

/*
 * The message of every check is the rest of a sentence that begins with the value's path and the value:
 * "has to be what was expected: the remedy". schemaProblems.ts puts them together.
 */

/** A string that `fault` finds nothing wrong with. */
export function text(expectation: string, fault: (value: string) => string | undefined) {
  return z.string({ error: expectation }).superRefine((value, context) => {
    const message = fault(value);
    if (message !== undefined) context.addIssue({ code: "custom", message });
  });
}

/** A string that matches. */
export function matching(pattern: RegExp, expectation: string) {
  return text(expectation, (value) => (pattern.test(value) ? undefined : expectation));
}

/** A whole number from `least` to `most`. */
export function wholeNumber(least: number, most: number, remedy: string) {
  const range = most === Infinity ? `of at least ${least}` : `from ${least} to ${most}`;
  const error = `has to be a whole number ${range}: ${remedy}`;
  const number = z.int({ error }).min(least, { error });
  return most === Infinity ? number : number.max(most, { error });
}

/** true or false. */
export function yesOrNo(remedy: string) {
  return z.boolean({ error: `has to be true or false: ${remedy}` });
}

/** A map of settings whose names are fixed; any other is refused. */
export function section<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape, {
    // Another issue than a wrong type, an unknown name, is told by schemaProblems.ts, which knows the names.
    error: `has to be a map of settings: indent ${listed(Object.keys(shape))} below it`,
  });
}

/** A map from names that the user chooses. */
export function mapOf<Value extends z.ZodType>(value: Value, example: string) {
  return z.record(z.string(), value, { error: `has to be a map: write it like ${example}` });
}

/** A list. */
export function listOf<Value extends z.ZodType>(value: Value, example: string) {
  return z.array(value, { error: `has to be a list: write it like ${example}` });
}

/** Names in a sentence: `a, b and c`. */
export function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
