import * as pulumi from "@pulumi/pulumi";
import { readFileSync } from "node:fs";
import { parseAllDocuments } from "yaml";
import { configPath } from "./configPath.ts";
import { absolutePath, fileFault, type Surroundings, unreadableFault, unresolvableFault } from "./filePath.ts";
import type { Problem } from "./problem.ts";
import type { Secret } from "./settings.ts";

/** The content of the files of `k3s.manifests`, one after the other, and their problems. */
export function readManifests(
  paths: readonly string[],
  surroundings: Surroundings,
): { manifests: Secret | undefined; problems: Problem[] } {
  const read = paths.map((path) => readManifest(path, surroundings));
  const problems = read.flatMap(({ fault }, index) =>
    fault === undefined ? [] : [{ path: configPath("k3s", "manifests", index), fault }],
  );
  // There may be Secrets among them.
  const manifests = paths.length === 0 ? undefined : pulumi.secret(read.map(({ text }) => text).join("\n---\n"));
  return { manifests, problems };
}

function readManifest(path: string, surroundings: Surroundings): { text: string; fault?: string } {
  const resolved = absolutePath(path, surroundings);
  if (resolved === undefined) return { text: "", fault: unresolvableFault(path) };
  let text: string;
  try {
    text = readFileSync(resolved, "utf8");
  } catch (error) {
    return { text: "", fault: unreadableFault(path, resolved, error) };
  }
  const fault = manifestFault(text);
  return fault === undefined ? { text: text.trimEnd() } : { text, fault: fileFault(path, resolved, `a file ${fault}`) };
}

function manifestFault(text: string): string | undefined {
  const documents = parseAllDocuments(text);
  if (!Array.isArray(documents)) return "without an object: name a file with Kubernetes objects";
  for (const [index, document] of documents.entries()) {
    const [error] = document.errors;
    if (error !== undefined) return `that is not YAML (${error.message.split("\n")[0] ?? ""}): correct it`;
    const object = document.toJS() as unknown;
    // What is between two separators may be comments alone.
    if (object === null) continue;
    const { apiVersion, kind } = object as { apiVersion?: unknown; kind?: unknown };
    if (typeof apiVersion !== "string" || typeof kind !== "string")
      return `whose document ${index + 1} is no Kubernetes object: give it an apiVersion and a kind`;
  }
  return undefined;
}
