/** A stack's configuration for tests: a small valid one, and what is different in it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { resolveHosts } from "../../components/config/hostReference.ts";
import { type ParsedSettings, parseSettings } from "../../components/config/parseSettings.ts";
import { secretKeys } from "../../components/config/schema.ts";
import { InvalidConfiguration } from "../../components/config/problem.ts";

/** The keys of a stack's configuration without their namespace; maps as they stand in YAML. */
export type StackConfig = Readonly<Record<string, unknown>>;

/** What a test runs in, apart from the configuration. */
export interface Machine {
  secretKeys?: readonly string[];
  projectDirectory?: string;
  environment?: Readonly<Record<string, string | undefined>>;
  isPreview?: boolean;
  now?: Date;
}

/** A well-formed public key of a type, made of one number: it has no owner. */
export function publicKey(type = "ssh-ed25519", filler = 1): string {
  const fields = [Buffer.from(type), Buffer.alloc(32, filler)];
  const blob = Buffer.concat(
    fields.flatMap((field) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(field.length);
      return [length, field];
    }),
  );
  return `${type} ${blob.toString("base64")}`;
}

export const hostKey = publicKey();

/** A well-formed public key of age, whose private key is unknown. */
export const ageRecipient = "age1y5vps8jlptqt6p3vu0lfzs8u5m2scyhw3fzgda3g7u5a0s39p5dslrpz7g";

/** The smallest configuration that has nothing to warn of. */
export const smallStack: StackConfig = {
  servers: {
    "server-1": { address: "198.51.100.11", hostKey },
    "server-2": { address: "198.51.100.12", hostKey },
  },
  loadBalancer: { hosts: { "lb-1": { address: "198.51.100.30", hostKey } } },
  datastore: { managed: { name: "db-1", host: { address: "198.51.100.20", hostKey } } },
  backup: { recipients: [ageRecipient] },
  k3s: { version: "v1.35.0+k3s1" },
};

/** The configuration by full key, maps as JSON: as Pulumi hands it over. */
export function valuesOf(config: StackConfig): Record<string, string> {
  const values = Object.entries(config).map(([key, value]): [string, string] => [
    `k3s-ha:${key}`,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  return Object.fromEntries(values);
}

/** Parses a configuration on a machine. */
export function parse(config: StackConfig, machine: Machine = {}): ParsedSettings {
  return parseSettings({
    values: valuesOf(config),
    secretKeys: machine.secretKeys ?? Object.keys(secretKeys).map((key) => `k3s-ha:${key}`),
    projectDirectory: machine.projectDirectory ?? "/nowhere",
    environment: machine.environment ?? { HOME: "/nowhere/home", SSH_AUTH_SOCK: "/nowhere/agent" },
    isPreview: machine.isPreview ?? false,
    now: machine.now ?? new Date("2026-11-23T12:00:00Z"),
  });
}

/** What other stacks export, by full name of the stack and name of the output; a value in an array is secret. */
export type OtherStacks = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** Parses a configuration that takes hosts from other stacks, or from files below a directory. */
export async function parseWithStacks(
  config: StackConfig,
  stacks: OtherStacks,
  projectDirectory = "/nowhere",
): Promise<ParsedSettings> {
  const surroundings = {
    projectDirectory,
    environment: { HOME: "/nowhere/home", SSH_AUTH_SOCK: "/nowhere/agent" },
  };
  const open = (stack: string) => ({
    read: (name: string) => {
      const value = stacks[stack]?.[name];
      return Promise.resolve(
        Array.isArray(value) ? { value: value[0] as unknown, isSecret: true } : { value, isSecret: false },
      );
    },
    names: () => Promise.resolve(Object.keys(stacks[stack] ?? {})),
  });
  const resolved = await resolveHosts(valuesOf(config), open, surroundings);
  return parseSettings({
    values: resolved.values,
    resolved,
    secretKeys: [],
    ...surroundings,
    now: new Date("2026-11-23T12:00:00Z"),
  });
}

/** Everything that is wrong with a configuration; nothing if it is accepted. */
export function problemsOf(config: StackConfig, machine: Machine = {}): readonly string[] {
  try {
    parse(config, machine);
    return [];
  } catch (error) {
    if (error instanceof InvalidConfiguration) return error.problems;
    throw error;
  }
}

/** A directory with these files, gone after the test. */
export function directoryWith(test: TestContext, files: Readonly<Record<string, string>>, mode = 0o600): string {
  const directory = mkdtempSync(join(tmpdir(), "k3s-ha-config-"));
  test.after(() => {
    rmSync(directory, { recursive: true });
  });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content, { mode });
  return directory;
}
