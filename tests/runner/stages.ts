/** What a whole run consists of: stages, cheapest first, and the files of tests in each. */
import { globSync } from "node:fs";
import { reach } from "./changes.ts";
import { root } from "./ended.ts";

/** What tests run: programs of the machine, Pulumi with its plugins, an object store, hosts with K3s. */
export type Need = "packages" | "toolchain" | "objectStore" | "hosts";

/** A part of the run whose files run under the same conditions. */
export interface Stage {
  readonly name: string;
  /** Commands that run at the same time, instead of test files. */
  readonly commands?: readonly (readonly string[])[];
  /** Pattern of the test files. */
  readonly tests?: string;
  /** Of those, what to leave to another stage. */
  readonly except?: string;
  /** Test files at the same time. Default: one more than there are processors, since tests also wait for processes and timers. */
  readonly concurrency?: number;
  /** What has to be made before: a build that takes minutes is no part of any test. Default: nothing. */
  readonly needs?: readonly Need[];
  /** Whether files share a process for each processor, so that each loads the program once. Default: every file has its own. */
  readonly sharesProcesses?: true;
  /** Sandboxes at the same time, for tests that spend their time waiting for hosts and measure none of it. Default: one. */
  readonly sandboxes?: number;
}

/** Tests that have the machine to themselves: they measure how long clients wait, or inspect the machine. */
const alone = "tests/sandbox/{balancerPair,drill,hosts,leftovers,threeHosts}.test.ts";

/**
 * Tests that go on with the cluster of the one before (`devCluster`), in this order: the first sees it as it was made, the last
 * changes its servers' settings.
 */
const onOneCluster = ["status", "secondUp", "stress", "rollingChange"].map((name) => `tests/sandbox/${name}.test.ts`);

/** Tests that set up something for their whole file, or change its environment: a process that others share would keep it. */
const ownProcess =
  "tests/{datastore/{engine/{datastore,etcd,postgres}Preflight,existing/existingDatastore,postgres/postgresAccess},host/{hostShell,hosts}}.test.ts";

/** What the sandbox says of machines that are made up. */
const withoutHosts = "tests/sandbox/refusals.test.ts";

export const stages: readonly Stage[] = [
  {
    name: "lint",
    commands: [
      ["prettier", "--check", "--log-level", "warn", "."],
      ["eslint", "."],
      ["tsc", "--noEmit"],
      // A warning, such as a link to nothing, fails it.
      ["typedoc", "--emit", "none"],
    ],
  },
  {
    name: "unit",
    tests: `{tests/{host,identity,datastore,k3s,balancer,backup,contract,config,drill,runner}/**/*.test.ts,${withoutHosts}}`,
    except: `{tests/backup/program/*.test.ts,${ownProcess}}`,
    needs: ["packages", "toolchain"],
    sharesProcesses: true,
  },
  {
    name: "program",
    tests: `{tests/{components,operations,package,policy,toolchain}/**/*.test.ts,${ownProcess}}`,
    except: "tests/toolchain/plugins/*.test.ts",
    needs: ["packages", "toolchain"],
  },
  { name: "plugins", tests: "tests/toolchain/plugins/*.test.ts", needs: ["packages", "toolchain"] },
  { name: "backup", tests: "tests/backup/program/*.test.ts", needs: ["packages", "objectStore"] },
  {
    name: "sandbox",
    tests: "tests/sandbox/*.test.ts",
    except: `{${alone},${withoutHosts}}`,
    needs: ["packages", "toolchain", "hosts"],
    sandboxes: 3,
  },
  { name: "alone", tests: alone, needs: ["packages", "toolchain", "hosts"], concurrency: 1 },
];

/** The test files of a stage, relative to the project, in the order of their names. */
export function filesOf(stage: Stage): string[] {
  if (stage.tests === undefined) return [];
  return globSync(stage.tests, { cwd: root, exclude: globSync(stage.except ?? "", { cwd: root }) }).toSorted();
}

/**
 * Files, in the rows in which a sandbox runs them. Those that share a cluster are in one, the first, since it takes longest; with the tests
 * that take long, each is a row of its own.
 */
export function rowsOf(files: readonly string[], long: boolean): string[][] {
  const shared = long ? [] : onOneCluster.filter((file) => files.includes(file));
  const others = files.filter((file) => !shared.includes(file)).map((file) => [file]);
  return shared.length === 0 ? others : [shared, ...others];
}

/** What `make test` leaves to `make test-long` as whole files; of others it leaves the tests that say so themselves. */
const wholly = new Set(
  [
    "backups",
    "drill",
    "dualStack",
    "externalBalancer",
    "hardened",
    "leftovers",
    "ownNetwork",
    "proxy",
    "threeHosts",
  ].map((name) => `tests/sandbox/${name}.test.ts`),
);

/** How much of a file `make test` leaves to `make test-long`. */
export function longPartOf(file: string): "all" | "some" | "none" {
  if (wholly.has(file)) return "all";
  return file.startsWith("tests/sandbox/") && reach(file).has("tests/support/long.ts") ? "some" : "none";
}
