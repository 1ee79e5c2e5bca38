// Proves that the package works where it is installed: in a project as `pulumi new typescript` makes it (CommonJS, compiled
// by ts-node), on the oldest Node that the package is for, and in a project of ES modules, the example compiles and can be
// previewed. What the components make of it is proved by their own tests.
import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { execa } from "execa";
import { stringify } from "yaml";
import manifest from "../../package.json" with { type: "json" };
import { prepareToolchain, type Toolchain } from "../../toolchain/toolchain.ts";
import { pulumiVersion } from "../../toolchain/versions.ts";
import { root } from "../runner/ended.ts";
import { sampleHostKey, sampleSshKey } from "../support/sampleHosts.ts";
import { unexportedTypes } from "./exportedTypes.ts";
import { TemporaryProject } from "../toolchain/temporaryProject.ts";

/** The oldest Node that package.json asks for, such as "22.15.0". */
const oldestNode = `${manifest.engines.node.replace(">=", "")}.0`;

/** What `pulumi new typescript` writes beside the program, except that versions are those of this checkout's lock file. */
const commonJs = {
  project: { name: "builds", runtime: { name: "nodejs", options: { packagemanager: "npm" } } },
  manifest: {
    name: "builds",
    main: "index.ts",
    devDependencies: {
      "@types/node": manifest.devDependencies["@types/node"],
      typescript: manifest.devDependencies.typescript,
    },
    dependencies: { "@pulumi/pulumi": pulumiVersion },
  },
  compilerOptions: {
    strict: true,
    outDir: "bin",
    target: "es2020",
    module: "commonjs",
    moduleResolution: "node",
    sourceMap: true,
    experimentalDecorators: true,
    pretty: true,
    noFallthroughCasesInSwitch: true,
    noImplicitReturns: true,
    forceConsistentCasingInFileNames: true,
  },
};

/** The same as a project of ES modules, whose TypeScript Node runs as it is. */
const esModules = {
  project: { name: "builds", main: "index.ts", runtime: { name: "nodejs", options: { typescript: false } } },
  manifest: { ...commonJs.manifest, type: "module" },
  compilerOptions: { strict: true, noEmit: true, target: "es2024", module: "nodenext", erasableSyntaxOnly: true },
};

let directory: string;
let packed: { filename: string; files: { path: string }[] };
let toolchain: Toolchain;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "k3s-ha-installed-"));
  toolchain = await prepareToolchain();
  const { stdout } = await npm(root, "pack", "--json", "--silent", "--pack-destination", directory);
  [packed] = JSON.parse(stdout) as [typeof packed];
  await writeProject("commonjs", commonJs);
  // From npm's cache: the lock file names what `npm ci` of this checkout has fetched.
  const lock = JSON.parse(await readFile(join(root, "package-lock.json"), "utf8")) as { packages: object };
  const packages = { ...lock.packages, "": commonJs.manifest };
  await writeFile(join(directory, "commonjs/package-lock.json"), JSON.stringify({ ...lock, name: "builds", packages }));
  const node = `node-${process.platform}-${process.arch}@${oldestNode}`;
  await npm(join(directory, "commonjs"), "install", ...installation, join(directory, packed.filename), node);
  await writeProject("esm", esModules);
  await symlink(join(directory, "commonjs/node_modules"), join(directory, "esm/node_modules"));
});
after(async () => {
  await rm(directory, { recursive: true, force: true });
});

/** Scripts of packages build what is optional, and fetch plugins that the toolchain has. */
const installation = ["--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];

function npm(cwd: string, ...args: string[]) {
  // As npm's own Node, that of this checkout.
  const PATH = [dirname(process.execPath), process.env["PATH"]].join(delimiter);
  return execa("npm", args, { cwd, env: { PATH }, stdin: "ignore" });
}

async function writeProject(name: string, { project, manifest, compilerOptions }: typeof commonJs | typeof esModules) {
  const path = join(directory, name);
  await mkdir(join(path, ".state"), { recursive: true });
  await cp(join(root, "examples/library/index.ts"), join(path, "index.ts"));
  await writeFile(join(path, "Pulumi.yaml"), stringify(project));
  await writeFile(join(path, "package.json"), JSON.stringify(manifest));
  await writeFile(join(path, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["index.ts"] }));
}

async function compile(name: string): Promise<void> {
  const cwd = join(directory, name);
  const { all, failed } = await execa("node_modules/.bin/tsc", ["--noEmit"], { cwd, all: true, reject: false });
  assert.ok(!failed, all);
}

/** What `pulumi preview` of the example prints, with this directory's programs before those of the toolchain. */
async function preview(name: string, programs = ""): Promise<string> {
  const path = join(directory, name);
  const project = new TemporaryProject(path, {
    ...toolchain.environment,
    PATH: [programs, toolchain.environment["PATH"]].filter(Boolean).join(delimiter),
    PULUMI_BACKEND_URL: `file://${join(path, ".state")}`,
    PULUMI_CONFIG_PASSPHRASE: "test",
  });
  const machines = ["database", "proxy", "server-1", "server-2", "builder-1", "builder-2"];
  const hostKeys = Object.fromEntries(machines.map((machine) => [machine, sampleHostKey]));
  const config = { "builds:hostKeys": hostKeys, "builds:sshPrivateKey": sampleSshKey };
  await writeFile(join(path, "Pulumi.dev.yaml"), stringify({ config }));
  await project.succeed("stack", "init", "dev");
  return project.succeed("preview");
}

function assertCluster(output: string): void {
  for (const component of [
    "K3sCluster",
    "MySQLDatastore",
    "K3sServerPool",
    "HAProxyBalancer",
    "AgentPool",
    "BackupCron",
  ])
    assert.match(output, new RegExp(`k3s-ha:index:${component} `), output);
  assert.match(output, /^ +\+ \d+ to create$/m, output);
}

describe("the package", { concurrency: true }, () => {
  it("holds what is built, and nothing of the program, its tests or its tools", () => {
    const others = packed.files.map(({ path }) => path).filter((path) => !/^dist\/.*\.(js|d\.ts|sh)$/.test(path));
    assert.deepEqual(others.toSorted(), ["CHANGELOG.md", "LICENSE", "README.md", "package.json"]);
  });

  it("exports every type that its declarations name", () => {
    const declarations = join(directory, "commonjs/node_modules/k3s-ha/dist/index.d.ts");
    assert.deepEqual(unexportedTypes(declarations), []);
  });

  it("compiles in a project as `pulumi new typescript` makes it", () => compile("commonjs"));

  it(`is previewed in such a project on Node ${oldestNode}`, async () => {
    const programs = join(directory, "commonjs/node_modules", `node-${process.platform}-${process.arch}`, "bin");
    const { stdout } = await execa(join(programs, "node"), ["--version"]);
    assert.equal(stdout, `v${oldestNode}`);
    assertCluster(await preview("commonjs", programs));
  });

  it("compiles in a project of ES modules", () => compile("esm"));

  it("is previewed in a project of ES modules", async () => {
    assertCluster(await preview("esm"));
  });
});
