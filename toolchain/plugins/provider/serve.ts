/**
 * Runs a plugin as the engine expects it: serves on a free loopback port, prints that port as the first line on
 * stdout, and ends with the engine, however that ends.
 */
import { Server, ServerCredentials } from "@grpc/grpc-js";
import grpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import { Engine } from "./engine.ts";
import type { Provider } from "./resource.ts";
import { handlers } from "./server.ts";

/** Bytes: the engine's own limit for one message. */
const messageLimit = 400 * 1024 * 1024;

/** The process that started this one. Read at once: a parent that dies while we start must not be missed. */
const parent = process.ppid;

/** Interval of the check that the parent process still lives, in milliseconds. */
const parentCheckInterval = 1000;

/** Serves `provider` until the engine is gone. Returns once the port is printed. */
export async function serve(provider: Provider): Promise<void> {
  const address = process.argv[2];
  if (!address) {
    process.stderr.write(`usage: ${provider.name} <engine address>; the Pulumi engine starts this program\n`);
    process.exit(2);
  }
  const abort = new AbortController();
  const engine = new Engine(address);
  const server = new Server({
    "grpc.max_receive_message_length": messageLimit,
    "grpc.max_send_message_length": messageLimit,
  });
  const service = handlers(provider, engine, abort.signal);
  const cancel = service["cancel"] as (...call: unknown[]) => void;
  service["cancel"] = (...call: unknown[]) => {
    abort.abort(new Error("context canceled"));
    cancel(...call);
  };
  server.addService(grpc.ResourceProviderService, service);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => {
      if (error) reject(error);
      else resolve(bound);
    });
  });
  process.stdout.write(`${port}\n`);
  endWithEngine(engine);
}

/**
 * Leaves nothing behind: the engine may be killed without notice to its plugins. A lost connection shows it at once; a
 * changed parent tells even when the connection was never used.
 */
function endWithEngine(engine: Engine): void {
  const end = (): void => process.exit(0);
  engine.whenGone(end);
  setInterval(() => {
    if (process.ppid !== parent) end();
  }, parentCheckInterval).unref();
  process.on("SIGINT", end);
  process.on("SIGTERM", end);
}
