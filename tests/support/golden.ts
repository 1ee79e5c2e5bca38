import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

const directory = join(import.meta.dirname, "..", "golden");

/**
 * Compares `text` with a file of tests/golden. `UPDATE_GOLDEN=1 make test ARGS=--changed` writes the files again;
 * `git diff tests/golden` then shows a reviewer what changes on the hosts.
 */
export function assertGolden(name: string, text: string): void {
  const path = join(directory, name);
  if (isUpdating()) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return;
  }
  let expected = "";
  try {
    expected = readFileSync(path, "utf8");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
  if (text === expected) return;
  const [is, was] = [text.split("\n"), expected.split("\n")];
  const at = is.findIndex((line, index) => line !== was[index]);
  const line = at === -1 ? is.length : at;
  assert.fail(
    `line ${line + 1} of tests/golden/${name} is ${JSON.stringify(was[line])} and would become ${JSON.stringify(is[line])}; if that is intended: UPDATE_GOLDEN=1 make test ARGS=--changed`,
  );
}

/** Compares a tree of files, by path, with a directory of tests/golden: each file, and that there are no others. */
export function assertGoldenTree(name: string, files: ReadonlyMap<string, string>): void {
  const root = join(directory, name);
  if (isUpdating()) rmSync(root, { recursive: true, force: true });
  for (const [path, text] of files) assertGolden(join(name, path), text);
  const golden = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
  assert.deepEqual(golden.toSorted(), [...files.keys()].map((path) => join(path)).toSorted());
}

function isUpdating(): boolean {
  return process.env["UPDATE_GOLDEN"] === "1";
}
