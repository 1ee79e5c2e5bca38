/** Which stages and files a run is asked for. */
import { parseArgs } from "node:util";
import { changedFiles, reachesAny } from "./changes.ts";
import { filesOf, stages, type Stage } from "./stages.ts";

/** A stage, and those of its files that are to run. */
export interface Selected {
  readonly stage: Stage;
  readonly files: readonly string[];
}

const usage = `Run without arguments for everything, or with one of
  --only STAGE     one stage: ${stages.map(({ name }) => name).join(", ")}
  --file FILE      one file of tests; may be given more than once
  --changed        the files of tests whose own text, or whose imports, scripts or goldens, differ from main`;

/** Reads a run's arguments. Throws with a sentence that names what is wrong, and how it is used. */
export async function selectTests(args: readonly string[]): Promise<Selected[]> {
  const { only, file: files = [], changed = false } = parse(args);
  if ([only !== undefined, files.length > 0, changed].filter(Boolean).length > 1) {
    throw new Error(`--only, --file and --changed exclude each other.\n${usage}`);
  }
  const all = stages.map((stage) => ({ stage, files: filesOf(stage) }));
  if (files.length > 0) return amongThese(all, files);
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
