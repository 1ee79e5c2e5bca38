/** What a whole run consists of: stages, cheapest first, and the files of tests in each. */
import { globSync } from "node:fs";
import { root } from "./ended.ts";

/** A part of the run whose files run under the same conditions. */
export interface Stage {
  readonly name: string;
  /** Commands that run at the same time, instead of test files. */
  readonly commands?: readonly (readonly string[])[];
  /** Pattern of the test files. */
  readonly tests?: string;
  /** Of those, what to leave to another stage. */
  readonly except?: string;
  /** Test files at the same time: real hosts and databases take turns. Default: as many as there are processors. */
  readonly concurrency?: number;
  /** Sandboxes at the same time, for tests that spend their time waiting for hosts and measure none of it. Default: one. */
  readonly sandboxes?: number;
}

/** Tests that have the machine to themselves: they hold what clients see to limits in seconds, or look at the machine. */
const alone = "tests/sandbox/{balancerPair,drill,hosts,leftovers,stress}.test.ts";

/** What the sandbox says of machines that are made up. */
const withoutHosts = "tests/sandbox/refusals.test.ts";

export const stages: readonly Stage[] = [
  {
    name: "lint",
    commands: [
      ["prettier", "--check", "--log-level", "warn", "."],
      ["eslint", "."],
      ["tsc", "--noEmit"],
    ],
  },
  {
    name: "unit",
    tests: `{tests/{config,render,drill,components,operations,toolchain,policy,runner}/**/*.test.ts,${withoutHosts}}`,
    except: "tests/toolchain/plugins/*.test.ts",
  },
  { name: "plugins", tests: "tests/toolchain/plugins/*.test.ts", concurrency: 1 },
  { name: "backup", tests: "tests/backup/**/*.test.ts", concurrency: 1 },
  { name: "sandbox", tests: "tests/sandbox/*.test.ts", except: `{${alone},${withoutHosts}}`, sandboxes: 2 },
  { name: "alone", tests: alone, concurrency: 1 },
];

/** The test files of a stage, relative to the project, in the order of their names. */
export function filesOf(stage: Stage): string[] {
  if (stage.tests === undefined) return [];
  return globSync(stage.tests, { cwd: root, exclude: globSync(stage.except ?? "", { cwd: root }) }).toSorted();
}
