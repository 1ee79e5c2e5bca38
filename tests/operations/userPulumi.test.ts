/**
 * Which Pulumi a stack on anybody's own hosts runs on: proved with `make`'s own program, and a `pulumi` on the PATH that
 * writes down what it was asked and with which variables.
 */
import assert from "node:assert/strict";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { it } from "node:test";
import { execa } from "execa";
import { cacheDirectory } from "../../build/cache.ts";
import { projectDirectory } from "../../operations/workspace.ts";
import { prepareToolchain } from "../../toolchain/toolchain.ts";
import { pulumiVersion } from "../../toolchain/versions.ts";
import { inTemporaryDirectory } from "../support/temporaryDirectory.ts";

/** A person's machine: a home, a PATH, and what their `pulumi` was asked. */
interface Machine {
  readonly home: string;
  /** Directory on the PATH. */
  readonly programs: string;
  /** Runs a command of the Makefile on a stack. */
  run(command: string, stack: string, environment?: Readonly<Record<string, string>>): Promise<Ran>;
  /** What `pulumi` was asked so far: a line of arguments each. */
  asked(): Promise<string[]>;
  /** The variables of the last question that had to do with Pulumi. */
  variables(): Promise<string[]>;
}

interface Ran {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** Files of the checkout that were loaded, relative to it. */
  readonly loaded: readonly string[];
}

async function onMachine(version: string | undefined, use: (machine: Machine) => Promise<void>): Promise<void> {
  await inTemporaryDirectory(async (directory) => {
    const [home, programs] = [join(directory, "home"), join(directory, "programs")];
    const [questions, variables, loads] = ["questions", "variables", "loads"].map((name) => join(directory, name)) as [
      string,
      string,
      string,
    ];
    await mkdir(home);
    await mkdir(programs);
    await writeFile(questions, "");
    if (version !== undefined) {
      const pulumi = `#!/bin/sh
echo "$*" >>'${questions}'
env | grep '^PULUMI' >'${variables}'
case "$1" in version) echo '${version}' ;; *) echo "the outputs" ;; esac
`;
      await writeFile(join(programs, "pulumi"), pulumi, { mode: 0o755 });
    }
    const recorder = join(directory, "recorder.mjs");
    await writeFile(
      recorder,
      `import { appendFileSync } from "node:fs";
       import { registerHooks } from "node:module";
       registerHooks({ load(url, context, next) { appendFileSync(${JSON.stringify(loads)}, url + "\\n"); return next(url, context); } });`,
    );
    await use({
      home,
      programs,
      run: async (command, stack, environment = {}) => {
        await writeFile(loads, "");
        const { exitCode, stdout, stderr } = await execa(
          process.execPath,
          [
            ...["--disable-warning=ExperimentalWarning", "--import", recorder],
            ...[join(projectDirectory, "operations/main.ts"), command, "--stack", stack],
          ],
          {
            env: { HOME: home, PATH: [programs, "/usr/bin", "/bin"].join(delimiter), ...environment },
            extendEnv: false,
            reject: false,
            stdin: "ignore",
          },
        );
        const base = `file://${projectDirectory}/`;
        const urls = (await readFile(loads, "utf8")).trim().split("\n");
        const own = urls.filter((url) => url.startsWith(base) && !url.includes("/node_modules/"));
        return { exitCode, stdout, stderr, loaded: own.map((url) => url.slice(base.length)) };
      },
      asked: async () => (await readFile(questions, "utf8")).trim().split("\n"),
      variables: async () => (await readFile(variables, "utf8")).trim().split("\n").filter(Boolean),
    });
  });
}

it("runs the pulumi on the PATH, with its user's home, login and plugins", async () => {
  await onMachine(`v${pulumiVersion}`, async (machine) => {
    const { exitCode, stdout, stderr } = await machine.run("outputs", "prod", { PULUMI_BACKEND_URL: "s3://theirs" });

    assert.equal(exitCode, 0, stderr);
    assert.equal(stdout, "the outputs");
    assert.equal(stderr, "");
    assert.deepEqual(await machine.asked(), ["version", `stack output --cwd ${projectDirectory} --stack prod`]);
    assert.deepEqual(await machine.variables(), ["PULUMI_BACKEND_URL=s3://theirs"]);
  });
});

