import { z } from "zod";
import { configPath } from "./configPath.ts";
import type { Surroundings } from "./filePath.ts";
import { hostsFile, readHostsFile } from "./hostsFile.ts";
import { type Problem } from "./problem.ts";
import { parseSection } from "./schemaProblems.ts";
import { listed, matching, section } from "./schemaTypes.ts";
import { isUndecrypted, type StackOutput } from "../contract/stackOutputs.ts";

/** The source of hosts that are not listed in this stack. */
export const hostReference = section({
  stack: matching(
    /^[\w.-]+\/[\w.-]+\/[\w.-]+$/,
    "has to be the full name of a stack: write it like organization/infrastructure/prod",
  ).meta({
    description: "Stack that exports the hosts, as `organization/project/stack`, on the same backend.",
  }),
  output: z
    .string({ error: "has to be a name: write the name of the output that holds the hosts, such as servers" })
    .meta({ description: "Name of the output. It holds [hosts](#a-host) by name." }),
});

export type HostReference = z.output<typeof hostReference>;

/** Reads the outputs of another stack. */
export interface OutputReader {
  read(name: string): Promise<StackOutput>;
  names(): Promise<string[]>;
}

/** The configuration with the hosts of other stacks and of files in it, as if they had been written there. */
export interface ResolvedHosts {
  readonly values: Readonly<Record<string, string>>;
  /** The source of hosts from elsewhere, in words, by their path, such as `k3s-ha:servers`. */
  readonly origins: ReadonlyMap<string, string>;
  readonly problems: readonly Problem[];
  /** Warnings about valid but probably unintended settings, one sentence each. */
  readonly warnings: readonly string[];
}

/** The places where the configuration may name a stack, or a file, instead of hosts: the map with the hosts, the name in it, the path. */
interface Place {
  readonly holder: Record<string, unknown>;
  readonly name: string;
  readonly path: string;
}

/**
 * Puts the hosts of other stacks and of files where the configuration names these. What is in them is checked together with
 * all else; here, only whether they can be had.
 */
export async function resolveHosts(
  values: Readonly<Record<string, string>>,
  open: (stack: string) => OutputReader,
  surroundings: Surroundings,
): Promise<ResolvedHosts> {
  const changed: Record<string, string> = { ...values };
  const origins = new Map<string, string>();
  const problems: Problem[] = [];
  const warnings: string[] = [];
  const readers = new Map<string, OutputReader>();
  for (const key of ["servers", "agentPools", "loadBalancer", "datastore"]) {
    const root: Record<string, unknown> = { [key]: jsonMap(values[configPath(key)]) };
    const found = placesIn(key, root).filter(({ holder, name }) => isReference(holder[name]) || isFile(holder[name]));
    for (const { holder, name, path } of found) {
      if (isFile(holder[name])) {
        const named = parseSection(hostsFile, path.replace(/^k3s-ha:/, ""), holder[name]);
        holder[name] = undefined;
        problems.push(...named.problems);
        if (named.problems.length > 0 || named.value === undefined) continue;
        const { file } = named.value;
        const read = readHostsFile(file, surroundings);
        if ("fault" in read) {
          problems.push({ path: `${path}.file`, fault: read.fault });
          continue;
        }
        origins.set(path, `in ${file}`);
        holder[name] = read.value;
        continue;
      }
      const parsed = parseSection(hostReference, path.replace(/^k3s-ha:/, ""), holder[name]);
      holder[name] = undefined;
      problems.push(...parsed.problems);
      const reference = parsed.value;
      if (parsed.problems.length > 0 || reference === undefined) continue;
      const reader = readers.get(reference.stack) ?? open(reference.stack);
      readers.set(reference.stack, reader);
      const output = await reader.read(reference.output);
      const fault = faultOf(output, reference, output.value === undefined ? await reader.names() : []);
      if (fault !== undefined) {
        problems.push({ path, fault });
        continue;
      }
      if (output.isSecret) {
        warnings.push(
          `${path} comes from the output ${reference.output} of ${reference.stack}, which is secret, but names and addresses of hosts are not secret here: export it without pulumi.secret.`,
        );
      }
      origins.set(path, `from the output ${reference.output} of ${reference.stack}`);
      holder[name] = output.value;
    }
    if (found.length > 0) changed[configPath(key)] = JSON.stringify(root[key] ?? {});
  }
  return { values: changed, origins, problems, warnings };
}

/** Why an output cannot be taken for hosts, with the remedy, or undefined. */
function faultOf({ value, isSecret }: StackOutput, { stack, output }: HostReference, names: string[]) {
  const what = `names the output ${JSON.stringify(output)} of the stack ${stack}`;
  if (value === undefined) {
    return names.length === 0
      ? `${what}, which has no outputs: run pulumi up on that stack first`
      : `${what}, which has no such output: export it there, or name an existing one (${listed(names)})`;
  }
  if (isUndecrypted(value)) {
    return isSecret
      ? `${what}, which is secret and could not be decrypted: give both stacks the same passphrase or secrets provider, or export it without pulumi.secret`
      : `${what}, which holds no hosts: export a map like {server-1: {address: 203.0.113.11}} there; if it holds hosts, it is a secret that could not be decrypted: give both stacks the same passphrase or secrets provider`;
  }
  return undefined;
}

function placesIn(key: string, root: Record<string, unknown>): Place[] {
  if (key === "servers") return [{ holder: root, name: key, path: configPath(key) }];
  const below = root[key];
  if (!isMap(below)) return [];
  if (key === "datastore") {
    const { managed } = below;
    return isMap(managed) ? [{ holder: managed, name: "hosts", path: configPath(key, "managed", "hosts") }] : [];
  }
  if (key === "loadBalancer") return [{ holder: below, name: "hosts", path: configPath(key, "hosts") }];
  return Object.entries(below).flatMap(([pool, settings]) =>
    isMap(settings) ? [{ holder: settings, name: "hosts", path: configPath(key, pool, "hosts") }] : [],
  );
}

/** A reference has texts where a map of hosts has hosts. */
function isReference(value: unknown): boolean {
  return isMap(value) && ["stack", "output"].some((name) => name in value && !isMap(value[name]));
}

function isFile(value: unknown): boolean {
  return isMap(value) && "file" in value && !isMap(value["file"]);
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function jsonMap(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
}
