import { readFileSync } from "node:fs";
import { hostScripts } from "./scripts.ts";
import { shellQuote } from "./shell.ts";
import { renderScriptRecord, type ScriptRecord } from "./scriptRecord.ts";
import { writtenBy } from "./writtenBy.ts";

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

/** The parts of a script that a host runs. */
export interface HostScript {
  /** A file of bash that defines the functions `apply` and `remove`. */
  body: URL;
  /** More files, whose functions the body uses. Default: none. */
  parts?: readonly URL[];
  /** Shell variables that the body reads. An array becomes a bash array. */
  variables: Readonly<Record<string, string | number | readonly string[]>>;
  /** The facts that later changes are compared with: the script's first line, as JSON. Not secret. Default: none. */
  record?: ScriptRecord;
  /** Files that `put_files`, called by the body, writes; each only when it differs. */
  files?: readonly HostFile[];
  /**
   * Whether the script does without comments and without the functions that all others start with: for what a stack has
   * a thousand of, since its state holds each of them. Default: false.
   */
  isSmall?: boolean;
}

/** The parts of a file of functions on a host, for small scripts that read it. */
export interface HostFunctions {
  /** The files whose functions it holds. */
  parts: readonly URL[];
  /** Shell variables that they read and that are alike for all. */
  variables: HostScript["variables"];
  /** Files that `put_shared_files` writes: those that are alike for all. */
  files: readonly HostFile[];
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
  const texts = [...(script.parts ?? []), script.body].map(scriptText);
  return [
    ...(script.record === undefined ? [] : [renderScriptRecord(script.record)]),
    "{",
    "set -euo pipefail",
    ...renderVariables(script.variables),
    ...(script.isSmall === true ? [] : [prelude]),
    renderPutFiles(script.files ?? []),
    ...(script.isSmall === true ? texts.map(withoutComments) : texts),
    '"$1" </dev/null',
    "}",
    "",
  ].join("\n");
}

/** The text of a file of functions. Nothing of it acts before one of them is called. */
export function renderHostFunctions({ parts, variables, files }: HostFunctions): string {
  return [
    `# ${writtenBy}`,
    ...renderVariables(variables),
    prelude,
    renderPutFiles(files, { name: "put_shared_files", end: "__END_OF_SHARED_FILE__" }),
    ...parts.map(scriptText),
  ].join("\n");
}

function renderVariables(variables: HostScript["variables"]): string[] {
  return Object.entries(variables).map(([name, value]) =>
    typeof value === "object" ? `${name}=(${value.map(shellQuote).join(" ")})` : `${name}=${shellQuote(String(value))}`,
  );
}

/** A function that writes files; `end` is the line that ends each one's text. */
function renderPutFiles(files: readonly HostFile[], { name, end } = { name: "put_files", end: endOfFile }): string {
  if (files.length === 0) return "";
  const puts = files.map((file) => {
    const content = file.content.endsWith("\n") ? file.content : `${file.content}\n`;
    if (content.includes("\0")) throw new Error(`${file.path} holds a NUL character, which the shell would drop`);
    if (content.split("\n").includes(end)) throw new Error(`${file.path} holds the line ${end}`);
    const words = [file.path, file.mode ?? "0644", file.owner ?? "root:root"].map(shellQuote).join(" ");
    return `  put_file ${words} <<'${end}'\n${content}${end}`;
  });
  return [`${name}() {`, ...puts, "}", ""].join("\n");
}

/** The body of a script without the lines that only its checker reads. */
function scriptText(file: URL): string {
  const text = readFileSync(file, "utf8");
  return text.replace(/^#!.*\n/, "").replace(/^# shellcheck .*\n/gm, "");
}

/** Lines that shellcheck reads stay, since it reads what is sent. */
function withoutComments(text: string): string {
  return text.replace(/^ *# (?!shellcheck ).*\n/gm, "");
}
