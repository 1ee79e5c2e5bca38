import { resolve } from "node:path";

/** What paths in the configuration start from. */
export interface Surroundings {
  /** Directory of Pulumi.yaml, absolute. */
  readonly projectDirectory: string;
  /** The environment that Pulumi runs in; HOME, SSH_AUTH_SOCK and KINE_… are looked at. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The absolute path, `~` being the home directory. Undefined for another user's home, or when HOME is not set. */
export function absolutePath(path: string, { projectDirectory, environment }: Surroundings): string | undefined {
  if (!path.startsWith("~")) return resolve(projectDirectory, path);
  const home = environment["HOME"];
  if (home === undefined || home === "" || !/^~($|\/)/.test(path)) return undefined;
  return resolve(home, `.${path.slice(1)}`);
}

/** Why a file cannot be read, with the remedy. */
export function unreadableFault(error: unknown, resolved: string): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case "ENOENT":
    case "ENOTDIR":
      return `names a file that does not exist (${resolved}): create it or correct the path`;
    case "EACCES":
    case "EPERM":
      return `names a file that may not be read (${resolved}): let the user that runs Pulumi read it`;
    case "EISDIR":
      return `names a directory (${resolved}): name the file in it`;
    default:
      return `names a file that cannot be read (${resolved}: ${(error as Error).message}): make it readable or correct the path`;
  }
}

/** The fault of a path that `absolutePath` cannot resolve. */
export const unresolvableFault =
  "begins with ~ but names no home directory: write ~/ with HOME set, or an absolute path";
