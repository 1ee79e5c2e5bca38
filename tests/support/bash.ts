/** Runs shell text in real bash, as a host does: as a script on standard input. */
import { execa } from "execa";
import { programPath } from "./programs.ts";

/** What a script did. */
export interface BashResult {
  exitCode: number | undefined;
  stdout: string;
  stderr: string;
}

/** Runs `script` with the given positional parameters. Ends it after a minute. */
export async function runBash(script: string, ...args: string[]): Promise<BashResult> {
  const { exitCode, stdout, stderr } = await execa(programPath("bash"), ["-s", ...args], {
    input: script,
    reject: false,
    stripFinalNewline: false,
    timeout: 60_000,
  });
  return { exitCode, stdout, stderr };
}

/** The standard output of a script that has to succeed. */
export async function bashOutput(script: string, ...args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runBash(script, ...args);
  if (exitCode !== 0) throw new Error(`bash ended with ${String(exitCode)}: ${stderr}`);
  return stdout;
}
