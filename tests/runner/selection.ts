/** Which stages and files a run is asked for. */
import { parseArgs } from "node:util";
import { changedFiles, reachesAny } from "./changes.ts";
import { filesOf, longPartOf, stages, type Stage } from "./stages.ts";

/** A stage, and those of its files that are to run. */
export interface Selected {
  readonly stage: Stage;
  readonly files: readonly string[];
}

/** What a run consists of. */
export interface Selection {
  readonly stages: readonly Selected[];
  /** Whether the tests run that take long. */
  readonly long: boolean;
  /** Files that are left to `make test-long` as a whole. */
  readonly left: readonly string[];
}

const usage = `Run without arguments for everything that does not take long, or with one of
  --only STAGE     one stage: ${stages.map(({ name }) => name).join(", ")}
  --file FILE      one file of tests, with all that takes long; may be given more than once
  --changed        the files of tests whose own text, or whose imports, scripts or goldens, differ from main
  --long           the files that have tests which take long, with these tests`;

/** Reads a run's arguments. Throws with a sentence that names what is wrong, and how it is used. */
export async function selectTests(args: readonly string[]): Promise<Selection> {
  const { only, file: files = [], changed = false, long = false } = parse(args);
  if ([only !== undefined, files.length > 0, changed, long].filter(Boolean).length > 1) {
    throw new Error(`--only, --file, --changed and --long exclude each other.\n${usage}`);
  }
  const all = stages.map((stage) => ({ stage, files: filesOf(stage) }));
  if (files.length > 0) return { stages: amongThese(all, files), long: true, left: [] };
  if (long) {
    const hasNone = (file: string) => longPartOf(file) === "none";
    return { stages: all.map(without(hasNone)).filter(({ files: those }) => those.length > 0), long, left: [] };
  }
  const selected = await usual(all, only, changed);
  const isLeft = (file: string) => longPartOf(file) === "all";
  return {
    // A stage that has no files to begin with stays: that is for its run to complain of.
    stages: selected.filter(({ files: those }) => those.length === 0 || !those.every(isLeft)).map(without(isLeft)),
    long,
    left: selected.flatMap(({ files: those }) => those.filter(isLeft)),
  };
}

function without(rule: (file: string) => boolean): (selected: Selected) => Selected {
  return ({ stage, files }) => ({ stage, files: files.filter((file) => !rule(file)) });
}

async function usual(
  all: readonly Selected[],
  only: string | undefined,
  changed: boolean,
): Promise<readonly Selected[]> {
  if (changed) {
    const changes = await changedFiles();
    return all
      .map(({ stage, files: those }) => ({ stage, files: those.filter((file) => reachesAny(file, changes)) }))
      .filter(({ stage, files: those }) => (stage.commands !== undefined ? changes.size > 0 : those.length > 0));
  }
  if (only === undefined) return all;
  const selected = all.filter(({ stage }) => stage.name === only);
  if (selected.length === 0) throw new Error(`There is no stage "${only}".\n${usage}`);
  return selected;
}

function parse(args: readonly string[]) {
  const options = {
    only: { type: "string" },
    file: { type: "string", multiple: true },
    changed: { type: "boolean" },
    long: { type: "boolean" },
  } as const;
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${usage}`, { cause: error });
  }
}

function amongThese(all: readonly Selected[], files: readonly string[]): Selected[] {
  const wanted = new Set(files.map((file) => file.replace(/^\.\//, "")));
  for (const file of wanted) {
    if (all.some(({ files: those }) => those.includes(file))) continue;
    throw new Error(
      `${file} is no file of tests of any stage; name one as it is from here, such as tests/sandbox/cluster.test.ts.`,
    );
  }
  return all
    .map(({ stage, files: those }) => ({ stage, files: those.filter((file) => wanted.has(file)) }))
    .filter(({ files: those }) => those.length > 0);
}
