import { recordIn } from "../../components/host/scriptRecord.ts";
import { agentFunctions } from "../../components/k3s/k3sAgent.ts";
import { shellQuote } from "../../components/host/shell.ts";
import { bashOutput } from "./bash.ts";
import { inTemporaryDirectory } from "./temporaryDirectory.ts";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** A file as a script would write it on its host. */
export interface WrittenFile {
  path: string;
  mode: string;
  owner: string;
  content: Buffer;
}

/** A script without its record, its braces and its last line, the call: what is left sets variables and defines functions. */
export function definitionsOf(script: string): string {
  const lines = script
    .trimEnd()
    .split("\n")
    .slice(recordIn(script) === undefined ? 0 : 1);
  const [open, call, close] = [lines[0], lines.at(-2), lines.at(-1)];
  if (open !== "{" || call !== '"$1" </dev/null' || close !== "}") throw new Error("the script has another frame");
  return `${lines.slice(1, -2).join("\n")}\n`;
}

/** The file of functions that a script reads on its host, if it does. */
export function functionsOf(script: string): string {
  return new RegExp(`^functions_sha256=${agentFunctions.sha256}$`, "m").test(script) ? agentFunctions.text : "";
}

/**
 * The files that a script writes, as real bash reads them from it; in the order in which they are written, after those of the
 * functions that it reads.
 */
export async function filesOf(script: string): Promise<WrittenFile[]> {
  if (!/^put_files\(\) \{$/m.test(script)) return [];
  return inTemporaryDirectory(async (directory) => {
    const list = await bashOutput(`put_shared_files() { :; }
${functionsOf(script)}
${definitionsOf(script)}
written=0
put_file() {
  cat >${shellQuote(directory)}/$written
  printf '%s\\0%s\\0%s\\0' "$1" "$2" "$3"
  written=$((written + 1))
}
put_shared_files
put_files
`);
    const words = list.split("\0").slice(0, -1);
    const names = (await readdir(directory)).toSorted((a, b) => Number(a) - Number(b));
    return Promise.all(
      names.map(async (name, index) => {
        const [path = "", mode = "", owner = ""] = words.slice(3 * index);
        return { path, mode, owner, content: await readFile(join(directory, name)) };
      }),
    );
  });
}

/** The text of a file that a script writes, if it does. */
export async function fileOf(script: string, path: string): Promise<string | undefined> {
  return (await filesOf(script)).find((file) => file.path === path)?.content.toString();
}
