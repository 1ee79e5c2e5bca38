/** The programs of the sandbox that come from Debian packages, without installing those on this machine. */
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { cached, keyOf } from "../../build/cache.ts";
import { step } from "../../build/progress.ts";

const packages = ["busybox-static", "runc"];

/** Where the two programs are in the directory that `debianPrograms` returns. */
export const busyboxPath = "bin/busybox";
export const runcPath = "usr/sbin/runc";

// apt drops to a user of its own to download, who may not write in root's cache directory.
const apt = ["--option", "APT::Sandbox::User=root"];

/**
 * Returns a directory with the packages unpacked, as this machine's apt offers them. They stay as they are until the
 * cache is deleted: an update in between would change what the sandbox runs in the middle of work.
 */
export async function debianPrograms(architecture: string): Promise<string> {
  return cached("debian-programs", keyOf(architecture, ...packages), (directory) =>
    step(`Fetch the Debian packages ${packages.join(" and ")}`, () => fetchAndUnpack(directory)),
  );
}

async function fetchAndUnpack(directory: string): Promise<void> {
  const downloads = join(directory, "downloads");
  await mkdir(downloads);
  const download = () => execa("apt-get", [...apt, "download", ...packages], { cwd: downloads });
  // A fresh machine has no package lists yet, an old one may have lists of packages that are gone.
  await download().catch(async () => {
    await execa("apt-get", [...apt, "update"]);
    await download();
  });
  for (const archive of await readdir(downloads)) {
    await execa("dpkg-deb", ["--extract", join(downloads, archive), directory]);
  }
  await rm(downloads, { recursive: true });
}
