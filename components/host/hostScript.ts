import { readFileSync } from "node:fs";
import { hostScripts } from "./scripts.ts";
import { shellQuote } from "./shell.ts";

/** A file that a script writes on its host. */
export interface HostFile {
  /** Absolute path. */
  path: string;
  /** Whole content; a missing last newline is added. */
  content: string;
  /** Octal permissions, such as "0600". Default: "0644". */
  mode?: string;
  /** Owner and group as chown takes them. Default: "root:root". */
  owner?: string;
}

/** What makes a script that a host runs. */
export interface HostScript {
  /** A file of bash that defines the functions `apply` and `remove`. */
  body: URL;
  /** More files, whose functions the body uses. Default: none. */
  parts?: readonly URL[];
  /** Shell variables that the body reads. An array becomes a bash array. */
  variables: Readonly<Record<string, string | number | readonly string[]>>;
  /** Files that `put_files`, called by the body, writes; each only when it differs. */
  files?: readonly HostFile[];
}

/** Ends each file's text. No sensible file holds this line; one that does is refused. */
const endOfFile = "__END_OF_FILE__";

const prelude = scriptText(hostScripts.prelude);

/**
 * The text of a script: settings, variables, the prelude, the files, the body, and at its very end the call of the
 * function that the first argument names. All of it stands in braces, and bash runs nothing of them before it has
 * read the closing one: a text cut short on its way does nothing at all.
 */
export function renderHostScript(script: HostScript): string {
  const variables = Object.entries(script.variables).map(([name, value]) =>
    typeof value === "object" ? `${name}=(${value.map(shellQuote).join(" ")})` : `${name}=${shellQuote(String(value))}`,
  );
  return [
    "{",
    "set -euo pipefail",
    ...variables,
    prelude,
    renderPutFiles(script.files ?? []),
    ...(script.parts ?? []).map(scriptText),
    scriptText(script.body),
    '"$1" </dev/null',
    "}",
    "",
  ].join("\n");
}

/** The value of a variable of a script that was rendered, of those that need no quotes but around brackets. */
export function variableIn(script: string, name: string): string | undefined {
  return new RegExp(`^${name}='?([^'\\s]+)'?$`, "m").exec(script)?.[1];
}

function renderPutFiles(files: readonly HostFile[]): string {
  if (files.length === 0) return "";
  const puts = files.map((file) => {
    const content = file.content.endsWith("\n") ? file.content : `${file.content}\n`;
    if (content.includes("\0")) throw new Error(`${file.path} holds a NUL character, which the shell would drop`);
    if (content.split("\n").includes(endOfFile)) throw new Error(`${file.path} holds the line ${endOfFile}`);
    const words = [file.path, file.mode ?? "0644", file.owner ?? "root:root"].map(shellQuote).join(" ");
    return `  put_file ${words} <<'${endOfFile}'\n${content}${endOfFile}`;
  });
  return ["put_files() {", ...puts, "}", ""].join("\n");
}

/** The body of a script without the lines that only its checker reads. */
function scriptText(file: URL): string {
  const text = readFileSync(file, "utf8");
  return text.replace(/^#!.*\n/, "").replace(/^# shellcheck .*\n/gm, "");
}
