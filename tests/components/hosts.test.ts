// Proves what the whole program places on each host, as a reader would find it there, that secrets are placed for root
// alone, and that systemd understands every unit. Secrets are shown by the names of the resources that make them.
import assert from "node:assert/strict";
import { cp, mkdir, readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { before, describe, it } from "node:test";
import { execa } from "execa";
import { commandsOf, type Deployment, scriptOf } from "../support/deploy.ts";
import { assertGolden, assertGoldenTree } from "../support/golden.ts";
import { filesOf, type WrittenFile } from "../support/hostFiles.ts";
import { deployProgram, hostNameOf, sampleHostNames } from "../support/program.ts";
import { programPath } from "../support/programs.ts";
import { inTemporaryDirectory } from "../support/temporaryDirectory.ts";

/** The files of one host, and the component that places each. */
interface PlacedFile extends WrittenFile {
  component: string | undefined;
}

let deployment: Deployment<unknown>;
const hosts = new Map<string, PlacedFile[]>();

before(async () => {
  deployment = await deployProgram();
  for (const command of commandsOf(deployment)) {
    const name = hostNameOf(command);
    const files = await filesOf(scriptOf(command));
    const placed = files.map((file) => ({ ...file, component: command.parent }));
    hosts.set(name, [...(hosts.get(name) ?? []), ...placed]);
  }
});

describe("the hosts", () => {
  it("are those of the configuration", () => {
    assert.deepEqual([...hosts.keys()].toSorted(), sampleHostNames);
  });

  it("get these files, with these modes and owners", () => {
    const lines = [...hosts].flatMap(([name, files]) =>
      files.map(({ path, mode, owner }) => `${name.padEnd(10)} ${mode} ${owner.padEnd(11)} ${path}`),
    );
    assertGolden("files.txt", `${lines.toSorted().join("\n")}\n`);
  });

  it("get files that read like this", () => {
    const texts = [...hosts].flatMap(([name, files]) =>
      files
        // What a backup takes is proved where backups are, and certificates are not for reading.
        .filter(({ component, path }) => component !== "backup" && !/\.(crt|key|pem)$/.test(path))
        .map(({ path, content }): [string, string] => [join(name, path), content.toString()]),
    );
    assertGoldenTree("hosts", new Map(texts));
  });

  it("get the certificates and keys that their names say", () => {
    const files = [...hosts].flatMap(([name, placed]) =>
      placed
        .filter(({ path }) => /\.(crt|key|pem)$/.test(path))
        .map(
          ({ path, content }) => `${name.padEnd(10)} ${path.padEnd(62)} ${content.toString().replaceAll("\n", " ")}`,
        ),
    );
    assertGolden("certificates.txt", `${files.toSorted().join("\n")}\n`);
  });

  it("get every file from one place only", () => {
    for (const [name, files] of hosts) {
      const paths = files.map(({ path }) => path);
      assert.deepEqual(paths, [...new Set(paths)], name);
    }
  });

  it("keep every secret from all users but the one that needs it", () => {
    const placed = [...hosts.values()].flat();
    const secret = placed.filter(({ content }) => deployment.secrets.some((text) => content.includes(text.trim())));
    assert.notEqual(secret.length, 0);
    for (const { path, mode } of secret) assert.equal(mode, "0600", path);
  });
});

describe("systemd", () => {
  it("understands every unit, finds what it runs, and knows what it is started by", async () => {
    const unitDirectory = "/etc/systemd/system";
    for (const [name, files] of hosts) {
      const units = files
        .filter(({ path }) => dirname(path) === unitDirectory)
        .map(({ path }) => path.slice(unitDirectory.length + 1));
      if (units.length === 0) continue;
      await inTemporaryDirectory(async (root) => {
        await makeRoot(root, files);
        const verify = ["verify", `--root=${root}`, "--man=no", "--recursive-errors=no", ...units];
        const verdict = await execa(programPath("systemd-analyze"), verify, { reject: false, all: true });
        assert.equal(verdict.all, "", name);
        // What systemd-analyze lets pass: a unit that a target of another name would start.
        const enabled = units.filter((unit) =>
          files.find(({ path }) => path.endsWith(`/${unit}`))?.content.includes("[Install]"),
        );
        const enable = await execa("systemctl", [`--root=${root}`, "enable", ...enabled], { all: true });
        assert.doesNotMatch(enable.all, /non-existent/, name);
      });
    }
  });
});

/** A host's file system as far as units need it: its own files, the system's targets, and stand-ins for programs. */
async function makeRoot(root: string, files: readonly WrittenFile[]): Promise<void> {
  const place = async (path: string, content: Buffer | string, mode: string) => {
    await mkdir(join(root, dirname(path)), { recursive: true });
    await writeFile(join(root, path), content, { mode: Number.parseInt(mode, 8) });
  };
  for (const { path, content, mode } of files) await place(path, content, mode);
  for (const program of ["/usr/local/bin/k3s", "/usr/sbin/nft", "/sbin/modprobe", "/usr/sbin/mariadbd"])
    await place(program, "", "0755");
  const system = "/usr/lib/systemd/system";
  // The distribution's, as far as a socket needs it.
  await place(`${system}/mariadb.service`, "[Service]\nExecStart=/usr/sbin/mariadbd\n", "0644");
  for (const unit of (await readdir(system)).filter((each) => /\.(target|slice)$/.test(each))) {
    await cp(join(system, unit), join(root, system, unit), { verbatimSymlinks: true });
  }
}
