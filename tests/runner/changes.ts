/**
 * Which files a file of tests depends on, as far as its text and that of what it imports tell: modules, and the scripts,
 * goldens, programs and documents that they name. It errs on the side of too many.
 */
import { existsSync, globSync, readFileSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, relative } from "node:path";
import { execa } from "execa";
import { root } from "./ended.ts";

/** What every test depends on. */
const everywhere = new Set(["package.json", "package-lock.json", "tests/run.ts"]);

/** What a file depends on without naming it: Pulumi runs the program that its project file lies beside. */
const unnamed: Readonly<Record<string, readonly string[]>> = {
  "Pulumi.yaml": ["index.ts"],
};

/** Paths, relative to the project, of what differs from the last commit that is on main too, untracked files included. */
export async function changedFiles(): Promise<ReadonlySet<string>> {
  const git = async (...args: string[]) => (await execa("git", args, { cwd: root })).stdout.split("\n").filter(Boolean);
  const base = await mainBase();
  return new Set([
    ...(await git("diff", "--name-only", "--no-renames", base)),
    ...(await git("ls-files", "--others", "--exclude-standard")),
  ]);
}

async function mainBase(): Promise<string> {
  for (const main of ["origin/main", "main"]) {
    const { stdout, failed } = await execa("git", ["merge-base", "HEAD", main], { cwd: root, reject: false });
    if (!failed) return stdout.trim();
  }
  throw new Error("There is no branch main, here or at origin, to compare with; use --file.");
}

/** Whether a file is among the changes, or depends on one that is. */
export function reachesAny(file: string, changes: ReadonlySet<string>): boolean {
  for (const change of changes) if (everywhere.has(change) || change.startsWith("tests/runner/")) return true;
  return [...reach(file)].some((reached) => changes.has(reached));
}

/** The file and all that it depends on, relative to the project. */
export function reach(file: string): ReadonlySet<string> {
  const reached = new Set<string>();
  const waiting = [file];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (reached.has(next)) continue;
    reached.add(next);
    waiting.push(...dependencies(next));
  }
  return reached;
}

const known = new Map<string, readonly string[]>();

function dependencies(file: string): readonly string[] {
  let found = known.get(file);
  if (found === undefined) {
    found = [...(unnamed[file] ?? []), ...(/\.(ts|js)$/.test(file) ? namedIn(file) : [])];
    known.set(file, found);
  }
  return found;
}

const literal = /"[^"\n]*"|`[^`]*`/.source;
const literals = new RegExp(literal, "g");
/** A path that is put together, and the texts that it is put together of as far as they are known. */
const joined = new RegExp(
  `join\\(\\s*(import\\.meta\\.dirname|projectDirectory|root)((?:\\s*,\\s*(?:${literal}))*)`,
  "g",
);
const fromModule = new RegExp(`new URL\\(\\s*(${literal})\\s*,\\s*import\\.meta\\.url`, "g");

function namedIn(file: string): string[] {
  const text = readFileSync(join(root, file), "utf8");
  const here = dirname(file);
  const found: string[] = [];
  for (const [quoted] of text.matchAll(literals)) {
    const path = untilUnknown(quoted.slice(1, -1));
    if (/^\.\.?\//.test(path)) found.push(...startingWith(join(here, path)));
    else if (/^\w[\w./-]*$/.test(path) && /[./]/.test(path)) found.push(...startingWith(path, "whole"));
  }
  for (const [, quoted = ""] of text.matchAll(fromModule)) {
    found.push(...startingWith(join(here, untilUnknown(quoted.slice(1, -1)))));
  }
  for (const [, base, parts = ""] of text.matchAll(joined)) {
    const path = [...parts.matchAll(literals)].map(([quoted]) => quoted.slice(1, -1)).join("/");
    const from = base === "import.meta.dirname" ? here : "";
    found.push(...startingWith(join(from, untilUnknown(path) || (parts === "" ? "./" : ""))));
  }
  return found;
}

/** A template's text as far as it is the same for all, and an import's without its query. */
function untilUnknown(path: string): string {
  return path.split(/\$\{|\?/)[0] ?? "";
}

/** The file of this name, all files of that directory, or those whose names begin so, unless the name is `whole`. */
function startingWith(path: string, name?: "whole"): string[] {
  if (isFile(path)) return [path];
  // The whole project, or what lies outside of it, tells nothing.
  if (path === "." || path === "./" || path.startsWith("..") || isAbsolute(path)) return [];
  const isDirectory = existsSync(join(root, path)) && statSync(join(root, path)).isDirectory();
  if (!isDirectory && name === "whole") return [];
  const pattern = isDirectory ? join(path, "**") : `${path}*`;
  return globSync(pattern, { cwd: root, exclude: ["node_modules/**"] })
    .map((each) => relative(root, join(root, each)))
    .filter((each) => isFile(each) && !each.endsWith(".test.ts"));
}

function isFile(path: string): boolean {
  return statSync(join(root, path), { throwIfNoEntry: false })?.isFile() ?? false;
}
