/** Runs a plugin that is written in TypeScript: a policy pack (PulumiPolicy.yaml) or a provider (PulumiPlugin.yaml). */
import type { ServerWritableStream } from "@grpc/grpc-js";
import language from "@pulumi/pulumi/proto/language_pb.js";
import { execa } from "execa";
import { forward, forwardOutput } from "./output.ts";
import { PolicyProxy, policyEnvironment } from "./policyProxy.ts";
import { parseRuntimeOptions, typescriptEnvironment } from "./runtimeOptions.ts";
import { sdkRunner } from "./sdk.ts";

type RunPluginCall = ServerWritableStream<language.RunPluginRequest, language.RunPluginResponse>;

const messages = {
  stdout: (bytes: Uint8Array) => new language.RunPluginResponse().setStdout(bytes),
  stderr: (bytes: Uint8Array) => new language.RunPluginResponse().setStderr(bytes),
};

/** How long a plugin may take to end before it is killed. */
const endGraceMilliseconds = 5_000;

/** Runs the plugin until it ends or `signal` fires, streaming its output. Throws if it exits with a failure. */
export async function runPlugin(call: RunPluginCall, signal: AbortSignal): Promise<void> {
  if (call.request.getAttachDebugger()) throw new Error("--attach-debugger isn't available here.");
  const exitCode =
    call.request.getKind() === "analyzer" ? await runPolicyPack(call, signal) : await runProvider(call, signal);
  // Nothing reads the exit code of a plugin that was told to stop.
  if (exitCode !== 0 && !signal.aborted) throw new Error(`Program exited with non-zero exit code: ${exitCode}`);
}

async function runProvider(call: RunPluginCall, signal: AbortSignal): Promise<number> {
  const { request } = call;
  const directory = programDirectory(request);
  const options = parseRuntimeOptions(request.getInfo());
  const plugin = execa(
    process.execPath,
    [sdkRunner("run-plugin", directory), ...options.nodeArguments, directory, ...request.getArgsList()],
    {
      ...processOptions(request, signal, typescriptEnvironment(options)),
      cwd: request.getPwd(),
    },
  );
  await forwardOutput(plugin, call, messages);
  return (await plugin).exitCode ?? 1;
}

async function runPolicyPack(call: RunPluginCall, signal: AbortSignal): Promise<number> {
  const { request } = call;
  const directory = programDirectory(request);
  const options = parseRuntimeOptions(request.getInfo());
  const runner = sdkRunner("run-policy-pack", directory);
  const proxy = await PolicyProxy.start();
  const ended = new AbortController();
  signal.addEventListener("abort", () => {
    proxy.stop();
  });
  try {
    call.write(messages.stdout(Buffer.from(`${proxy.port}\n`)));
    const stack = await proxy.stackConfiguration();
    if (signal.aborted) return 0;
    const pack = execa(process.execPath, [runner, ...options.nodeArguments, ...request.getArgsList(), directory], {
      ...processOptions(request, AbortSignal.any([signal, ended.signal]), {
        ...typescriptEnvironment(options),
        ...policyEnvironment(stack),
      }),
      // Policy packs have always run in their own folder, other plugins in the project's.
      cwd: directory,
    });
    // What a pack that fails to start says about it has to reach the engine before the calls that wait for it fail.
    const toldErrors = forward(pack.stderr, call, messages.stderr);
    const remaining = await proxy.attach(pack.stdout, toldErrors);
    await Promise.all([forward(remaining, call, messages.stdout), toldErrors]);
    return (await pack).exitCode ?? 1;
  } finally {
    proxy.stop();
    // Only a pack that could not be used is still running here.
    ended.abort();
  }
}

function programDirectory(request: language.RunPluginRequest): string {
  const directory = request.getInfo()?.getProgramDirectory();
  if (!directory) throw new Error("The engine did not say where the plugin is (no ProgramInfo).");
  return directory;
}

function processOptions(request: language.RunPluginRequest, signal: AbortSignal, added: Record<string, string>) {
  const environment: Record<string, string> = {};
  for (const entry of request.getEnvList()) {
    const at = entry.indexOf("=");
    environment[entry.slice(0, at)] = entry.slice(at + 1);
  }
  return {
    env: { ...environment, ...added },
    extendEnv: false,
    stdin: "ignore",
    buffer: false,
    reject: false,
    cancelSignal: signal,
    forceKillAfterDelay: endGraceMilliseconds,
  } as const;
}
