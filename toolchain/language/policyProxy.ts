/**
 * Stands between the engine and a policy pack, as in the official host. A pack learns its project, stack and
 * configuration from environment variables, which are only known once the engine has called `ConfigureStack`: so the
 * proxy answers that call itself, the pack is started with what it said, and every other call is passed through.
 */
import * as grpc from "@grpc/grpc-js";
import analyzerRpc from "@pulumi/pulumi/proto/analyzer_grpc_pb.js";
import analyzer from "@pulumi/pulumi/proto/analyzer_pb.js";
import type { Readable } from "node:stream";

const limits = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };

/** How long answers may take to leave when the proxy stops. */
const answerGraceMilliseconds = 1_000;

const unchanged = (bytes: Buffer): Buffer => bytes;
const { path: handshakePath } = analyzerRpc.AnalyzerService.handshake;
const { path: configureStackPath } = analyzerRpc.AnalyzerService.configureStack;

/** The environment of a policy pack for the stack it checks; undefined (as for `policy publish`) adds nothing. */
export function policyEnvironment(stack: analyzer.AnalyzerStackConfigureRequest | undefined): Record<string, string> {
  if (stack === undefined) return {};
  return {
    ...(stack.getOrganization() && { PULUMI_NODEJS_ORGANIZATION: stack.getOrganization() }),
    ...(stack.getProject() && { PULUMI_NODEJS_PROJECT: stack.getProject() }),
    ...(stack.getStack() && { PULUMI_NODEJS_STACK: stack.getStack() }),
    PULUMI_NODEJS_DRY_RUN: String(stack.getDryRun()),
    PULUMI_CONFIG: JSON.stringify(Object.fromEntries(stack.getConfigMap().entries())),
  };
}

/** One policy pack's proxy: `start`, then `stackConfiguration`, then `attach` with the pack's stdout. */
export class PolicyProxy {
  readonly #server = new grpc.Server(limits);
  readonly #configuration = Promise.withResolvers<analyzer.AnalyzerStackConfigureRequest | undefined>();
  readonly #pack = Promise.withResolvers<grpc.Client>();
  #port = 0;

  private constructor() {
    // Rejected only if the pack fails to start; the calls that wait for it report that, if there are any.
    this.#pack.promise.catch(() => undefined);
  }

  /** Serves `pulumirpc.Analyzer` on a free local port. */
  static async start(): Promise<PolicyProxy> {
    const proxy = new PolicyProxy();
    proxy.#server.addService(rawAnalyzerService(), proxy.#handlers());
    const bound = Promise.withResolvers<number>();
    proxy.#server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
      if (error) bound.reject(error);
      else bound.resolve(port);
    });
    proxy.#port = await bound.promise;
    return proxy;
  }

  /** The port that the engine connects to. */
  get port(): number {
    return this.#port;
  }

  /** What the engine said about the stack, once it has; undefined if it asked something else first, or was stopped. */
  stackConfiguration(): Promise<analyzer.AnalyzerStackConfigureRequest | undefined> {
    return this.#configuration.promise;
  }

  /**
   * Connects to the pack, whose first line on `stdout` is its port, and returns the rest of its output. Without a port
   * it throws and waiting calls fail; where the pack has ended, once `explained` is settled: its last words on stderr,
   * which say why, are out.
   */
  async attach(stdout: Readable, explained: Promise<unknown>): Promise<AsyncIterable<Buffer>> {
    const chunks: AsyncIterator<Buffer> = stdout[Symbol.asyncIterator]();
    let head: Buffer = Buffer.alloc(0);
    while (!head.includes("\n")) {
      const next = await chunks.next();
      if (next.done === true) break;
      head = Buffer.concat([head, next.value]);
    }
    const end = head.indexOf("\n");
    const line = head.subarray(0, Math.max(end, 0)).toString();
    if (!/^[1-9]\d*$/.test(line)) {
      if (end < 0) await explained;
      const failure = new Error(
        end < 0 ? "the policy pack failed to start" : `the policy pack printed "${line}" before it was ready`,
      );
      this.#pack.reject(failure);
      throw failure;
    }
    const client = new grpc.Client(`127.0.0.1:${line}`, grpc.credentials.createInsecure(), limits);
    const stack = await this.#configuration.promise;
    try {
      if (stack) await call(client, configureStackPath, Buffer.from(stack.serializeBinary()));
      this.#pack.resolve(client);
    } catch (error) {
      // Packs made with an older @pulumi/policy know their stack from the environment alone.
      if ((error as grpc.ServiceError).code === grpc.status.UNIMPLEMENTED) this.#pack.resolve(client);
      else this.#pack.reject(error);
    }
    return rest(head.subarray(end + 1), chunks);
  }

  /** Ends the proxy: waiting calls fail, no more are taken. Doing so twice is fine. */
  stop(): void {
    this.#configuration.resolve(undefined);
    this.#pack.reject(new Error("the policy pack was stopped"));
    this.#pack.promise.then(
      (client) => {
        client.close();
      },
      () => undefined,
    );
    // Calls that have failed still have to report it.
    const force = setTimeout(() => {
      this.#server.forceShutdown();
    }, answerGraceMilliseconds);
    this.#server.tryShutdown(() => {
      clearTimeout(force);
    });
  }

  #handlers(): grpc.UntypedServiceImplementation {
    const handlers: Record<string, grpc.handleUnaryCall<Buffer, Buffer>> = {};
    for (const [name, { path }] of Object.entries(analyzerRpc.AnalyzerService)) {
      handlers[name] = (incoming, callback) => {
        this.#answer(path, incoming.request).then(
          (response) => {
            callback(null, response);
          },
          (error: unknown) => {
            callback(error as grpc.ServiceError);
          },
        );
      };
    }
    return handlers;
  }

  async #answer(path: string, request: Buffer): Promise<Buffer> {
    if (path === handshakePath) return Buffer.from(new analyzer.AnalyzerHandshakeResponse().serializeBinary());
    if (path === configureStackPath) {
      this.#configuration.resolve(analyzer.AnalyzerStackConfigureRequest.deserializeBinary(request));
      return Buffer.from(new analyzer.AnalyzerStackConfigureResponse().serializeBinary());
    }
    // Some commands never configure a stack: the pack then starts without one.
    this.#configuration.resolve(undefined);
    return call(await this.#pack.promise, path, request);
  }
}

/** The Analyzer service with messages as bytes, so that what is passed through stays as it is. */
function rawAnalyzerService(): grpc.ServiceDefinition {
  return Object.fromEntries(
    Object.entries(analyzerRpc.AnalyzerService).map(([name, method]) => [
      name,
      {
        ...method,
        requestSerialize: unchanged,
        requestDeserialize: unchanged,
        responseSerialize: unchanged,
        responseDeserialize: unchanged,
      },
    ]),
  );
}

function call(client: grpc.Client, path: string, request: Buffer): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  client.makeUnaryRequest(path, unchanged, unchanged, request, (error, response) => {
    if (error) reject(error);
    else resolve(response ?? Buffer.alloc(0));
  });
  return promise;
}

async function* rest(head: Buffer, chunks: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head;
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value;
}
