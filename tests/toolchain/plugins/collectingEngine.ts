/** The engine's side of a plugin, as far as tests need it: it only collects log lines. */
import { Server, ServerCredentials, type handleUnaryCall } from "@grpc/grpc-js";
import emptyMessages from "google-protobuf/google/protobuf/empty_pb.js";
import engineGrpc from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import engineMessages from "@pulumi/pulumi/proto/engine_pb.js";

/** A line that the plugin sent for the user. */
export interface LogLine {
  severity: string;
  message: string;
  urn: string;
  ephemeral: boolean;
}

/** A running engine. */
export class CollectingEngine {
  /** What plugins start with: where to reach this engine. */
  readonly address: string;
  readonly logs: LogLine[];
  readonly #server: Server;

  private constructor(server: Server, address: string, logs: LogLine[]) {
    this.#server = server;
    this.address = address;
    this.logs = logs;
  }

  static async start(): Promise<CollectingEngine> {
    const logs: LogLine[] = [];
    const server = new Server();
    const log: handleUnaryCall<InstanceType<typeof engineMessages.LogRequest>, unknown> = ({ request }, done) => {
      const severity = ["debug", "info", "warning", "error"][request.getSeverity()] ?? "?";
      logs.push({ severity, message: request.getMessage(), urn: request.getUrn(), ephemeral: request.getEphemeral() });
      done(null, new emptyMessages.Empty());
    };
    server.addService(engineGrpc.EngineService, { log });
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => {
        if (error) reject(error);
        else resolve(bound);
      });
    });
    return new CollectingEngine(server, `127.0.0.1:${port}`, logs);
  }

  /** Ends it as a crash would: connections break. */
  stop(): void {
    this.#server.forceShutdown();
  }
}
