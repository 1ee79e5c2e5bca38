import { resolve } from "node:path";
import { shown } from "./problem.ts";

/** The base directories of paths in the configuration. */
export interface Surroundings {
  /** Directory of Pulumi.yaml, absolute. */
  readonly projectDirectory: string;
  /** The environment that Pulumi runs in; HOME and SSH_AUTH_SOCK are read. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The absolute path, `~` being the home directory. Undefined for another user's home, or when HOME is not set. */
export function absolutePath(path: string, { projectDirectory, environment }: Surroundings): string | undefined {
  if (!path.startsWith("~")) return resolve(projectDirectory, path);
  const home = environment["HOME"];
  if (home === undefined || home === "" || !/^~($|\/)/.test(path)) return undefined;
  return resolve(home, `.${path.slice(1)}`);
}

/** The problem with a configured file: its path, its resolved path if that differs, and the reason. */
export function fileFault(path: string, resolved: string, what: string): string {
  const text = shown(path);
  // What must not be shown must not be shown in its long form either.
  const isPlain = text === JSON.stringify(path) && resolved !== path;
  return `is ${text}${isPlain ? ` (${resolved})` : ""}, ${what}`;
}

/** Why a file cannot be read, with the remedy. */
export function unreadableFault(path: string, resolved: string, error: unknown): string {
  return fileFault(path, resolved, reasonFor(error as NodeJS.ErrnoException));
}

function reasonFor(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case "ENOENT":
    case "ENOTDIR":
      return "a file that does not exist: create it or correct the path";
    case "EACCES":
    case "EPERM":
      return "a file without read permission: let the user that runs Pulumi read it";
    case "EISDIR":
      return "a directory: name the file in it";
    default:
      return `a file that cannot be read (${error.code ?? error.name}): make it readable or correct the path`;
  }
}

/** The fault of a path that `absolutePath` cannot resolve. */
export function unresolvableFault(path: string): string {
  return `is ${shown(path)}, which names an unknown home directory: write ~/ with HOME set, or an absolute path`;
}
