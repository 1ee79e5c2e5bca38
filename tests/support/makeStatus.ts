/** `make status`, as machines run it. */
import { join } from "node:path";
import { execa } from "execa";
import type { statusJson } from "../../operations/status/statusReport.ts";
import { projectDirectory } from "../../operations/workspace.ts";

/** One status of the cluster. */
export interface Look {
  readonly exitCode: number;
  readonly status: ReturnType<typeof statusJson>;
  readonly seconds: number;
}

/** Reads a stack's status. Fails if the output is not one JSON text. */
export async function lookAt(stack: string): Promise<Look> {
  const start = performance.now();
  const { stdout, exitCode } = await execa(
    process.execPath,
    [
      "--disable-warning=ExperimentalWarning",
      join(projectDirectory, "operations/main.ts"),
      "status",
      "--json",
      "--stack",
      stack,
    ],
    { reject: false, stderr: "inherit", stdin: "ignore" },
  );
  const seconds = (performance.now() - start) / 1000;
  return { exitCode: exitCode ?? -1, status: JSON.parse(stdout) as Look["status"], seconds };
}
