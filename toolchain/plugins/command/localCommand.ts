/** `command:local:Command` and `command:local:run`: commands on the machine that runs Pulumi. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import type { Step } from "../provider/resource.ts";
import { revealAll, textOf, type PropertyMap } from "../provider/value.ts";
import { localCommandShape, localRunShape } from "./commandInputs.ts";
import { commandResource, type Printed } from "./commandResource.ts";
import { Output, type Logging } from "./output.ts";
import { failure } from "./session.ts";
import { failuresIn } from "./shape.ts";

/** The resource type. */
export const localCommand = commandResource(localCommandShape, runLocally);

/** The function. It runs in previews too. */
export async function localRun(step: Step, args: PropertyMap): Promise<PropertyMap> {
  const problem = failuresIn(args, localRunShape)[0];
  if (problem) throw new Error(problem.reason);
  const properties = revealAll(args);
  const printed = await runLocally(step, textOf(properties["command"]), properties, { stdout: "", stderr: "" });
  return { ...args, ...printed };
}

async function runLocally(step: Step, command: string, properties: PropertyMap, previous: Printed): Promise<Printed> {
  for (const name of ["assetPaths", "archivePaths"]) {
    if (properties[name]) {
      throw new Error(`${name} is not supported by the sandbox's drop-in for the command plugin`);
    }
  }
  const output = new Output(step.log, properties["logging"] as Logging | undefined);
  const ending = await ended(step, command, properties, environmentFor(properties, previous), output);
  if (ending !== undefined) throw new Error(failure(ending, command, output));
  return { stdout: output.stdout, stderr: output.stderr };
}

function environmentFor(properties: PropertyMap, previous: Printed): NodeJS.ProcessEnv {
  const environment = { ...process.env, ...(properties["environment"] as Record<string, string> | undefined) };
  if (properties["addPreviousOutputInEnv"] === false) return environment;
  if (previous.stdout !== "") environment["PULUMI_COMMAND_STDOUT"] = previous.stdout;
  if (previous.stderr !== "") environment["PULUMI_COMMAND_STDERR"] = previous.stderr;
  return environment;
}

/** Runs the command; resolves to how it failed, in Go's words, or to undefined. */
function ended(
  step: Step,
  command: string,
  properties: PropertyMap,
  env: NodeJS.ProcessEnv,
  output: Output,
): Promise<string | undefined> {
  const given = (properties["interpreter"] ?? []) as string[];
  const [program = "/bin/sh", ...args] = given.length > 0 ? given : ["/bin/sh", "-c"];
  return new Promise((resolve) => {
    const child = spawn(program, [...args, command], {
      env,
      signal: step.signal,
      killSignal: "SIGKILL",
      ...(properties["dir"] === undefined ? {} : { cwd: textOf(properties["dir"]) }),
    });
    child.stdout.on("data", (piece: Buffer) => {
      output.write("stdout", piece);
    });
    child.stderr.on("data", (piece: Buffer) => {
      output.write("stderr", piece);
    });
    child.on("error", (error: NodeJS.ErrnoException) => {
      resolve(error.code === "ENOENT" ? `fork/exec ${program}: no such file or directory` : error.message);
    });
    child.on("close", (code, signal) => {
      output.end();
      if (signal) resolve(`signal: ${signalNames[signal] ?? `signal ${constants.signals[signal]}`}`);
      else resolve(code === 0 ? undefined : `exit status ${code}`);
    });
    // A command that does not read its input ends the pipe; how it exits says more.
    child.stdin.on("error", () => undefined);
    child.stdin.end((properties["stdin"] as string | undefined) ?? "");
  });
}

const signalNames: Partial<Record<NodeJS.Signals, string>> = {
  SIGHUP: "hangup",
  SIGINT: "interrupt",
  SIGKILL: "killed",
  SIGTERM: "terminated",
  SIGSEGV: "segmentation fault",
  SIGPIPE: "broken pipe",
  SIGABRT: "aborted",
};
