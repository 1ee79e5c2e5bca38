/** What the real systemd says of units, without starting any. */
import { cp, mkdir, readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { execa } from "execa";
import type { WrittenFile } from "./hostFiles.ts";
import { programPath } from "./programs.ts";
import { inTemporaryDirectory } from "./temporaryDirectory.ts";

const unitDirectory = "/etc/systemd/system";

/** The units among a host's files, by name. */
export function unitsAmong(files: readonly WrittenFile[]): string[] {
  return files
    .filter(({ path }) => dirname(path) === unitDirectory)
    .map(({ path }) => path.slice(unitDirectory.length + 1));
}

/** Everything that systemd has to say of the units among a host's files; empty when it understands all of them. */
export async function complaintsAboutUnits(files: readonly WrittenFile[]): Promise<string> {
  const units = unitsAmong(files);
  if (units.length === 0) return "";
  return inTemporaryDirectory(async (root) => {
    await makeRoot(root, files);
    const verify = ["verify", `--root=${root}`, "--man=no", "--recursive-errors=no", ...units];
    const verdict = await execa(programPath("systemd-analyze"), verify, { reject: false, all: true });
    // What systemd-analyze lets pass: a unit that a target of another name would start.
    const enabled = units.filter((unit) =>
      files.find(({ path }) => path.endsWith(`/${unit}`))?.content.includes("[Install]"),
    );
    const enable = await execa("systemctl", [`--root=${root}`, "enable", ...enabled], { all: true });
    return [verdict.all, ...enable.all.split("\n").filter((line) => line.includes("non-existent"))].join("");
  });
}

/** A host's file system as far as units need it: its own files, the system's targets, and stand-ins for programs. */
async function makeRoot(root: string, files: readonly WrittenFile[]): Promise<void> {
  const place = async (path: string, content: Buffer | string, mode: string) => {
    await mkdir(join(root, dirname(path)), { recursive: true });
    await writeFile(join(root, path), content, { mode: Number.parseInt(mode, 8) });
  };
  for (const { path, content, mode } of files) await place(path, content, mode);
  for (const program of ["/bin/sh", "/usr/local/bin/k3s", "/usr/sbin/nft", "/sbin/modprobe", "/usr/sbin/mariadbd"])
    await place(program, "", "0755");
  const system = "/usr/lib/systemd/system";
  // The distribution's, as far as a socket needs it.
  await place(`${system}/mariadb.service`, "[Service]\nExecStart=/usr/sbin/mariadbd\n", "0644");
  for (const unit of (await readdir(system)).filter((each) => /\.(target|slice)$/.test(each))) {
    await cp(join(system, unit), join(root, system, unit), { verbatimSymlinks: true });
  }
}
