/** What a command prints: collected for the outputs and for a failure, and shown line by line while it runs. */
import { StringDecoder } from "node:string_decoder";
import type { Logger } from "../provider/engine.ts";

/** Which streams are shown while the command runs. */
export type Logging = "stdout" | "stderr" | "stdoutAndStderr" | "none";

/** The streams of one run. */
export class Output {
  readonly #stdout: Buffer[] = [];
  readonly #stderr: Buffer[] = [];
  readonly #both: Buffer[] = [];
  readonly #shown: Record<"stdout" | "stderr", boolean>;
  readonly #log: Logger;
  readonly #decoder = new StringDecoder("utf8");
  #line = "";

  /** `logging` undefined shows both streams. */
  constructor(log: Logger, logging: Logging | undefined) {
    this.#log = log;
    const both = logging === undefined || logging === "stdoutAndStderr";
    this.#shown = { stdout: both || logging === "stdout", stderr: both || logging === "stderr" };
  }

  /** Takes a piece of a stream. Lines of both streams are shown as they come, through one place. */
  write(stream: "stdout" | "stderr", piece: Buffer): void {
    (stream === "stdout" ? this.#stdout : this.#stderr).push(piece);
    this.#both.push(piece);
    if (!this.#shown[stream]) return;
    const lines = (this.#line + this.#decoder.write(piece)).split("\n");
    this.#line = lines.pop() ?? "";
    for (const line of lines) this.#show(line);
  }

  /** Shows a last line that has no end. */
  end(): void {
    const rest = this.#line + this.#decoder.end();
    this.#line = "";
    if (rest !== "") this.#show(rest);
  }

  /** The text of stdout without one trailing newline. */
  get stdout(): string {
    return withoutNewline(this.#stdout);
  }

  /** The text of stderr without one trailing newline. */
  get stderr(): string {
    return withoutNewline(this.#stderr);
  }

  /** Everything, in the order in which it came. */
  get both(): string {
    return Buffer.concat(this.#both).toString("utf8");
  }

  #show(line: string): void {
    this.#log.status("info", line.endsWith("\r") ? line.slice(0, -1) : line);
  }
}

function withoutNewline(pieces: Buffer[]): string {
  const text = Buffer.concat(pieces).toString("utf8");
  return text.endsWith("\n") ? text.slice(0, -1) : text;
}
