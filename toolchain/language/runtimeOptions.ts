/** The `runtime.options` of a Pulumi.yaml, PulumiPolicy.yaml or PulumiPlugin.yaml, as the official Node host reads them. */
import type { ProgramInfo } from "@pulumi/pulumi/proto/language_pb.js";
import { parseCommandString } from "execa";

/** Parsed `runtime.options`. */
export interface RuntimeOptions {
  /** Compile with ts-node. Default true; false leaves `.ts` files to Node's type stripping. */
  readonly typescript: boolean;
  /** Path of the tsconfig.json that ts-node uses; undefined means its default. */
  readonly tsconfig: string | undefined;
  /** Arguments for the Node process, e.g. `--max-old-space-size=4096`. Default none. */
  readonly nodeArguments: readonly string[];
  /** Leave devDependencies out of `pulumi install`. Default false. */
  readonly production: boolean;
}

/** Reads the options; throws with the option's name if one has the wrong type. */
export function parseRuntimeOptions(info: ProgramInfo | undefined): RuntimeOptions {
  const options = info?.getOptions()?.toJavaScript() ?? {};
  const packageManager = options["packagemanager"] ?? "auto";
  if (packageManager !== "auto" && packageManager !== "npm") {
    throw new Error(
      `packagemanager option must be auto or npm with this toolchain, got ${JSON.stringify(packageManager)}`,
    );
  }
  return {
    typescript: boolean(options, "typescript", true),
    tsconfig: string(options, "tsconfig"),
    nodeArguments: parseCommandString(string(options, "nodeargs") ?? ""),
    production: boolean(options, "production", false),
  };
}

/** Throws if the options can't be understood. */
export function rejectUnknownRuntimeOptions(info: ProgramInfo | undefined): void {
  parseRuntimeOptions(info);
}

type Options = Record<string, unknown>;

function boolean(options: Options, name: string, byDefault: boolean): boolean {
  const value = options[name] ?? byDefault;
  if (typeof value !== "boolean") throw new Error(`${name} option must be a boolean`);
  return value;
}

function string(options: Options, name: string): string | undefined {
  const value = options[name];
  if (value !== undefined && typeof value !== "string") throw new Error(`${name} option must be a string`);
  return value;
}

/** The environment variables through which the SDK's runners learn about TypeScript. */
export function typescriptEnvironment(options: RuntimeOptions): Record<string, string> {
  return {
    ...(options.typescript && { PULUMI_NODEJS_TYPESCRIPT: "true" }),
    ...(options.tsconfig !== undefined && { PULUMI_NODEJS_TSCONFIG_PATH: options.tsconfig }),
  };
}
