/**
 * Scripts that need root's means (mounts, chroots) and must leave nothing behind. Each runs in its own mount and
 * process namespaces: what it mounts is never seen by the machine, and all of it ends when the script ends, or when
 * this process does, even by SIGKILL.
 */
import { execa } from "execa";
import type { Step } from "../build/progress.ts";

/**
 * Runs the bash script at `path`. Its output is shown line by line in the step's detail; when it fails, the last lines are
 * in the error.
 */
export async function runIsolated(
  path: string,
  environment: Readonly<Record<string, string>>,
  step: Step,
): Promise<void> {
  const namespaces = ["unshare", "--mount", "--propagation", "private", "--pid", "--mount-proc", "--kill-child"];
  const child = execa("setpriv", ["--pdeathsig", "KILL", ...namespaces, "bash", path], {
    env: environment,
    all: true,
    stdin: "ignore",
    reject: false,
  });
  const lastLines: string[] = [];
  for await (const line of child.iterable({ from: "all" })) {
    step.detail(line);
    lastLines.push(line);
    if (lastLines.length > 15) lastLines.shift();
  }
  const { failed, exitCode, shortMessage } = await child;
  if (failed) {
    const how = exitCode === undefined ? shortMessage : `exit code ${exitCode}`;
    throw new Error(`${path} failed (${how}). Its last lines:\n${lastLines.join("\n")}`);
  }
}
