import * as pulumi from "@pulumi/pulumi";
import { recordIn, type ScriptRecord } from "./scriptRecord.ts";

/** The judgement of a change of a command on a host. */
export interface ChangeGuard<Facts extends ScriptRecord> {
  /**
   * The reason why the change is refused, with the remedy; undefined when it is allowed.
   *
   * @param before the record of the last script that succeeded; one that failed is not in the state.
   * @param after the record of the new script; nothing while a preview does not know it yet.
   * @param command name of the command's resource.
   */
  readonly fault: (before: Partial<Facts>, after: Partial<Facts>, command: string) => string | undefined;
  /** Reads the same from a script of a release whose scripts had no record. */
  readonly readEarlier: (script: string) => Partial<Facts>;
}

/**
 * A hook for a command's `beforeUpdate` that refuses changes, already in a preview and before the host is reached.
 *
 * @throws when the change is made, with the reason and the remedy.
 */
export function guardChange<Facts extends ScriptRecord>(
  name: string,
  { fault, readEarlier }: ChangeGuard<Facts>,
): pulumi.ResourceHook {
  const factsOf = (inputs: unknown) => {
    const script = String((inputs as { stdin?: unknown } | undefined)?.stdin);
    return (recordIn(script) as Partial<Facts> | undefined) ?? readEarlier(script);
  };
  return new pulumi.ResourceHook(
    name,
    ({ name: command, oldInputs, newInputs }) => {
      const found = fault(factsOf(oldInputs), factsOf(newInputs), command);
      if (found !== undefined) throw new Error(found);
    },
    { onDryRun: true },
  );
}
