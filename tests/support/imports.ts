/** Which files of the checkout import which, by their text. Paths are relative to the checkout. */
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { projectDirectory } from "../../operations/workspace.ts";

const statement = /^(?:import|export)\b(?:[^;"]*?\bfrom)?\s*"(\.[^"]+)";$/gm;
const expression = /\bimport\("(\.[^"]+)"\)/g;

/** The files that `file` loads when it is loaded: all of its imports except `import()`. */
export function importsOf(file: string): string[] {
  return namedBy(file, statement);
}

/** Every file that `file` imports, `import()` included. */
export function allImportsOf(file: string): string[] {
  return [...namedBy(file, statement), ...namedBy(file, expression)];
}

function namedBy(file: string, pattern: RegExp): string[] {
  const text = readFileSync(join(projectDirectory, file), "utf8");
  const names = [...text.matchAll(pattern)].map(([, name]) => name);
  return names.map((name) => relative(projectDirectory, join(projectDirectory, dirname(file), name ?? "")));
}
