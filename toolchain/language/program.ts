/** Runs a Pulumi program: one Node process of the SDK's runner per `pulumi up`, `preview`, … */
import type { RunRequest } from "@pulumi/pulumi/proto/language_pb.js";
import { execa } from "execa";
import { parseRuntimeOptions, typescriptEnvironment } from "./runtimeOptions.ts";
import { sdkRunner } from "./sdk.ts";

/** The exit code with which the SDK says: I failed, and have already told the user why. */
const exitCodeOfReportedFailure = 32;

/** How long an interrupted program may take to end before it is killed. The official host gives as much. */
const interruptGraceMilliseconds = 5_000;

/** How a program ended. */
export interface Outcome {
  /** One sentence; empty when the program succeeded or has reported its failure itself. */
  readonly error: string;
  /** The program failed and the user has been told: the engine stops without another message. */
  readonly isReported: boolean;
}

/** What the program's command line needs of the engine. */
export interface Engine {
  readonly address: string | undefined;
  readonly tracing: string | undefined;
}

/** Runs the program to its end, or until `signal` interrupts it. Its output is the host's own, as the engine expects. */
export async function runProgram(request: RunRequest, engine: Engine, signal: AbortSignal): Promise<Outcome> {
  const info = request.getInfo();
  if (info === undefined) return failed("The engine did not say which program to run (no ProgramInfo).");
  if (request.getAttachDebugger()) {
    return failed("--attach-debugger isn't available here; set `runtime.options.nodeargs: --inspect-brk` instead.");
  }
  let command: readonly string[];
  let environment: Record<string, string>;
  try {
    const options = parseRuntimeOptions(info);
    const runner = sdkRunner("run", info.getProgramDirectory());
    command = [...options.nodeArguments, runner, ...programArguments(request, engine)];
    environment = { ...configEnvironment(request), ...typescriptEnvironment(options) };
  } catch (error) {
    return failed((error as Error).message);
  }
  const result = await execa("node", command, {
    env: environment,
    stdin: "ignore",
    // Inherited, so that nothing a program prints last is lost between two pipes.
    stdout: "inherit",
    stderr: "inherit",
    reject: false,
    cancelSignal: signal,
    killSignal: "SIGINT",
    forceKillAfterDelay: interruptGraceMilliseconds,
  });
  if (!result.failed) return { error: "", isReported: false };
  if (result.exitCode === exitCodeOfReportedFailure) return { error: "", isReported: true };
  if (result.exitCode !== undefined) return failed(`Program exited with non-zero exit code: ${result.exitCode}`);
  if (result.signal === "SIGABRT") {
    return failed(
      "Program was aborted. If it ran out of memory, give Node more with the runtime option " +
        "`nodeargs: --max-old-space-size=<megabytes>` in Pulumi.yaml.",
    );
  }
  if (result.signal !== undefined) return failed(`Program was ended by ${result.signal}`);
  return failed(`Problem executing program (could not run node): ${result.message}`);
}

function failed(error: string): Outcome {
  return { error, isReported: false };
}

/** The arguments of the SDK's `cmd/run`, in the order of the official host. */
export function programArguments(request: RunRequest, engine: Engine): string[] {
  const flags: [string, string | undefined][] = [
    ["monitor", request.getMonitorAddress()],
    ["engine", engine.address],
    ["organization", request.getOrganization()],
    ["project", request.getProject()],
    ["root-directory", request.getInfo()?.getRootDirectory()],
    ["stack", request.getStack()],
    ["pwd", request.getInfo()?.getProgramDirectory()],
  ];
  return [
    ...flags.flatMap(([name, value]) => (value ? [`--${name}`, value] : [])),
    ...(request.getDryrun() ? ["--dry-run"] : []),
    "--parallel",
    String(request.getParallel()),
    ...(engine.tracing ? ["--tracing", engine.tracing] : []),
    // "." when Pulumi.yaml has no `main`: the SDK then follows package.json.
    request.getInfo()?.getEntryPoint() ?? ".",
    ...request.getArgsList(),
  ];
}

/** The stack's configuration as the SDK expects it: JSON in two variables. */
export function configEnvironment(request: RunRequest): Record<string, string> {
  const config: Record<string, string> = {};
  for (const [key, value] of request.getConfigMap().entries()) config[longKey(key)] = value;
  return {
    PULUMI_CONFIG: JSON.stringify(config),
    PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
  };
}

/** `namespace:name` → `namespace:config:name`, the form that every SDK version reads. */
function longKey(key: string): string {
  const parts = key.split(":");
  return parts.length === 2 ? `${parts[0]}:config:${parts[1]}` : key;
}
