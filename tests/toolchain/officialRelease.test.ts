/**
 * Proves the download of a release against a server of our own: verified, kept, never trusted when it isn't what the
 * published checksums say, and not asked for again and again where nothing answers.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { it } from "node:test";
import { execa } from "execa";
import { pulumiVersion } from "../../toolchain/versions.ts";
import { inTemporaryDirectory } from "../support/temporaryDirectory.ts";

const architecture = process.arch === "arm64" ? "arm64" : "x64";
const archiveName = `pulumi-v${pulumiVersion}-${process.platform}-${architecture}.tar.gz`;
const checksumsName = `pulumi-${pulumiVersion}-checksums.txt`;
const toolchainModule = join(import.meta.dirname, "..", "..", "toolchain", "toolchain.ts");

/** Stands in for the CLI: knows its version, and can't install plugins. */
const cli = `#!/bin/sh
[ "$1" = version ] && echo v${pulumiVersion} && exit
echo "error: no plugins here" >&2
exit 1
`;

/** A served release, and what was asked for. */
interface Release {
  readonly address: string;
  readonly requests: string[];
  /** Content by file name. */
  readonly files: Map<string, Buffer>;
  /** An empty cache, so that this test neither finds nor leaves anything. */
  readonly cache: string;
  /** A folder for the PATH with what an archive is unpacked with, and no Go and no `pulumi`, whatever the machine has. */
  readonly programs: string;
}

async function withRelease(use: (release: Release) => Promise<void>): Promise<void> {
  await inTemporaryDirectory(async (directory) => {
    await mkdir(join(directory, "pulumi"));
    for (const name of ["pulumi", "pulumi-language-nodejs"]) {
      await writeFile(join(directory, "pulumi", name), cli, { mode: 0o755 });
    }
    await execa("tar", ["-czf", archiveName, "pulumi"], { cwd: directory });
    const archive = await readFile(join(directory, archiveName));
    const sum = createHash("sha256").update(archive).digest("hex");
    const files = new Map([
      [archiveName, archive],
      [checksumsName, Buffer.from(`${"0".repeat(64)}  other.tar.gz\n${sum}  ${archiveName}\n`)],
    ]);
    const programs = join(directory, "programs");
    await mkdir(programs);
    for (const name of ["tar", "gzip"]) {
      const { stdout } = await execa("sh", ["-c", `command -v ${name}`]);
      await symlink(stdout, join(programs, name));
    }
    const requests: string[] = [];
    const server = createServer((request, response) => {
      const name = (request.url ?? "").slice(1);
      requests.push(name);
      const content = files.get(name);
      response.statusCode = content === undefined ? 404 : 200;
      response.end(content);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      await use({ address, requests, files, cache: join(directory, "cache"), programs });
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
}

/** What one preparation said: the toolchain, or why there is none, and its progress. */
interface Prepared {
  readonly toolchain: { pulumi: string; origin: string; plugins: Record<string, string> } | undefined;
  readonly messages: string;
}

/** Prepares the toolchain in a process of its own, with its own cache and PATH. */
async function prepare({ address, cache, programs }: Release, choice: string): Promise<Prepared> {
  const program = `
    import { prepareToolchain } from ${JSON.stringify(toolchainModule)};
    console.log(JSON.stringify(await prepareToolchain({ releases: ${JSON.stringify(address)} })));
  `;
  const { failed, stdout, stderr } = await execa(
    process.execPath,
    ["--input-type=module-typescript", "--eval", program],
    {
      env: { XDG_CACHE_HOME: cache, K3S_HA_TOOLCHAIN: choice, PATH: programs },
      reject: false,
    },
  );
  return { toolchain: failed ? undefined : (JSON.parse(stdout) as Prepared["toolchain"]), messages: stderr };
}

it("takes the official release, once, with drop-ins for plugins that can't be downloaded", async () => {
  await withRelease(async (release) => {
    const first = await prepare(release, "auto");
    const asked = release.requests.length;
    const second = await prepare(release, "auto");

    assert.equal(first.toolchain?.origin, "official", first.messages);
    assert.equal((await execa(first.toolchain.pulumi, ["version"])).stdout, `v${pulumiVersion}`);
    assert.deepEqual(new Set(Object.values(first.toolchain.plugins)), new Set(["drop-in"]));
    assert.match(first.messages, /Plugin command .* can't be downloaded \(error: no plugins here\); using .* drop-in/);
    assert.equal(first.messages.match(/can't be downloaded/g)?.length, 1);
    assert.deepEqual(second, { toolchain: first.toolchain, messages: "" });
    assert.equal(release.requests.length, asked);
  });
});

it("refuses an archive that is not the published one", async () => {
  await withRelease(async (release) => {
    release.files.set(archiveName, Buffer.from("not the release"));

    const { toolchain, messages } = await prepare(release, "official");

    assert.equal(toolchain, undefined);
    assert.match(messages, /has the SHA-256 [0-9a-f]{64}, but pulumi-.*-checksums\.txt says [0-9a-f]{64}/);
  });
});

it("says why it does without the official release, and asks no more that day", async () => {
  await withRelease(async (release) => {
    release.files.clear();

    const first = await prepare(release, "auto");
    const second = await prepare(release, "auto");

    assert.match(first.messages, /Pulumi .* can't be downloaded \(.* answered 404\); using one built from its Go/);
    assert.doesNotMatch(second.messages, /downloaded/);
    // Without Go it can't be built either, and that is what the person has to know.
    assert.match(second.messages, /install Go/);
    assert.deepEqual(release.requests, [checksumsName]);
  });
});

it("fails where the official release was insisted on", async () => {
  await withRelease(async (release) => {
    release.files.clear();

    const { toolchain, messages } = await prepare(release, "official");

    assert.equal(toolchain, undefined);
    assert.match(messages, /could not be downloaded from http:.* answered 404/);
  });
});

it("refuses a choice that it does not know", async () => {
  await withRelease(async (release) => {
    const { messages } = await prepare(release, "offical");

    assert.match(messages, /K3S_HA_TOOLCHAIN must be auto, official or built; it is "offical"/);
  });
});
