/**
 * The Pulumi of the user who runs the commands: the `pulumi` on their PATH, with their login, their plugins and all else that
 * is in their home. Nothing of it is replaced, so that a stack has one Pulumi, however it is run.
 */
import { access, constants, realpath } from "node:fs/promises";
import { userInfo } from "node:os";
import { delimiter, join } from "node:path";
import { execa } from "execa";
import { cacheDirectory } from "../build/cache.ts";
import { say } from "../build/progress.ts";
import { pulumiVersion } from "../toolchain/versions.ts";
import { type PulumiCli, projectDirectory } from "./workspace.ts";

/** Names the stack that may run on this project's stand-ins; for machines that Pulumi's releases cannot reach. */
const standInsVariable = "K3S_HA_STAND_INS";

/** The command that installs the version with which the program was made. */
const installation = `Install it with \`curl -fsSL https://get.pulumi.com | sh -s -- --version ${pulumiVersion}\`, and put ~/.pulumi/bin first on the PATH.`;

/**
 * The CLI that `stack` runs on. Throws a sentence that says what to install if there is none, or one that is older than
 * the program's SDK or of a newer major version.
 */
export async function userPulumi(stack: string): Promise<PulumiCli> {
  if (process.env[standInsVariable] === stack) return standIns(stack);
  const path = await pulumiOnPath();
  if (path === undefined) {
    throw new Error(
      `There is no \`pulumi\` on the PATH. The stack "${stack}" needs version ${pulumiVersion} or newer. ${installation}`,
    );
  }
  await requireVersion(path);
  return { path, environment: { PATH: [nodeDirectory, process.env["PATH"] ?? ""].join(delimiter) } };
}

/** The Node that runs the program: the one that package.json pins. */
const nodeDirectory = join(projectDirectory, "node_modules", "node", "bin");

async function pulumiOnPath(): Promise<string | undefined> {
  for (const directory of (process.env["PATH"] ?? "").split(delimiter)) {
    const path = join(directory || ".", "pulumi");
    const isExecutable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    // In a shell that was given the sandbox's PATH, the first one is the sandbox's.
    if (isExecutable && !(await realpath(path)).startsWith(`${cacheDirectory}/`)) return path;
  }
  return undefined;
}

async function requireVersion(path: string): Promise<void> {
  const { stdout, stderr } = await execa(path, ["version"], {
    env: { PULUMI_SKIP_UPDATE_CHECK: "true" },
    stdin: "ignore",
    reject: false,
    timeout: 60_000,
  });
  const found = /^v(\d+)\.(\d+)\.(\d+)/.exec(stdout);
  if (found === null) {
    throw new Error(
      `${path} does not report its version; \`${path} version\` printed "${`${stdout}\n${stderr}`.trim()}".`,
    );
  }
  const needed = pulumiVersion.split(".").map(Number);
  const [major = 0, minor = 0, patch = 0] = found.slice(1).map(Number);
  const [neededMajor = 0, neededMinor = 0, neededPatch = 0] = needed;
  if (major > neededMajor) {
    throw new Error(
      `${path} is Pulumi ${stdout.slice(1)}, but this program needs Pulumi ${neededMajor}. ${installation}`,
    );
  }
  const isOlder = major < neededMajor || minor < neededMinor || (minor === neededMinor && patch < neededPatch);
  if (isOlder) {
    throw new Error(
      `${path} is Pulumi ${stdout.slice(1)}, but this program needs ${pulumiVersion} or newer. ${installation}`,
    );
  }
}

/** The sandbox's own Pulumi, for a stack whose user requested it. The login stays the user's. */
async function standIns(stack: string): Promise<PulumiCli> {
  const { prepareToolchain } = await import("../toolchain/toolchain.ts");
  const { pulumi, environment, origin, plugins } = await prepareToolchain();
  const replaced = Object.entries(plugins)
    .filter(([, pluginOrigin]) => pluginOrigin !== "official")
    .map(([name]) => name);
  say(
    `WARNING: ${standInsVariable}=${stack}: the stack "${stack}" runs on a Pulumi CLI that was ${origin === "built" ? "built on this machine" : "downloaded"}${
      replaced.length === 0 ? "" : ` and on this project's stand-ins for Pulumi's plugins ${replaced.join(", ")}`
    }, not on your own Pulumi. Unset ${standInsVariable} as soon as you have Pulumi ${pulumiVersion}.`,
  );
  // Where the CLI looks by itself: it asks the system for the user's home, and not HOME.
  const home = process.env["PULUMI_HOME"] || join(userInfo().homedir, ".pulumi");
  return {
    path: pulumi,
    environment: { ...environment, PULUMI_CREDENTIALS_PATH: process.env["PULUMI_CREDENTIALS_PATH"] || home },
  };
}
