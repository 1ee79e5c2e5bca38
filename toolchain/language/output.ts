/** Streams what a process prints to the engine. */
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";

/** A running process whose output is piped. */
export interface Outputs {
  readonly stdout: Readable;
  readonly stderr: Readable;
}

/** Wraps a piece of output in the message that the call sends. */
export interface OutputMessages {
  readonly stdout: (bytes: Uint8Array) => unknown;
  readonly stderr: (bytes: Uint8Array) => unknown;
}

/** Sends all that `process` prints, in order per stream, until both of its streams have ended. */
export async function forwardOutput(process: Outputs, call: Writable, messages: OutputMessages): Promise<void> {
  await Promise.all([forward(process.stdout, call, messages.stdout), forward(process.stderr, call, messages.stderr)]);
}

/** Sends all that one stream yields. */
export async function forward(
  source: AsyncIterable<Uint8Array>,
  call: Writable,
  message: (bytes: Uint8Array) => unknown,
): Promise<void> {
  for await (const bytes of source) {
    if (!call.writable) return;
    if (!call.write(message(bytes))) await Promise.race([once(call, "drain"), once(call, "close")]);
  }
}
