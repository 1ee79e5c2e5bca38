/** A program of this directory, run by the real Pulumi CLI with the plugins. */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { prepareToolchain } from "../../../toolchain/toolchain.ts";
import { inTemporaryDirectory } from "../../support/temporaryDirectory.ts";
import { TemporaryProject } from "../temporaryProject.ts";

/** A resource in the exported state; secrets are `{ciphertext}`. */
export interface StoredResource {
  type: string;
  urn: string;
  id: string;
  inputs: Record<string, unknown>;
  outputs: Record<string, unknown>;
}

/**
 * Runs `use` with `programs/<program>/index.ts` as a project that has a stack `dev`. The plugins are the drop-ins;
 * with K3S_HA_TOOLCHAIN=official the same expectations are held against the official ones.
 */
export async function inPulumiProject(
  program: string,
  environment: Record<string, string>,
  use: (project: TemporaryProject) => Promise<void>,
): Promise<void> {
  const toolchain = await prepareToolchain(process.env["K3S_HA_TOOLCHAIN"] ? {} : { choice: "built" });
  await inTemporaryDirectory(async (directory) => {
    const backend = join(directory, ".state");
    await mkdir(backend);
    const project = new TemporaryProject(directory, {
      ...toolchain.environment,
      PULUMI_BACKEND_URL: `file://${backend}`,
      PULUMI_CONFIG_PASSPHRASE: "test",
      ...environment,
    });
    const runtime = { name: "nodejs", options: { typescript: false } };
    await project.write({
      "Pulumi.yaml": stringify({ name: program, runtime, main: "index.ts" }),
      "package.json": JSON.stringify({ type: "module", main: "index.ts" }),
      "index.ts": await readFile(new URL(`programs/${program}/index.ts`, import.meta.url), "utf8"),
    });
    await project.succeed("stack", "init", "dev");
    await use(project);
  });
}

/** Sets configuration; a value in an array is secret. */
export async function configure(project: TemporaryProject, values: Record<string, string | [string]>): Promise<void> {
  const settings = Object.entries(values).flatMap(([name, value]) =>
    Array.isArray(value) ? ["--secret", `${name}=${value[0]}`] : ["--plaintext", `${name}=${value}`],
  );
  await project.succeed("config", "set-all", ...settings);
}

/** `pulumi up` with details; throws when it fails. */
export async function up(project: TemporaryProject): Promise<string> {
  return project.succeed("up", "--yes", "--skip-preview", "--diff");
}

/** What is stored. */
export class StoredState {
  readonly #resources: StoredResource[];

  constructor(resources: StoredResource[]) {
    this.#resources = resources;
  }

  /** How many resources there are. */
  get size(): number {
    return this.#resources.length;
  }

  /** True when there is one named `Type/name`, e.g. `Command/step`. */
  has(name: string): boolean {
    return this.#find(name) !== undefined;
  }

  /** The resource of that name. Throws when there is none. */
  get(name: string): StoredResource {
    const found = this.#find(name);
    if (!found) throw new Error(`nothing named ${name} is stored`);
    return found;
  }

  #find(name: string): StoredResource | undefined {
    const [type = "", resource = ""] = name.split("/");
    return this.#resources.find((one) => one.type.endsWith(`:${type}`) && one.urn.endsWith(`::${resource}`));
  }
}

/** The state without the engine's own resources. */
export async function stored(project: TemporaryProject, ...options: string[]): Promise<StoredState> {
  const text = await project.succeed("stack", "export", ...options);
  const { deployment } = JSON.parse(text) as { deployment: { resources?: StoredResource[] } };
  return new StoredState((deployment.resources ?? []).filter(({ type }) => !type.startsWith("pulumi:")));
}

/** True for a value that is stored encrypted. */
export function isEncrypted(value: unknown): boolean {
  return typeof value === "object" && value !== null && "ciphertext" in value;
}
