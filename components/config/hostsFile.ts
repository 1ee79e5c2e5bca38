import { readFileSync } from "node:fs";
import { parseDocument } from "yaml";
import { absolutePath, fileFault, type Surroundings, unreadableFault, unresolvableFault } from "./filePath.ts";
import { filePath } from "./schema.ts";
import { section } from "./schemaTypes.ts";

/** The source of hosts that are listed in a file. */
export const hostsFile = section({
  file: filePath.meta({
    description: "Path of the file, YAML or JSON. It holds [hosts](#a-host) by name.",
  }),
});

/** The content of a file, as if it were part of the configuration; or the problem with the file, with the remedy. */
export function readHostsFile(path: string, surroundings: Surroundings): { value: unknown } | { fault: string } {
  const resolved = absolutePath(path, surroundings);
  if (resolved === undefined) return { fault: unresolvableFault(path) };
  let text: string;
  try {
    text = readFileSync(resolved, "utf8");
  } catch (error) {
    return { fault: unreadableFault(path, resolved, error) };
  }
  const document = parseDocument(text, { prettyErrors: true });
  const [error] = document.errors;
  if (error !== undefined) {
    const { line = 1 } = error.linePos?.[0] ?? {};
    // What stands in the file is not shown: it may be another one than was meant.
    const what = error.code === "DUPLICATE_KEY" ? "has a duplicate key" : "is not YAML";
    return { fault: fileFault(path, resolved, `a file that ${what} in line ${line}: correct it there`) };
  }
  const value = document.toJS() as unknown;
  if (value !== null && value !== undefined) return { value };
  const example = "agent-1: {address: 203.0.113.41}";
  return { fault: fileFault(path, resolved, `a file without hosts: list them there by name, like ${example}`) };
}
