/** `pulumi install`, `pulumi about`: what the engine asks about a program's npm packages. */
import type { ServerWritableStream } from "@grpc/grpc-js";
import language from "@pulumi/pulumi/proto/language_pb.js";
import { execa } from "execa";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { forwardOutput } from "./output.ts";
import { parseRuntimeOptions } from "./runtimeOptions.ts";

type InstallCall = ServerWritableStream<language.InstallDependenciesRequest, language.InstallDependenciesResponse>;

/** Runs `npm install` in the program's directory and streams what it prints. Throws if it fails. */
export async function installDependencies(call: InstallCall, signal: AbortSignal): Promise<void> {
  const info = call.request.getInfo();
  const flags = parseRuntimeOptions(info).production ? ["--omit=dev"] : [];
  const install = execa("npm", ["install", ...flags], {
    cwd: info?.getProgramDirectory() ?? ".",
    stdin: "ignore",
    buffer: false,
    reject: false,
    cancelSignal: signal,
  });
  await forwardOutput(install, call, {
    stdout: (bytes) => new language.InstallDependenciesResponse().setStdout(bytes),
    stderr: (bytes) => new language.InstallDependenciesResponse().setStderr(bytes),
  });
  const result = await install;
  if (result.failed) throw new Error(`npm install failed: ${result.shortMessage}`);
}

/** The version of npm on the PATH, e.g. `11.19.1`; empty if there is none. */
export async function packageManagerVersion(): Promise<string> {
  const result = await execa("npm", ["--version"], { reject: false });
  return result.failed ? "" : result.stdout;
}

/** An installed npm package. */
export interface InstalledPackage {
  readonly name: string;
  readonly version: string;
}

interface Lock {
  readonly packages: Record<string, { version?: string } | undefined>;
}

/**
 * The packages that npm installed in `directory`: those that its package.json names, or, if `isTransitive`, all.
 * Throws if nothing has been installed there.
 */
export async function installedDependencies(directory: string, isTransitive: boolean): Promise<InstalledPackage[]> {
  const manifest = (await json(join(directory, "package.json"))) as Record<string, Record<string, string> | undefined>;
  // npm records here what is in the folder; package-lock.json says what should be.
  const lock = (await json(join(directory, "node_modules", ".package-lock.json"))) as Lock;
  const direct = Object.keys({ ...manifest["dependencies"], ...manifest["devDependencies"] });
  const paths = isTransitive ? Object.keys(lock.packages) : direct.map((name) => `node_modules/${name}`);
  return paths.flatMap((path) => {
    const version = lock.packages[path]?.version;
    const name = path.split("node_modules/").at(-1);
    return version === undefined || name === undefined ? [] : [{ name, version }];
  });
}

async function json(path: string): Promise<unknown> {
  return JSON.parse(await readFile(path, "utf8"));
}
