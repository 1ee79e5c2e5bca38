/**
 * Property values as a provider sees them, and their form on the wire. On the wire a secret is an object that bears a
 * signature, and a value not yet known is one of a few fixed strings; here they are `Secret` and `unknown`, so that no
 * resource has to know the encoding. Assets and archives keep their wire form (objects with their own signature).
 */
import protobuf from "google-protobuf/google/protobuf/struct_pb.js";

/** A value that the engine stores encrypted and never shows. */
export class Secret {
  readonly value: Value;

  constructor(value: Value) {
    this.value = value;
  }
}

/** The type of `unknown`. */
export class Unknown {
  // Makes the type nominal: without a member of its own, everything would be one.
  readonly #unknown = "<unknown>";

  toString(): string {
    return this.#unknown;
  }
}

/** A value that will be known only after something else was really created (previews). */
export const unknown = new Unknown();

/** A property value. */
export type Value = null | boolean | number | string | Secret | Unknown | Value[] | PropertyMap;

/** Properties by name. A property that is not set is absent, never `undefined`. */
export interface PropertyMap {
  [name: string]: Value;
}

/** JSON as it comes out of a protobuf Struct. */
export type Wire = null | boolean | number | string | Wire[] | { [name: string]: Wire };

const signatureKey = "4dabf18193072939515e22adb298388d";
const secretSignature = "1b47061264138c4ac30d75fd1eb44270";

/** What an unknown value is on the wire: one string per type that the value will have. */
const unknownSentinels = new Set([
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
  "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
  "030794c1-ac77-496b-92df-f27374a8bd58",
  "e48ece36-62e2-4504-bad9-02848725956a",
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]);
const unknownString = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** Reads a value that came over the wire. */
export function decode(wire: Wire): Value {
  if (typeof wire === "string") return unknownSentinels.has(wire) ? unknown : wire;
  if (wire === null || typeof wire !== "object") return wire;
  if (Array.isArray(wire)) return wire.map(decode);
  if (wire[signatureKey] === secretSignature) return new Secret(decode(wire["value"] ?? null));
  return mapValues(wire, decode);
}

/** Writes a value for the wire. */
export function encode(value: Value): Wire {
  if (value instanceof Secret) return { [signatureKey]: secretSignature, value: encode(value.value) };
  if (value instanceof Unknown) return unknownString;
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(encode);
  return mapValues(value, encode);
}

/** Reads properties from a request; none at all is the empty map. */
export function fromStruct(struct: protobuf.Struct | undefined): PropertyMap {
  return struct === undefined ? {} : (decode(struct.toJavaScript()) as PropertyMap);
}

/** Writes properties into an answer. */
export function toStruct(properties: PropertyMap): protobuf.Struct {
  return protobuf.Struct.fromJavaScript(encode(properties) as Record<string, protobuf.JavaScriptValue>);
}

/** The value without its secrecy, at every depth. For use inside the provider only: never return the result. */
export function reveal(value: Value): Value {
  if (value instanceof Secret) return reveal(value.value);
  if (value === null || typeof value !== "object" || value instanceof Unknown) return value;
  if (Array.isArray(value)) return value.map(reveal);
  return mapValues(value, reveal);
}

/** The text of a string, number or boolean, secret or not; "" for one that is not set. Throws for anything else. */
export function textOf(value: Value | undefined): string {
  const plain = reveal(value ?? "");
  if (plain === null) return "";
  if (typeof plain === "object") throw new Error(`expected text, got ${Array.isArray(plain) ? "a list" : "an object"}`);
  return String(plain);
}

/** `reveal` of a property map. */
export function revealAll(properties: PropertyMap): PropertyMap {
  return mapValues(properties, reveal);
}

/** True when the value, or a part of it, is not known yet. */
export function hasUnknown(value: Value): boolean {
  if (value instanceof Unknown) return true;
  if (value instanceof Secret) return hasUnknown(value.value);
  if (value === null || typeof value !== "object") return false;
  return Object.values(value).some(hasUnknown);
}

/** True for an object of properties: not null, not an array, not a secret, not unknown. */
export function isMap(value: Value | undefined): value is PropertyMap {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Secret) &&
    !(value instanceof Unknown)
  );
}

/** Equal in content; a secret equals only a secret, and an unset property equals null. */
export function equal(one: Value | undefined, other: Value | undefined): boolean {
  if (one instanceof Secret || other instanceof Secret) {
    return one instanceof Secret && other instanceof Secret && equal(one.value, other.value);
  }
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((element, index) => equal(element, other[index]));
  }
  if (isMap(one) && isMap(other)) {
    return [...new Set([...Object.keys(one), ...Object.keys(other)])].every((key) => equal(one[key], other[key]));
  }
  return (one ?? null) === (other ?? null);
}

function mapValues<From, To>(object: Record<string, From>, convert: (value: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, convert(value)]));
}
