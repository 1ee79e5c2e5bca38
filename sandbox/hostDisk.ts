/**
 * A host's disk: the image's layers, and on top of them, in `upper`, what the host writes. The overlay is mounted by the
 * host's own process and seen by it alone; from here, files are put on a disk only while the host is off.
 */
import { chown, cp, lstat, mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { exists } from "../build/cache.ts";

/** A disk that is not in use. */
export interface HostDisk {
  /** The host's directory: `upper`, `work` (the overlay's) and `root` (where it is mounted) are in it. */
  readonly directory: string;
  /** The image's layers, the topmost first. */
  readonly layers: readonly string[];
}

/** Makes an empty disk. */
export async function makeDisk(disk: HostDisk): Promise<void> {
  for (const name of ["upper", "work", "root"]) await mkdir(join(disk.directory, name), { recursive: true });
}

/** Options that mount the disk. Throws when the image it lies on is gone. */
export async function overlayOptions(disk: HostDisk): Promise<string> {
  for (const layer of disk.layers) {
    if (!(await exists(layer))) {
      throw new Error(
        `${layer}, a layer of the host's disk, is missing in the cache; run \`make down\` to start over.`,
      );
    }
  }
  const escape = (path: string) => path.replace(/[\\:,]/g, "\\$&");
  const [lower, upper, work] = [disk.layers, [join(disk.directory, "upper")], [join(disk.directory, "work")]].map(
    (paths) => paths.map(escape).join(":"),
  );
  return `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
}

/** Puts a file on the disk. `path` is absolute, as the host sees it; mode 0644 unless told otherwise. */
export async function placeFile(disk: HostDisk, path: string, content: string, mode = 0o644): Promise<void> {
  await placeDirectory(disk, dirname(path));
  await writeFile(join(disk.directory, "upper", path), content, { mode });
}

/** Puts a symbolic link on the disk. */
export async function placeLink(disk: HostDisk, path: string, target: string): Promise<void> {
  await placeDirectory(disk, dirname(path));
  await symlink(target, join(disk.directory, "upper", path));
}

/** Puts a copy of a directory's content on the disk. */
export async function placeCopy(disk: HostDisk, path: string, source: string): Promise<void> {
  await placeDirectory(disk, path);
  await cp(source, join(disk.directory, "upper", path), { recursive: true });
}

/** Makes a directory. The overlay shows the owner and mode of the upper one, so it gets those that the image has. */
async function placeDirectory(disk: HostDisk, path: string): Promise<void> {
  const target = join(disk.directory, "upper", path);
  if (path === "/" || (await exists(target))) return;
  await placeDirectory(disk, dirname(path));
  for (const layer of disk.layers) {
    const original = join(layer, path);
    if (!(await exists(original))) continue;
    const { mode, uid, gid } = await lstat(original);
    await mkdir(target, { mode: mode & 0o7777 });
    await chown(target, uid, gid);
    return;
  }
  await mkdir(target);
}
