/** Scripts on a stack's hosts, from the operator's machine: over SSH, as root, the script on standard input. */
import type { Client, ClientChannel } from "ssh2";
import { lacksRoot } from "./connectionFault.ts";
import type { HostLogin } from "./hostLogin.ts";
import { connect, HostUnreachable } from "./sshConnection.ts";

/** A script's output and exit code. */
export interface ScriptResult {
  readonly stdout: string;
  readonly stderr: string;
  /** 124 or 137 when it was ended by its time limit. */
  readonly exitCode: number;
}

/** Options of a script's run. */
export interface ScriptOptions {
  /** Seconds after which the script is ended on the host. */
  readonly seconds: number;
  /** The script's first argument. Default: "apply", which scripts of `hostScript.ts` define. */
  readonly action?: string;
  /** Seconds that the host may take to take a connection: one that does not is dead. Default: 10. */
  readonly connectSeconds?: number;
  /**
   * Seconds that it may take to let us in, connecting included: slow is not dead. Default: 60, or `connectSeconds` if that is
   * more.
   */
  readonly loginSeconds?: number;
  /** Called with what the script prints to standard error, while it runs. */
  readonly onStderr?: (text: string) => void;
  /** Called when the host has let us in, and the script is about to start. */
  readonly onStart?: () => void;
}

/** Seconds beyond the script's own limit after which a host that says nothing any more is given up. */
const silenceSeconds = 2;

/** Seconds between a script's limit and its being killed. */
const killAfterSeconds = 2;

/**
 * Runs a script as root on a host, in the same way as a `HostCommand` does. An exit code other than 0 is a result.
 *
 * @throws HostUnreachable when the host cannot be reached, is not the one it should be, or does not let us be root.
 */
export async function runOnHost(login: HostLogin, script: string, options: ScriptOptions): Promise<ScriptResult> {
  const { connectSeconds = 10, loginSeconds = Math.max(connectSeconds, 60) } = options;
  const connection = await connect(login, { connectSeconds, loginSeconds });
  try {
    options.onStart?.();
    const result = await execute(connection.client, login, script, options);
    if (result.exitCode !== 0 && login.user !== "root" && lacksRoot(result.stderr)) {
      throw new HostUnreachable(login, "noRoot", "");
    }
    return result;
  } finally {
    connection.close();
  }
}

function execute(
  client: Client,
  login: HostLogin,
  script: string,
  { seconds, action = "apply", onStderr }: ScriptOptions,
): Promise<ScriptResult> {
  const sudo = login.user === "root" ? "" : "sudo -n ";
  const command = `${sudo}timeout --kill-after=${killAfterSeconds} ${seconds} bash -s ${action}`;
  const printed = { stdout: "", stderr: "" };
  return new Promise((resolve, reject) => {
    const giveUp = setTimeout(
      () => {
        reject(new HostUnreachable(login, "slow", `it sent nothing for ${seconds} s while it worked`, printed.stdout));
      },
      (seconds + killAfterSeconds + silenceSeconds) * 1000,
    );
    client.exec(command, (error, channel: ClientChannel | undefined) => {
      if (error || channel === undefined) {
        clearTimeout(giveUp);
        reject(new HostUnreachable(login, "unreachable", error?.message ?? "no channel"));
        return;
      }
      let exitCode: number | undefined;
      channel.setEncoding("utf8");
      channel.stderr.setEncoding("utf8");
      channel.on("data", (text: string) => (printed.stdout += text));
      channel.stderr.on("data", (text: string) => {
        printed.stderr += text;
        onStderr?.(text);
      });
      channel.on("exit", (code: number | null) => (exitCode = code ?? 137));
      // Writing to a command that has ended fails; how it ended says more.
      channel.on("error", () => undefined);
      channel.on("close", () => {
        clearTimeout(giveUp);
        if (exitCode === undefined)
          reject(new HostUnreachable(login, "unreachable", "the connection was lost", printed.stdout));
        else resolve({ ...printed, exitCode });
      });
      channel.end(script);
    });
  });
}
