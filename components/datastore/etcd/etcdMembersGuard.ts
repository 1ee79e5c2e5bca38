import type * as pulumi from "@pulumi/pulumi";
import { guardChange } from "../../host/guardChange.ts";
import type { ScriptRecord } from "../../host/scriptRecord.ts";

/** The record of a member's script. */
export interface EtcdMemberRecord extends ScriptRecord {
  /** Names of the members, lost ones left out. */
  readonly members: readonly string[];
}

/**
 * Refuses, already in the preview, to take so many members out of an etcd at the same time that the others are no majority.
 *
 * @param isConfirmed whether the majority was lost, and etcd was restored without it.
 * @throws when the change is made, with the reason and the remedy.
 */
export function guardMembers(name: string, isConfirmed: boolean): pulumi.ResourceHook {
  return guardChange<EtcdMemberRecord>(`${name}-quorum`, {
    fault: ({ members: before }, { members: after }) => (isConfirmed ? undefined : quorumFault(before, after)),
    readEarlier: () => ({}),
  });
}

/** Why members may not leave together; undefined when they may, or when either is not known. */
export function quorumFault(
  before: readonly string[] | undefined,
  after: readonly string[] | undefined,
): string | undefined {
  if (before === undefined || after === undefined) return undefined;
  const leaving = before.filter((name) => !after.includes(name));
  const majority = Math.floor(before.length / 2) + 1;
  if (before.length - leaving.length >= majority) return undefined;
  return `k3s-ha:datastore.managed.hosts: ${leaving.join(" and ")} would leave the etcd of ${before.join(", ")} at the same time, and the others are no majority of it. Change one, run up, and then change the next. If they are lost, etcd has lost its majority: see docs/day-two.md.`;
}
