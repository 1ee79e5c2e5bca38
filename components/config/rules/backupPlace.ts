import { configPath } from "../configPath.ts";
import type { ConfiguredHost } from "../hosts.ts";
import { type Problem, shown } from "../problem.ts";
import type { Configuration } from "../schema.ts";
import { listed } from "../schemaTypes.ts";

/** One existing host takes the backups. */
export function unknownBackupHost({ backup }: Configuration, hosts: readonly ConfiguredHost[]): Problem[] {
  if (backup?.host === undefined) return [];
  const path = configPath("backup", "host");
  if (backup.dedicated !== undefined) {
    return [
      { path, fault: "is set, and so is backup.dedicated, but one host takes the backups: remove one of the two" },
    ];
  }
  if (hosts.some(({ name }) => name === backup.host)) return [];
  const names = listed(hosts.map(({ name }) => name));
  const fault = `is ${shown(backup.host)}, but no host of the stack has that name: write one of ${names}, or describe another host in backup.dedicated`;
  return [{ path, fault }];
}
