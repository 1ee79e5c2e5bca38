/** The server's version, asked for as the official plugin does: in a way that MariaDB no longer answers since 10.10. */
import type { Run } from "./connection.ts";

/** Three numbers, e.g. [8, 0, 36]. */
export type Version = [number, number, number];

/** Asks. On MariaDB since 10.10: `Error 1193 (HY000): Unknown system variable 'innodb_version'`. */
export async function serverVersion(run: Run): Promise<Version> {
  const rows = await run("SELECT @@GLOBAL.innodb_version");
  return parseVersion(String(Object.values(rows[0] ?? {})[0]));
}

/** Reads the first three numbers of a version. Throws for text that has none. */
export function parseVersion(text: string): Version {
  const [, major, minor = 0, patch = 0] = /^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?/.exec(text) ?? [];
  if (major === undefined) throw new Error(`Malformed version: ${text}`);
  return [Number(major), Number(minor), Number(patch)];
}

/** Less than 0, 0, or more than 0, as `one` is older than, the same as or newer than `other`. */
export function compareVersions(one: Version, other: Version): number {
  return one[0] - other[0] || one[1] - other[1] || one[2] - other[2];
}

/** What the official plugin takes for MySQL 8: REQUIRE and WITH GRANT OPTION are then left out of GRANT. */
export function supportsRoles(version: Version): boolean {
  return compareVersions(version, [8, 0, 0]) > 0;
}
