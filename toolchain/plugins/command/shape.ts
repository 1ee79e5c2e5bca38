/** Checks inputs against the shapes that the official plugin decodes them into, with its words for what is wrong. */
import type { CheckFailure } from "../provider/resource.ts";
import { isMap, reveal, Secret, Unknown, type PropertyMap, type Value } from "../provider/value.ts";

/** What a property may hold. */
export type Shape =
  | "string"
  | "number"
  | "boolean"
  | "any"
  | { list: Shape }
  | { map: Shape }
  | ObjectShape
  /** As `secret`, and stored encrypted whatever the program made of it. */
  | { secret: Shape };

/** An object with exactly these properties. */
export interface ObjectShape {
  /** Its name in messages, e.g. `remote.Connection`. */
  type: string;
  required?: Record<string, Shape>;
  optional: Record<string, Shape>;
}

/** What is wrong with `inputs`; empty when nothing is. */
export function failuresIn(inputs: PropertyMap, shape: ObjectShape): CheckFailure[] {
  const failures: CheckFailure[] = [];
  const fail = (property: string, reason: string): number => failures.push({ property, reason });
  for (const [name, expected] of Object.entries({ ...shape.required, ...shape.optional })) {
    const value = reveal(inputs[name] ?? null);
    if (value === null) {
      if (shape.required?.[name]) fail(name, `Missing required field '${name}' on '${shape.type}'`);
      continue;
    }
    const problem = problemWith(value, expected, shape, name);
    if (problem) fail(name, problem);
  }
  for (const name of Object.keys(inputs)) {
    if (shape.required?.[name] ?? shape.optional[name]) continue;
    if (name === "version" || name.startsWith("__")) continue;
    fail(name, `Unrecognized field '${name}' on '${shape.type}'`);
  }
  return failures;
}

/**
 * `inputs` with everything a secret that its shape says is one, also inside of secrets and of objects. What the program
 * made a secret stays one. Inputs of another shape stay as they are.
 */
export function withSecrets(inputs: PropertyMap, shape: ObjectShape): PropertyMap {
  const shapes = { ...shape.required, ...shape.optional };
  return Object.fromEntries(
    Object.entries(inputs).map(([name, value]) => {
      const expected = shapes[name];
      return [name, expected === undefined ? value : shaped(value, expected)];
    }),
  );
}

function shaped(value: Value, shape: Shape): Value {
  if (value instanceof Secret)
    return new Secret(shaped(value.value, typeof shape === "object" && "secret" in shape ? shape.secret : shape));
  if (typeof shape === "string") return value;
  if ("secret" in shape) return new Secret(shaped(value, shape.secret));
  if ("list" in shape) return Array.isArray(value) ? value.map((element) => shaped(element, shape.list)) : value;
  if (!isMap(value)) return value;
  if ("map" in shape) {
    return Object.fromEntries(Object.entries(value).map(([key, element]) => [key, shaped(element, shape.map)]));
  }
  return withSecrets(value, shape);
}

function problemWith(value: Value, shape: Shape, parent: ObjectShape, name: string): string | undefined {
  if (value instanceof Unknown || shape === "any") return undefined;
  if (typeof shape === "object" && "secret" in shape) return problemWith(value, shape.secret, parent, name);
  if (typeof shape === "string") return typeof value === shape ? undefined : wrongType(value, shape, parent, name);
  if ("list" in shape) {
    if (!Array.isArray(value)) return wrongType(value, "list", parent, name);
    return first(value.map((element, index) => problemWith(element, shape.list, parent, `${name}[${index}]`)));
  }
  if (!isMap(value)) return wrongType(value, "object", parent, name);
  if ("map" in shape) {
    return first(
      Object.entries(value).map(([key, element]) => problemWith(element, shape.map, parent, `${name}[${key}]`)),
    );
  }
  const failures = failuresIn(value, shape);
  if (failures.length === 0) return undefined;
  const details = failures.map(({ property, reason }) => `\n\t${property}: ${reason}`).join("");
  return `An error occurred decoding '${shortName(parent.type)}.${name}': ${failures.length} failures decoding:${details}`;
}

function wrongType(value: Value, expected: string, parent: ObjectShape, name: string): string {
  const goNames: Record<string, string> = { number: "float64", boolean: "bool" };
  const actual = Array.isArray(value) ? "[]interface {}" : isMap(value) ? "map[string]interface {}" : typeof value;
  return `Field '${name}' on '${parent.type}' must be a '${goNames[expected] ?? expected}'; got '${goNames[actual] ?? actual}' instead`;
}

function first(problems: (string | undefined)[]): string | undefined {
  return problems.find((problem) => problem !== undefined);
}

function shortName(type: string): string {
  return type.slice(type.indexOf(".") + 1);
}
