/**
 * Container images for a cluster that reaches no registry: the pause image, without which no pod starts, and a small
 * one to run in tests. Both hold nothing but a static BusyBox. K3s loads what it finds in its `agent/images/`.
 */
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { archiveBuffer, type Entry } from "./archive.ts";

/**
 * Reference of the image for test workloads: BusyBox with a shell, `httpd`, `wget`, `sleep`, …
 * Debian's `wget` has no `-T`: limit it with `timeout`. A first process that sets no trap ignores SIGTERM, so a pod
 * that must go fast needs `trap "exit 0" TERM` or a short `terminationGracePeriodSeconds`.
 */
export const testImage = "localhost/busybox:sandbox";

// Holds the pod's namespaces until it is told to stop, and collects orphans as the first process of a pod must.
const pauseScript = 'trap "exit 0" TERM INT; while :; do sleep 2147483647 & wait; done';

// What the test image offers by name. BusyBox knows what to do from the name that it is called by.
const testPrograms =
  "cat cp cut date dd df echo env false grep head hostname httpd id ip kill ln ls mkdir mount mv nc nslookup ping ps " +
  "pwd rm sed seq sh sleep sort stat tail tee test timeout touch tr true uname wc wget which";

/** What a container started from an image runs when its pod does not say. */
interface Command {
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
}

/** Writes the pause image to `path`, under the reference that K3s asks for. */
export async function writePauseImage(
  path: string,
  reference: string,
  busybox: string,
  architecture: string,
): Promise<void> {
  const command = { Entrypoint: ["/bin/busybox", "sh", "-c", pauseScript] };
  await writeFile(path, await dockerArchive(reference, architecture, command, root(busybox, ["sleep"])));
}

/** Writes the test image to `path`. */
export async function writeTestImage(path: string, busybox: string, architecture: string): Promise<void> {
  await writeFile(
    path,
    await dockerArchive(testImage, architecture, { Cmd: ["sh"] }, root(busybox, testPrograms.split(" "))),
  );
}

function root(busybox: string, programs: readonly string[]): Entry[] {
  return [
    { kind: "directory", path: "bin" },
    { kind: "copy", path: "bin/busybox", from: busybox, mode: 0o755 },
    ...programs.map((name): Entry => ({ kind: "link", path: `bin/${name}`, target: "busybox" })),
    { kind: "directory", path: "etc" },
    { kind: "file", path: "etc/passwd", content: "root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n" },
    { kind: "file", path: "etc/group", content: "root:x:0:\nnogroup:x:65534:\n" },
    { kind: "directory", path: "tmp", mode: 0o1777 },
  ];
}

/** An image of one layer in the format of `docker save`. */
async function dockerArchive(
  reference: string,
  architecture: string,
  command: Command,
  files: Entry[],
): Promise<Buffer> {
  const layer = await archiveBuffer(files);
  const layerDigest = sha256(layer);
  const config = JSON.stringify({
    architecture,
    os: "linux",
    created: "1970-01-01T00:00:00Z",
    config: { Env: ["PATH=/bin"], WorkingDir: "/", ...command },
    rootfs: { type: "layers", diff_ids: [`sha256:${layerDigest}`] },
    history: [{ created: "1970-01-01T00:00:00Z", comment: "static BusyBox" }],
  });
  const configName = `${sha256(config)}.json`;
  const layerName = `${layerDigest}/layer.tar`;
  const manifest = JSON.stringify([{ Config: configName, RepoTags: [reference], Layers: [layerName] }]);
  return archiveBuffer([
    { kind: "directory", path: layerDigest },
    { kind: "file", path: layerName, content: layer },
    { kind: "file", path: configName, content: config },
    { kind: "file", path: "manifest.json", content: manifest },
  ]);
}

function sha256(content: string | Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}
