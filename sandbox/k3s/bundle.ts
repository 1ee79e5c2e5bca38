/** Packs K3s the way a release is: one file that carries all it needs and unpacks itself on first use. */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { constants, createZstdCompress } from "node:zlib";
import { step, type Step } from "../../build/progress.ts";
import { archive, type Entry } from "./archive.ts";
import { runcPath } from "./debianPrograms.ts";
import { buildProgram } from "../../build/goBuild.ts";
import type { K3sVersion } from "./releases.ts";
import { releaseVariables, serverPrograms } from "./server.ts";

/** Other names of the server program, by which it knows what to be. */
const serverLinks =
  "containerd crictl ctr kubectl k3s-agent k3s-certificate k3s-completion k3s-etcd-snapshot k3s-secrets-encrypt " +
  "k3s-server k3s-token";

const plugins = "github.com/containernetworking/plugins/plugins";

/** The network plugins K3s configures: each with the module beside this file that pins it. */
const networkPlugins: Readonly<Record<string, { readonly module: string; readonly package: string }>> = {
  bandwidth: { module: "cni-plugins", package: `${plugins}/meta/bandwidth` },
  bridge: { module: "cni-plugins", package: `${plugins}/main/bridge` },
  firewall: { module: "cni-plugins", package: `${plugins}/meta/firewall` },
  // Has left the module of the others; its last version there, with today's CNI library, speaks CNI 1.0.0 as K3s does.
  flannel: { module: "flannel", package: `${plugins}/meta/flannel` },
  "host-local": { module: "cni-plugins", package: `${plugins}/ipam/host-local` },
  loopback: { module: "cni-plugins", package: `${plugins}/main/loopback` },
  portmap: { module: "cni-plugins", package: `${plugins}/meta/portmap` },
};

/** What goes into a bundle. */
export interface Parts {
  /** Directory of the programs of `serverPrograms`. */
  readonly server: string;
  /** Directory of the release's source, which may be written to. */
  readonly source: string;
  /** Directory of unpacked Debian packages, with runc. */
  readonly debian: string;
  /** Directory for what is made on the way. */
  readonly work: string;
}

/** Writes the self-extracting `k3s` to `output`. */
export async function buildBundle(version: K3sVersion, parts: Parts, output: string): Promise<void> {
  const programs = new Map([
    ["k3s", join(parts.server, serverPrograms.k3s)],
    ["containerd-shim-runc-v2", join(parts.server, serverPrograms.shim)],
    ["runc", join(parts.debian, runcPath)],
    ["check-config", join(parts.source, "contrib/util/check-config.sh")],
    ...(await step("Compile network plugins", (progress) => buildNetworkPlugins(parts.work, progress))),
  ]);
  await step("Compress the bundle", () => writeData(programs, join(parts.source, "pkg/data/embed"), parts.work));
  const launcher = {
    package: "./cmd/k3s",
    tags: ["urfave_cli_no_docs"],
    variables: releaseVariables(version),
  };
  await step("Compile the self-extracting k3s", (progress) => buildProgram(parts.source, launcher, output, progress));
}

async function buildNetworkPlugins(work: string, progress: Step): Promise<[string, string][]> {
  const built: [string, string][] = [];
  for (const [name, { module, package: path }] of Object.entries(networkPlugins)) {
    const output = join(work, name);
    await buildProgram(join(import.meta.dirname, module), { package: path }, output, progress);
    built.push([name, output]);
  }
  return built;
}

/** Writes the archive that `k3s` unpacks into `directory`, named by its hash: hosts tell versions apart by it. */
async function writeData(programs: ReadonlyMap<string, string>, directory: string, work: string): Promise<void> {
  const links = serverLinks.split(" ");
  const sums = await Promise.all([...programs].map(async ([name, from]) => `${await sha256OfFile(from)}  ${name}\n`));
  const entries: Entry[] = [
    { kind: "directory", path: "bin/" },
    ...[...programs].map(([name, from]): Entry => ({ kind: "copy", path: `bin/${name}`, from, mode: 0o755 })),
    ...links.map((name): Entry => ({ kind: "link", path: `bin/${name}`, target: "k3s" })),
    // K3s checks what it has unpacked against these two.
    { kind: "file", path: "bin/.sha256sums", content: sums.join("") },
    { kind: "file", path: "bin/.links", content: links.map((name) => `${name} k3s\n`).join("") },
    { kind: "directory", path: "etc/" },
  ];
  const compressed = join(work, "data.tar.zst");
  const zstd = createZstdCompress({
    params: { [constants.ZSTD_c_compressionLevel]: 9, [constants.ZSTD_c_windowLog]: 25 },
  });
  await pipeline(archive(entries), zstd, createWriteStream(compressed));
  await mkdir(directory, { recursive: true });
  await rename(compressed, join(directory, `${await sha256OfFile(compressed)}.tar.zst`));
}

/** The sha256 of a file, in hex. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