it("loads nothing of the sandbox or of the stand-ins for a stack on anybody's own hosts", async () => {
  await onMachine(`v${pulumiVersion}`, async (machine) => {
    const own = await machine.run("outputs", "prod");
    const inSandbox = await machine.run("outputs", "dev", { K3S_HA_SANDBOX: "9" });

    assert.equal(own.exitCode, 0, own.stderr);
    assert.ok(own.loaded.includes("operations/main.ts"));
    const foreign = (files: readonly string[]) => files.filter((file) => /^(sandbox|toolchain)\//.test(file));
    assert.deepEqual(foreign(own.loaded), ["toolchain/versions.ts"]);
    // The same recorder sees what the sandbox's stack loads.
    assert.ok(foreign(inSandbox.loaded).includes("sandbox/sandbox.ts"), inSandbox.stderr);
  });
});

it("says how to install Pulumi where there is none", async () => {
  await onMachine(undefined, async (machine) => {
    const { exitCode, stderr } = await machine.run("preview", "prod");

    assert.equal(exitCode, 1);
    assert.equal(
      stderr,
      `There is no \`pulumi\` on the PATH. The stack "prod" needs version ${pulumiVersion} or newer. ` +
        `Install it with \`curl -fsSL https://get.pulumi.com | sh -s -- --version ${pulumiVersion}\`, and put ~/.pulumi/bin first on the PATH.`,
    );
  });
});

const [major = 0, minor = 0] = pulumiVersion.split(".").map(Number);

const commands = ["up", "preview", "down", "status", "outputs", "backup", "restore", "kubectl"];

for (const [version, reason, refused] of [
  [`v${major}.${minor - 1}.9`, `needs ${pulumiVersion} or newer`, commands],
  [`v${major - 1}.999.0`, `needs ${pulumiVersion} or newer`, ["up"]],
  [`v${major + 1}.0.0`, `needs Pulumi ${major}`, ["up"]],
] as const) {
  it(`refuses Pulumi ${version} before anything runs`, async () => {
    await onMachine(version, async (machine) => {
      for (const command of refused) {
        const { exitCode, stderr } = await machine.run(command, "prod");

        assert.notEqual(exitCode, 0);
        assert.match(stderr, new RegExp(`/programs/pulumi is Pulumi ${version.slice(1)}, but this program ${reason}`));
        assert.match(stderr, /get\.pulumi\.com \| sh -s -- --version/);
      }
      assert.deepEqual(new Set(await machine.asked()), new Set(["version"]));
    });
  });
}

for (const version of [`v${major}.${minor + 1}.0`, `v${major}.${minor + 1}.0-alpha.x8f2e`]) {
  it(`takes Pulumi ${version}`, async () => {
    await onMachine(version, async (machine) => {
      const { exitCode, stderr } = await machine.run("outputs", "prod");
      assert.equal(exitCode, 0, stderr);
    });
  });
}

it("shows what a pulumi that tells no version printed instead", async () => {
  await onMachine("command not supported", async (machine) => {
    const { exitCode, stderr } = await machine.run("outputs", "prod");

    assert.equal(exitCode, 1);
    assert.match(stderr, /programs\/pulumi does not report its version; `.* version` printed "command not supported"/);
  });
});

/** Logs the machine's person in, to a backend that has no stack. Returns the variable that names their Pulumi's home. */
async function logIn(pulumi: string, { home }: Machine): Promise<Readonly<Record<string, string>>> {
  const state = join(home, "state");
  await mkdir(state);
  // The CLI asks the system for the user's home, and not HOME.
  const environment = { PULUMI_HOME: join(home, ".pulumi") };
  await execa(pulumi, ["login", `file://${state}`], { env: environment, stdin: "ignore" });
  return environment;
}

const noSuchStack = /no stack named 'prod' found/;

it("works with the real CLI on the backend that its user is logged in to", async () => {
  const { pulumi } = await prepareToolchain();
  await onMachine(undefined, async (machine) => {
    const own = join(machine.programs, "pulumi");
    await copyFile(pulumi, own);
    const environment = await logIn(own, machine);

    const { stderr } = await machine.run("outputs", "prod", environment);

    assert.match(stderr, noSuchStack);
    assert.doesNotMatch(stderr, /WARNING/);
  });
});

it("takes the stand-ins for the stack that a variable names, with a warning on each run and the user's login", async () => {
  const { pulumi } = await prepareToolchain();
  await onMachine(undefined, async (machine) => {
    const login = await logIn(pulumi, machine);
    const environment = { ...login, XDG_CACHE_HOME: dirname(cacheDirectory), K3S_HA_TOOLCHAIN: "built" };

    for (let run = 0; run < 2; run++) {
      const { stderr } = await machine.run("outputs", "prod", { ...environment, K3S_HA_STAND_INS: "prod" });
      assert.match(
        stderr,
        /^WARNING: K3S_HA_STAND_INS=prod: the stack "prod" runs on a Pulumi CLI that was built on this machine and on this project's stand-ins for Pulumi's plugins command, random, tls, mysql, not on your own Pulumi\./,
      );
      assert.match(stderr, noSuchStack);
    }
    const { stderr } = await machine.run("outputs", "prod", { ...environment, K3S_HA_STAND_INS: "staging" });
    assert.match(stderr, /^There is no `pulumi` on the PATH/, "the variable names another stack");
  });
});

it("is asked for in the same version everywhere", async () => {
  const range = `">=${pulumiVersion} <${major + 1}.0.0"`;
  for (const file of ["Pulumi.yaml", "index.ts"]) {
    const text = await readFile(join(projectDirectory, file), "utf8");
    assert.ok(text.includes(range), `${file} has to require ${range}`);
  }
  const documents = await readFile(join(projectDirectory, "README.md"), "utf8");
  assert.ok(documents.includes(`--version ${pulumiVersion}`), "README.md says how to install it");
});
