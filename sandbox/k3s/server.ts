/**
 * The part of K3s that takes minutes to build: the program behind `k3s server`, `agent`, `kubectl`, …, and the shim
 * that runs a container for it. Both come from one module, each dependency at the version that the release has.
 */
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { cached, isCached, keyOf } from "../../build/cache.ts";
import { step } from "../../build/progress.ts";
import { buildProgram, fetchModules } from "../../build/goBuild.ts";
import { buildArguments, moduleSource, type Program, type Toolchain } from "../../build/golang.ts";
import { provenanceOf, releases, type K3sVersion } from "./releases.ts";

/** Names of the programs in the directory that `buildServer` returns. */
export const serverPrograms = { k3s: "k3s-server", shim: "containerd-shim-runc-v2" } as const;

/** The cache's kind of them. */
const kind = "k3s-server";

/** Variables that make a K3s program say which release it is. */
export function releaseVariables(version: K3sVersion): Record<string, string> {
  const { commit } = provenanceOf(releases[version]);
  return {
    "github.com/k3s-io/k3s/pkg/version.Version": version,
    "github.com/k3s-io/k3s/pkg/version.GitCommit": commit.slice(0, 8),
  };
}

/** Copies the source of a release to `directory`, which must not exist, so that it can be built there. */
export async function copySource(version: K3sVersion, directory: string): Promise<void> {
  // Go keeps modules read-only; the copy must be writable.
  await execa("cp", ["--recursive", "--no-preserve=mode", await sourceOf(version), directory]);
}

function sourceOf(version: K3sVersion): Promise<string> {
  const { moduleVersion, moduleSum } = releases[version];
  return moduleSource("github.com/k3s-io/k3s", moduleVersion, moduleSum);
}

/** What the programs of `serverPrograms` depend on. */
export function serverKey(version: K3sVersion, toolchain: Toolchain): string {
  const { moduleVersion, moduleSum } = releases[version];
  const commands = [serverProgram(version, toolchain), shim].flatMap(buildArguments);
  return keyOf(moduleVersion, moduleSum, toolchain.version, toolchain.architecture, ...commands);
}

/** Fetches what `buildServer` compiles, unless it has done so: that takes the network, and can be done beside other work. */
export async function fetchServer(version: K3sVersion, toolchain: Toolchain): Promise<void> {
  if (await isCached(kind, serverKey(version, toolchain))) return;
  await step(`Fetch the source of K3s ${version}`, async () => {
    await fetchModules(await sourceOf(version), serverProgram(version, toolchain));
  });
}

/** Returns the directory that holds the programs of `serverPrograms`, building them first if need be. */
export async function buildServer(version: K3sVersion, toolchain: Toolchain): Promise<string> {
  return cached(kind, serverKey(version, toolchain), async (directory) => {
    const source = join(directory, "source");
    await copySource(version, source);
    // As in a release, the server carries the manifests that it deploys by itself.
    await cp(join(source, "manifests"), join(source, "pkg/deploy/embed"), { recursive: true });
    await step(`Compile K3s ${version}`, (progress) =>
      buildProgram(source, serverProgram(version, toolchain), join(directory, serverPrograms.k3s), progress),
    );
    await step("Compile the containerd shim", (progress) =>
      buildProgram(source, shim, join(directory, serverPrograms.shim), progress),
    );
    await rm(source, { recursive: true });
  });
}

function serverProgram(version: K3sVersion, toolchain: Toolchain): Program {
  const { commit, date } = provenanceOf(releases[version]);
  const kubernetes = ["k8s.io/client-go/pkg/version", "k8s.io/component-base/version"].flatMap((path) => [
    [`${path}.gitVersion`, version],
    [`${path}.gitCommit`, commit],
    [`${path}.gitTreeState`, "clean"],
    [`${path}.buildDate`, date],
  ]);
  return {
    package: "./cmd/server",
    c: true,
    // A release's, except that names are resolved by Go: what the C library needs for it cannot be linked statically.
    tags: [
      ...["ctrd", "netgo", "osusergo", "providerless", "static_build"],
      ...["urfave_cli_no_docs", "sqlite_omit_load_extension"],
    ],
    variables: {
      ...releaseVariables(version),
      "github.com/k3s-io/k3s/pkg/version.UpstreamGolang": toolchain.version,
      ...(Object.fromEntries(kubernetes) as Record<string, string>),
    },
  };
}

const shim: Program = { package: "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2" };
