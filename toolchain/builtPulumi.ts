/** The Pulumi CLI built from its Go module, with this project's language host beside it. */
import { randomUUID } from "node:crypto";
import { link, mkdir, readFile, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { cached, keyOf } from "../build/cache.ts";
import { buildProgram } from "../build/goBuild.ts";
import { buildArguments, toolchain } from "../build/golang.ts";
import { step } from "../build/progress.ts";
import { writeLauncher } from "./launcher.ts";
import { pulumiVersion } from "./versions.ts";

/** The module that pins the CLI and all it is built from. */
const module = new URL("./pulumi/", import.meta.url).pathname;

const program = {
  package: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
  // What `pulumi version` prints; it is also how the CLI recognises plugins that are too old.
  variables: { "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": `v${pulumiVersion}` },
} as const;

/**
 * Puts `pulumi` and `pulumi-language-nodejs` into `directory` and returns the CLI's path. Builds the CLI if no checkout
 * on this machine has done so yet: about four minutes on two processors. Throws if Go is missing.
 */
export async function assembleBuiltPulumi(checkout: string, directory: string): Promise<string> {
  const built = await builtPulumi();
  await mkdir(directory, { recursive: true });
  const pulumi = join(directory, "pulumi");
  await Promise.all([
    hardLink(built, pulumi),
    writeLauncher(join(directory, "pulumi-language-nodejs"), checkout, "toolchain/languageHost.ts"),
  ]);
  return pulumi;
}

async function builtPulumi(): Promise<string> {
  const [requirements, sums] = await Promise.all([
    readFile(join(module, "go.mod"), "utf8"),
    readFile(join(module, "go.sum")),
  ]);
  if (!requirements.includes(`${program.package.split("/cmd/")[0] ?? ""} v${pulumiVersion} `)) {
    throw new Error(`${join(module, "go.mod")} must require the CLI in the SDK's version, v${pulumiVersion}.`);
  }
  const key = keyOf(requirements, sums, process.platform, process.arch, ...buildArguments(program));
  const directory = await cached("pulumi", key, async (partial) => {
    await toolchain();
    await step(`Build the Pulumi CLI ${pulumiVersion} from its Go module`, (progress) =>
      buildProgram(module, program, join(partial, "pulumi"), progress),
    );
  });
  return join(directory, "pulumi");
}

/**
 * Makes `to` another name of `from`. Not a symbolic link: the CLI looks for its language host beside its own file, and
 * follows such links first.
 */
async function hardLink(from: string, to: string): Promise<void> {
  if ((await inode(from)) === (await inode(to))) return;
  const temporary = `${to}.${randomUUID()}`;
  await link(from, temporary);
  await rename(temporary, to);
}

async function inode(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).ino;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
