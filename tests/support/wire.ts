/** How values travel between a Pulumi program and its engine: with secrets and unknowns marked. */
import * as pulumi from "@pulumi/pulumi";

const { specialSigKey, specialSecretSig, unknownValue } = pulumi.runtime;

/** A value marked secret, as a provider hands it over. */
export function secret(value: unknown): unknown {
  return { [specialSigKey]: specialSecretSig, value };
}

/** True when a value is marked secret as a whole. */
export function isSecret(value: unknown): value is { value: unknown } {
  return (
    typeof value === "object" &&
    value !== null &&
    (value as Record<string, unknown>)[specialSigKey] === specialSecretSig
  );
}

/** True when a preview cannot tell a value yet; of a secret too. */
export function isUnknown(value: unknown): boolean {
  return reveal(value) === unknownValue;
}

/** The plain value behind a secret's mark. */
export function reveal(value: unknown): unknown {
  return isSecret(value) ? value.value : value;
}

/** Every text, property names included, that is not marked secret, however deep. */
export function plainTexts(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (isSecret(value) || typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [key, ...plainTexts(inner)]);
}

/** Every text that is marked secret, however deep. */
export function secretTexts(value: unknown): string[] {
  if (isSecret(value)) return plainTexts(value.value);
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(secretTexts);
}
