// Proves what the whole program places on each host, as a reader would find it there, that secrets are placed for root
// alone, and that systemd understands every unit. Secrets are shown by the names of the resources that make them.
import assert from "node:assert/strict";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { commandsOf, type Deployment, scriptOf } from "../support/deploy.ts";
import { assertGolden, assertGoldenTree } from "../support/golden.ts";
import { filesOf, type WrittenFile } from "../support/hostFiles.ts";
import { deployProgram, hostNameOf, sampleHostNames } from "../support/program.ts";
import { complaintsAboutUnits } from "../support/systemdUnits.ts";

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
    for (const [name, files] of hosts) assert.equal(await complaintsAboutUnits(files), "", name);
  });
});
