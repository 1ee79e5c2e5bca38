/**
 * The Node language host: what `pulumi` starts as `pulumi-language-nodejs` to run a program, a policy pack or a
 * provider that is written in TypeScript. It stands in for the official one where only the CLI could be built, and
 * follows it in arguments, environment, exit codes and messages.
 *
 * Started as `languageHost.ts [flags] <engine address>`; prints the port it serves `pulumirpc.LanguageRuntime` on, then
 * stays until it is interrupted or its stdin ends (the CLI holds the other end, so it ends even when the CLI is killed).
 *
 * One deliberate difference: the program talks to the engine's resource monitor itself. The official host puts a proxy
 * between them only to serve synchronous invokes to old SDKs.
 *
 * Not served, because no program here needs it: code generation (`pulumi package add`, `convert`) and `Pack`.
 */
import * as grpc from "@grpc/grpc-js";
import languageRpc from "@pulumi/pulumi/proto/language_grpc_pb.js";
import language from "@pulumi/pulumi/proto/language_pb.js";
import plugin from "@pulumi/pulumi/proto/plugin_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import { installDependencies, installedDependencies, packageManagerVersion } from "./language/npm.ts";
import { runPlugin } from "./language/plugin.ts";
import { runProgram } from "./language/program.ts";
import { requiredPlugins } from "./language/requiredPlugins.ts";
import { rejectUnknownRuntimeOptions } from "./language/runtimeOptions.ts";
import { pulumiVersion } from "./versions.ts";

type Unary<Request, Response> = grpc.handleUnaryCall<Request, Response>;

/** Aborted when the engine cancels or exits; everything this host started ends with it. */
const cancellation = new AbortController();

/** The work of the calls that are not answered yet. */
const inFlight = new Set<Promise<unknown>>();

/** Starts the work of one call; its signal fires when that call, or everything, is cancelled. */
function begin<Result>(
  call: { on(event: "cancelled", listener: () => void): unknown },
  work: (signal: AbortSignal) => Promise<Result> | Result,
): Promise<Result> {
  const ended = new AbortController();
  call.on("cancelled", () => {
    ended.abort();
  });
  const running = (async () => work(AbortSignal.any([cancellation.signal, ended.signal])))();
  const forget = (): void => {
    inFlight.delete(running);
  };
  inFlight.add(running);
  running.then(forget, forget);
  return running;
}

/** A unary handler from an async function: what it throws becomes the call's error, with its message alone. */
function unary<Request, Response>(
  work: (request: Request, signal: AbortSignal) => Promise<Response> | Response,
): Unary<Request, Response> {
  return (call, callback) => {
    begin(call, (signal) => work(call.request, signal)).then((response) => {
      callback(null, response);
    }, asServiceError(callback));
  };
}

/** A streaming handler from an async function. */
function streaming<Request, Response>(
  work: (call: grpc.ServerWritableStream<Request, Response>, signal: AbortSignal) => Promise<void>,
): grpc.handleServerStreamingCall<Request, Response> {
  return (call) => {
    begin(call, (signal) => work(call, signal)).then(
      () => {
        call.end();
      },
      // Not destroy(): a destroyed stream never sends its status, and the engine would wait for ever.
      asServiceError((error) => call.emit("error", error)),
    );
  };
}

function asServiceError(report: (error: grpc.ServerErrorResponse) => void): (error: unknown) => void {
  return (error) => {
    const message = error instanceof Error ? error.message : String(error);
    report(Object.assign(new Error(message), { code: grpc.status.UNKNOWN, details: message }));
  };
}

/** The address of the engine that started this host, and where it wants traces. */
interface EngineFlags {
  /** `host:port`; undefined when run by hand. */
  readonly address: string | undefined;
  /** The tracing endpoint given by `--tracing`, passed on to the program. */
  readonly tracing: string | undefined;
}

function parseEngineFlags(argv: readonly string[]): EngineFlags {
  const tracingAt = argv.indexOf("--tracing");
  return {
    // Other flags (`--logtostderr`, `-v=9`) come first and concern the official host's own log.
    address: argv.at(-1),
    tracing: tracingAt < 0 ? undefined : argv[tracingAt + 1],
  };
}

function service(engine: EngineFlags): languageRpc.ILanguageRuntimeServer {
  const handlers = {
    handshake: unary(() => new language.LanguageHandshakeResponse()),

    getPluginInfo: unary(() => new plugin.PluginInfo().setVersion(pulumiVersion)),

    getRequiredPackages: unary(async (request) => {
      const response = new language.GetRequiredPackagesResponse();
      for (const required of await requiredPlugins(request.getInfo()?.getProgramDirectory() ?? ".")) {
        response.addPackages(
          new plugin.PackageDependency()
            .setKind("resource")
            .setName(required.name)
            .setVersion(required.version)
            .setServer(required.server),
        );
      }
      return response;
    }),

    getRequiredPlugins: unary(async (request) => {
      const response = new language.GetRequiredPluginsResponse();
      for (const required of await requiredPlugins(request.getInfo()?.getProgramDirectory() ?? ".")) {
        response.addPlugins(
          new plugin.PluginDependency()
            .setKind("resource")
            .setName(required.name)
            .setVersion(required.version)
            .setServer(required.server),
        );
      }
      return response;
    }),

    run: unary(async (request, signal) => {
      const outcome = await runProgram(request, engine, signal);
      return new language.RunResponse().setError(outcome.error).setBail(outcome.isReported);
    }),

    runPlugin: streaming(runPlugin),

    installDependencies: streaming(installDependencies),

    getProgramDependencies: unary(async (request) => {
      const response = new language.GetProgramDependenciesResponse();
      const directory = request.getInfo()?.getProgramDirectory() ?? ".";
      for (const { name, version } of await installedDependencies(directory, request.getTransitivedependencies())) {
        response.addDependencies(new language.DependencyInfo().setName(name).setVersion(version));
      }
      return response;
    }),

    about: unary(async () => {
      const response = new language.AboutResponse().setExecutable(process.execPath).setVersion(process.version);
      response
        .getMetadataMap()
        .set("packagemanager", "npm")
        .set("packagemanagerVersion", await packageManagerVersion());
      return response;
    }),

    // Nothing to ask: the only package manager served is npm.
    runtimeOptionsPrompts: unary(() => new language.RuntimeOptionsResponse()),

    template: unary((request) => {
      rejectUnknownRuntimeOptions(request.getInfo());
      return new language.TemplateResponse();
    }),

    cancel: unary(() => {
      cancellation.abort();
      return new empty.Empty();
    }),
  } satisfies Partial<languageRpc.ILanguageRuntimeServer>;
  // Methods without a handler answer UNIMPLEMENTED, which the engine turns into a plain message.
  return handlers as unknown as languageRpc.ILanguageRuntimeServer;
}

function serve(engine: EngineFlags): void {
  // A configuration may be larger than gRPC's default limit of 4 MB.
  const server = new grpc.Server({ "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 });
  server.addService(languageRpc.LanguageRuntimeService, service(engine));
  server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error) throw error;
    process.stdout.write(`${port}\n`);
  });

  const stop = (): void => {
    cancellation.abort();
    // Until every child has ended, and not a moment longer: the CLI, which hears no more answers by now, waits for this.
    void Promise.allSettled(inFlight).then(() => process.exit());
  };
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  process.stdin.once("end", stop).once("error", stop).resume();
}

serve(parseEngineFlags(process.argv.slice(2)));
