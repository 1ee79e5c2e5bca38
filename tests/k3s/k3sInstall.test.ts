// Proves with real downloads what of a release is installed: nothing but what its own list, and the configuration,
// vouch for. The mirror is a server of the test, laid out like K3s's releases.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { renderHostScript } from "../../components/host/hostScript.ts";
import { type BashResult, runBash } from "../support/bash.ts";
import { definitionsOf } from "../support/hostFiles.ts";
import { inTemporaryDirectory } from "../support/temporaryDirectory.ts";
import { k3sScripts } from "../../components/k3s/scripts.ts";

const version = "v1.35.0+k3s1";
const binary = "#!/bin/sh\necho k3s\n";
const sha256 = createHash("sha256").update(binary).digest("hex");
const lists = ["sha256sum-amd64.txt", "sha256sum-arm64.txt"];

describe("k3sInstall", () => {
  let mirror: Server;
  let url = "";
  /** What the mirror has, by path below the release, and what it was asked for. */
  let files: Record<string, string> = {};
  let asked: string[] = [];
  /** The program's own directories of the hosts that tests play, by name of the directory of releases. */
  let states = "";

  before(async () => {
    states = await mkdtemp(join(tmpdir(), "k3s-ha-test-"));
    mirror = createServer((request, response) => {
      const path = (request.url ?? "").replace("/v1.35.0%2Bk3s1/", "");
      asked.push(path);
      const content = files[path];
      response.writeHead(content === undefined ? 404 : 200).end(content);
    });
    mirror.listen(0, "127.0.0.1");
    await once(mirror, "listening");
    url = `http://127.0.0.1:${(mirror.address() as AddressInfo).port}`;
  });
  after(async () => {
    mirror.close();
    await rm(states, { recursive: true });
  });
  beforeEach(() => {
    asked = [];
    const list = `${sha256}  k3s\n${sha256}  k3s-arm64\n${"0".repeat(64)}  k3s-airgap-images-amd64.tar\n`;
    files = { k3s: binary, "k3s-arm64": binary, ...Object.fromEntries(lists.map((name) => [name, list])) };
  });

  const install = (
    directory: string,
    configured = "",
    more: Record<string, string | string[]> = {},
    programs = "",
  ): Promise<BashResult> => {
    const script = renderHostScript({
      body: k3sScripts.k3sRelease,
      parts: [k3sScripts.k3sClaim, k3sScripts.k3sInstall],
      variables: {
        host_name: "server-1",
        node_name: "server-1",
        role: "server",
        claim: "servers-server-1",
        version,
        release_directory: join(directory, version),
        release_url: `${url}/${encodeURIComponent(version)}`,
        sha256: configured,
        releases_directory: directory,
        packages: [],
        binary: "",
        image_sources: [],
        image_sums: [],
        image_architectures: [],
        sha256_amd64: "",
        sha256_arm64: "",
        images_directory: join(directory, "images"),
        ...more,
      },
    });
    // The host's lock is for hosts, and so is what others left there.
    return runBash(
      `${definitionsOf(script)}${programs}lock_host() { :; }\nset_k3s_aside() { :; }\nstate_directory=${join(states, basename(directory))}\nclaims_directory=$state_directory/k3s.claims\napply\n`,
    );
  };
  const refused = async (pattern: RegExp, configured = "") => {
    await inTemporaryDirectory(async (directory) => {
      const { exitCode, stderr } = await install(directory, configured);
      assert.equal(exitCode, 1);
      assert.match(stderr, pattern);
      assert.deepEqual(await readdir(directory), []);
    });
  };

  it("installs what the release's list vouches for, ready to run, and leaves nothing else behind", async () => {
    await inTemporaryDirectory(async (directory) => {
      assert.deepEqual(await install(directory), { exitCode: 0, stdout: "", stderr: "" });
      assert.deepEqual(await readdir(directory), [version]);
      assert.deepEqual((await readdir(join(directory, version))).toSorted(), ["k3s", "sha256"]);
      assert.equal(await readFile(join(directory, version, "sha256"), "utf8"), `${sha256}  k3s\n`);
      const { stdout } = await runBash(join(directory, version, "k3s"));
      assert.equal(stdout, "k3s\n");
    });
  });

  it("asks the mirror for nothing when the release is there and whole", async () => {
    await inTemporaryDirectory(async (directory) => {
      await install(directory);
      asked = [];
      for (const configured of ["", sha256]) assert.equal((await install(directory, configured)).exitCode, 0);
      assert.deepEqual(asked, []);
    });
  });

  it("fetches a release again that is damaged", async () => {
    await inTemporaryDirectory(async (directory) => {
      await install(directory);
      const path = join(directory, version, "k3s");
      await chmod(path, 0o755);
      await writeFile(path, "damaged");
      assert.equal((await install(directory)).exitCode, 0);
      assert.equal(await readFile(path, "utf8"), binary);
    });
  });

  it("refuses a binary that the list does not vouch for", async () => {
    files["k3s"] = files["k3s-arm64"] = `${binary}# and more\n`;
    await refused(
      /^server-1: \S+\/k3s(-arm64)? has the sha256 [0-9a-f]{64}, not [0-9a-f]{64}\. .*nothing was installed\.$/m,
    );
  });

  it("refuses a release whose list and configured sha256 differ", async () => {
    await refused(/k3s-ha:k3s\.sha256 is a{64}, but the release v1\.35\.0\+k3s1 lists [0-9a-f]{64}/, "a".repeat(64));
  });

  it("refuses a list without the binary", async () => {
    for (const name of lists) files[name] = `${sha256}  k3s-airgap-images-amd64.tar\n`;
    await refused(/sha256sum-\w+\.txt does not list k3s(-arm64)?\. Check k3s-ha:k3s\.mirror\./);
  });

  it("tells which address it could not fetch", async () => {
    files = {};
    await refused(
      /cannot download http:\/\/127\.0\.0\.1:\d+\/v1\.35\.0%2Bk3s1\/sha256sum-\w+\.txt\. Check k3s-ha:k3s\.version/,
    );
  });

  it("keeps the installed release if another cannot be downloaded", async () => {
    await inTemporaryDirectory(async (directory) => {
      await install(directory);
      assert.equal((await install(directory, "a".repeat(64))).exitCode, 1);
      assert.equal(await readFile(join(directory, version, "k3s"), "utf8"), binary);
    });
  });

  it("takes a binary that is on the host, if it is the one that was meant", async () => {
    await inTemporaryDirectory(async (directory) => {
      const path = join(directory, "own-k3s");
      const releases = join(directory, "releases");
      const missing = await install(releases, sha256, { binary: path });
      assert.match(missing.stderr, /^server-1: the file \S+own-k3s does not exist\. .*nothing was installed\.$/m);
      await writeFile(path, binary);
      const other = await install(releases, "a".repeat(64), { binary: path });
      assert.match(other.stderr, /own-k3s has the sha256 [0-9a-f]{64}, but k3s-ha:k3s\.sha256 is a{64}\./);
      assert.deepEqual(await install(releases, sha256, { binary: path }), { exitCode: 0, stdout: "", stderr: "" });
      assert.deepEqual(asked, []);
      assert.equal(await readFile(join(releases, version, "k3s"), "utf8"), binary);
    });
  });

  it("places images from the release, a URL and the host, once, and removes those no longer configured", async () => {
    await inTemporaryDirectory(async (directory) => {
      const [releases, images, own] = ["releases", "images", "own.tar"].map((name) => join(directory, name)) as [
        string,
        string,
        string,
      ];
      const sum = (content: string) => createHash("sha256").update(content).digest("hex");
      files["airgap.tar.zst"] = "of the release";
      files["more.tar"] = "of a URL";
      await writeFile(own, "of the host");
      await mkdir(images);
      await writeFile(join(images, "not-ours.tar"), "stays");
      const sources = ["airgap.tar.zst", `${url}/v1.35.0%2Bk3s1/more.tar`, own];
      const sums = ["of the release", "of a URL", "of the host"].map(sum);
      const place = (count: number, changed = sums) =>
        install(releases, "", {
          image_sources: sources.slice(0, count),
          image_sums: changed.slice(0, count),
          image_architectures: sources.slice(0, count).map(() => ""),
          images_directory: images,
        });
      assert.deepEqual(await place(3), { exitCode: 0, stdout: "", stderr: "" });
      const placed = ["airgap.tar.zst", "more.tar", "not-ours.tar", "own.tar"];
      assert.deepEqual((await readdir(images)).toSorted(), placed);
      assert.equal(await readFile(join(images, "more.tar"), "utf8"), "of a URL");
      asked = [];
      assert.equal((await place(3)).exitCode, 0);
      assert.deepEqual(asked, []);
      const wrong = await place(3, ["b".repeat(64), ...sums.slice(1)]);
      assert.match(
        wrong.stderr,
        /the images of airgap\.tar\.zst have the sha256 [0-9a-f]{64}, but k3s-ha:k3s\.images has b{64}\./,
      );
      assert.deepEqual((await readdir(images)).toSorted(), placed);
      assert.equal((await place(1)).exitCode, 0);
      assert.deepEqual((await readdir(images)).toSorted(), ["airgap.tar.zst", "not-ours.tar"]);
      assert.equal((await place(0)).exitCode, 0);
      assert.deepEqual(await readdir(images), ["not-ours.tar"]);
    });
  });

  it("takes the sum and the images of the host's own architecture", async () => {
    await inTemporaryDirectory(async (directory) => {
      const [releases, images] = [join(directory, "releases"), join(directory, "images")];
      const sum = (content: string) => createHash("sha256").update(content).digest("hex");
      const names = ["all.tar", "amd64.tar", "arm64.tar"];
      for (const name of names) files[name] = name;
      const configured = {
        image_sources: names,
        image_sums: names.map(sum),
        image_architectures: ["", "amd64", "arm64"],
        images_directory: images,
      };
      const on = (machine: string, sums: Record<string, string>) =>
        install(releases, "", { ...configured, ...sums }, `uname() { echo ${machine}; }\n`);
      const sums = { sha256_amd64: "a".repeat(64), sha256_arm64: sha256 };
      assert.deepEqual(await on("aarch64", sums), { exitCode: 0, stdout: "", stderr: "" });
      assert.ok(asked.includes("k3s-arm64") && !asked.includes("k3s"), asked.join(" "));
      assert.deepEqual((await readdir(images)).toSorted(), ["all.tar", "arm64.tar"]);
      const other = await on("x86_64", sums);
      assert.match(other.stderr, /k3s-ha:k3s\.sha256 is a{64}, but the release v1\.35\.0\+k3s1 lists [0-9a-f]{64}/);
      assert.equal(
        (await on("x86_64", { sha256_arm64: sha256 })).stderr,
        "server-1: this host's architecture is amd64, which k3s-ha:k3s.sha256 has no sum for. Add it from sha256sum-amd64.txt of the release; nothing was installed.\n",
      );
    });
  });
});
