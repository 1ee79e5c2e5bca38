import { createHash } from "node:crypto";

/** The longest name of a user that can be rotated: the one for backups has 16 more characters, and MySQL takes 32. */
export const longestRotatedUser = 16;

/** The names that one rotation gives to users and to their resources. */
export interface RotatedNames {
  /** The name of a user in this rotation. The one of before keeps its own, so that both can log in for as long as servers change. */
  readonly user: (name: string) => string;
  /** The name of a resource that belongs to a user of this rotation. The one of before is deleted at the end of the run. */
  readonly resource: (name: string) => string;
}

/** The names of a rotation; without one they are the plain ones. */
export function rotatedNames(rotation: string | undefined): RotatedNames {
  if (rotation === undefined) return { user: (name) => name, resource: (name) => name };
  const suffix = createHash("sha256").update(rotation).digest("hex").slice(0, 8);
  return { user: (name) => `${name}_${suffix}`, resource: (name) => `${name}-${suffix}` };
}

/** A regular expression of SQL that matches a user's name in every rotation. */
export function everyRotationOf(user: string): string {
  return `^${user}(_[0-9a-f]{8})?$`;
}
