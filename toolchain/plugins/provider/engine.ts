/** The way back to the engine that started the plugin: log lines, and noticing when the engine is gone. */
import { credentials, connectivityState, type Client } from "@grpc/grpc-js";
import engineGrpc from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import engineMessages from "@pulumi/pulumi/proto/engine_pb.js";

/** How serious a line is. */
export type Severity = "debug" | "info" | "warning" | "error";

/** Writes lines for the user, under one resource. */
export interface Logger {
  /** A line that stays: it is repeated in the summary. */
  line(severity: Severity, message: string): void;
  /** A line of progress: shown while the step runs. */
  status(severity: Severity, message: string): void;
  /** Returns when the engine has received every line so far. Lines that it refuses are dropped. */
  flush(): Promise<void>;
}

/** A connection to the engine. */
export class Engine {
  readonly #client: InstanceType<typeof engineGrpc.EngineClient>;
  // Lines are sent one after another: parallel calls could arrive in another order.
  #sent: Promise<void> = Promise.resolve();

  /** `address` is what the engine passes to a plugin as its only argument. */
  constructor(address: string) {
    this.#client = new engineGrpc.EngineClient(address, credentials.createInsecure());
  }

  /** A logger for the resource with this URN ("" for the deployment as a whole). */
  logger(urn: string): Logger {
    const write = (severity: Severity, message: string, ephemeral: boolean): void => {
      const request = new engineMessages.LogRequest();
      request.setUrn(urn);
      request.setSeverity(engineMessages.LogSeverity[severities[severity]]);
      request.setMessage(message);
      request.setEphemeral(ephemeral);
      this.#sent = this.#sent.then(
        () =>
          new Promise((resolve) => {
            // A log line that cannot be delivered is no reason for a step to fail: the error is left aside.
            this.#client.log(request, () => {
              resolve();
            });
          }),
      );
    };
    return {
      line: (severity, message) => {
        write(severity, message, false);
      },
      status: (severity, message) => {
        write(severity, message, true);
      },
      flush: () => this.#sent,
    };
  }

  /** Calls `gone` once, when the engine can no longer be reached. */
  whenGone(gone: () => void): void {
    const channel = (this.#client as unknown as Client).getChannel();
    const watch = (): void => {
      const state = channel.getConnectivityState(true);
      if (state === connectivityState.TRANSIENT_FAILURE || state === connectivityState.SHUTDOWN) gone();
      else channel.watchConnectivityState(state, Infinity, watch);
    };
    watch();
  }
}

const severities = { debug: "DEBUG", info: "INFO", warning: "WARNING", error: "ERROR" } as const;
