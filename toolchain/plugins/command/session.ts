/** One command on a connected host. */
import { constants } from "node:os";
import type { Client, ClientChannel } from "ssh2";
import type { Step } from "../provider/resource.ts";
import { quoted } from "./goWording.ts";
import type { Output } from "./output.ts";

/** Runs `command`, feeds it `stdin`, and resolves when it has ended with status 0; else rejects in Go's words. */
export function run(
  client: Client,
  command: string,
  stdin: string,
  environment: Record<string, string>,
  output: Output,
): Promise<void> {
  return new Promise((resolve, reject) => {
    client.exec(command, { env: environment }, (error, channel: ClientChannel | undefined) => {
      if (error || !channel) {
        reject(new Error(startFailure(command, error)));
        return;
      }
      let ending: string | undefined = "wait: remote command exited without exit status or exit signal";
      channel.on("exit", (code: number | null, signal?: string) => {
        ending = code === 0 ? undefined : exitText(code, signal);
      });
      channel.on("data", (piece: Buffer) => {
        output.write("stdout", piece);
      });
      channel.stderr.on("data", (piece: Buffer) => {
        output.write("stderr", piece);
      });
      // Writing to a command that has ended fails; how it ended says more.
      channel.on("error", () => undefined);
      channel.on("close", () => {
        output.end();
        if (ending === undefined) resolve();
        else reject(new Error(failure(ending, command, output)));
      });
      channel.end(stdin);
    });
  });
}

/** `reason: running "command":` and everything the command printed. */
export function failure(reason: string, command: string, output: Output): string {
  return `${reason}: running ${quoted(command)}:\n${output.both}`;
}

/**
 * Asks the host to set a variable and says whether it does. Hosts refuse what their AcceptEnv does not name. (The
 * library reports a refusal only for SFTP channels, so the question is asked on one; with the answer "yes", the
 * variable is then set again on the command's own channel. A host without SFTP answers after the variable.)
 */
export function accepts(client: Client, name: string, value: string): Promise<boolean> {
  return new Promise((resolve) => {
    const withEnvironment = client.sftp.bind(client) as unknown as (
      environment: Record<string, string>,
      callback: (error: Error | undefined, sftp: { end(): void } | undefined) => void,
    ) => void;
    withEnvironment({ [name]: value }, (error, sftp) => {
      sftp?.end();
      resolve(error?.message !== "Unable to set environment");
    });
  });
}

/** Tells the user that a variable was refused; returns the error for callers for which that is fatal. */
export function refused(step: Step, severity: "error" | "warning", name: string): Error {
  step.log.line(
    severity,
    `Unable to set '${name}'. This only works if your SSH server is configured to accept\n` +
      "\tthese variables via AcceptEnv. Alternatively, if a Bash-like shell runs the command on the remote host, you could\n" +
      "\tprefix the command itself with the variables in the form 'VAR=value command'",
  );
  return new Error(`could not set environment variable ${quoted(name)}: ssh: setenv failed`);
}

function exitText(code: number | null, signal: string | undefined): string {
  if (code !== null) return `Process exited with status ${code}`;
  const name = (signal ?? "").replace(/^SIG/, "");
  const numbers: Record<string, number> = constants.signals;
  const number = numbers[`SIG${name}`] ?? 0;
  return `Process exited with status ${128 + number} from signal ${name}`;
}

function startFailure(command: string, error: Error | undefined): string {
  if (error?.message === "Unable to exec") return `ssh: command ${command} failed: running ${quoted(command)}:\n`;
  const rejected = /Channel open failure:\s*(.*)$/.exec(error?.message ?? "");
  if (rejected) return `ssh: rejected: administratively prohibited (${rejected[1] ?? ""})`;
  return "EOF";
}
