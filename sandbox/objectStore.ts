/** A store that speaks S3, for tests: Versity's gateway before a directory, built once and cached. */
import { join } from "node:path";
import { cached, keyOf, keyOfFiles } from "../build/cache.ts";
import { buildProgram } from "../build/goBuild.ts";
import { buildArguments, toolchain } from "../build/golang.ts";
import { step } from "../build/progress.ts";

const directory = join(import.meta.dirname, "objectStore");
const program = { package: "github.com/versity/versitygw/cmd/versitygw" };

/** Path of the program `versitygw`, from the cache or else built now, which takes about two minutes. */
export async function buildObjectStore(): Promise<string> {
  const { version, architecture } = await toolchain();
  const recipe = await keyOfFiles(join(directory, "go.mod"), join(directory, "go.sum"));
  const key = keyOf(recipe, version, architecture, ...buildArguments(program));
  const built = await cached("object-store", key, (partial) =>
    step("Compile an S3-compatible store", (progress) =>
      buildProgram(directory, program, join(partial, "versitygw"), progress),
    ),
  );
  return join(built, "versitygw");
}
