/** Checks that several resources of this plugin share. */
import type { KeyObject } from "node:crypto";
import type { CheckFailure } from "../provider/resource.ts";
import { textOf, type PropertyMap } from "../provider/value.ts";
import { parseKey } from "./keys.ts";
import { usageNames } from "./usages.ts";

/** The uses must be known names, the hours not negative. */
export function certificateFailures(inputs: PropertyMap): CheckFailure[] {
  const failures: CheckFailure[] = [];
  for (const [index, use] of ((inputs["allowedUses"] ?? []) as string[]).entries()) {
    if (usageNames.includes(use)) continue;
    const known = usageNames.map((name) => JSON.stringify(name)).join(" ");
    const reason = `Invalid Attribute Value Match. Attribute allowed_uses[${index}] value must be one of: [${known}], got: ${JSON.stringify(use)}`;
    failures.push({ property: "allowedUses", reason });
  }
  const hours = { validityPeriodHours: "validity_period_hours", earlyRenewalHours: "early_renewal_hours" };
  for (const [property, attribute] of Object.entries(hours)) {
    const value = Number(inputs[property] ?? 0);
    if (value >= 0) continue;
    const reason = `Invalid Attribute Value. Attribute ${attribute} value must be at least 0, got: ${value}`;
    failures.push({ property, reason });
  }
  return failures;
}

/** Exactly one of the private key and its write-only form must be there, the latter with a version. */
export function keyFailures(inputs: PropertyMap, property: string, attribute: string): CheckFailure[] {
  const writeOnly = `${property}Wo`;
  const given = [property, writeOnly].filter((name) => inputs[name] !== undefined);
  if (given.length !== 1) {
    const reason = `Invalid Attribute Combination. Exactly one of these attributes must be configured: [${attribute},${attribute}_wo]`;
    return [{ property, reason }];
  }
  if ((inputs[writeOnly] !== undefined) === (inputs[`${writeOnly}Version`] !== undefined)) return [];
  const reason = `Invalid Attribute Combination. These attributes must be configured together: [${attribute}_wo,${attribute}_wo_version]`;
  return [{ property: writeOnly, reason }];
}

/** The key that `keyFailures` has found to be there. */
export function givenKey(inputs: PropertyMap, property: string): string {
  return textOf(inputs[property] ?? inputs[`${property}Wo`]);
}

/** Reads a private key; `what` names it in the failure. */
export function readKey(pem: string, what: string): KeyObject {
  return reading(what, () => parseKey(pem));
}

/** Runs `read`; its failure says what could not be read. */
export function reading<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Error(`Failed to parse ${what}: ${(error as Error).message}`);
  }
}
