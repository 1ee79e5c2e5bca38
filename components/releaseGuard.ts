import * as pulumi from "@pulumi/pulumi";
import { upgradeFault } from "./render/releaseOrder.ts";

/**
 * Refuses, already in the preview, to change a server to a release that it may not be changed to. What a server runs is
 * what its last proved script installed, as the stack's state has it: one that failed and went back is not in the way.
 *
 * @throws when the change is made, with the reason and the remedy.
 */
export function guardRelease(
  name: string,
  server: string,
  wanted: string,
  leaving: string | undefined,
): pulumi.ResourceHook {
  return new pulumi.ResourceHook(
    `${name}-release-guard`,
    ({ oldInputs }) => {
      const installed = /^version=(\S+)$/m.exec(String(oldInputs?.["stdin"]))?.[1];
      const fault = installed === undefined ? undefined : upgradeFault(server, installed, wanted, leaving);
      if (fault !== undefined) throw new Error(fault);
    },
    { onDryRun: true },
  );
}
