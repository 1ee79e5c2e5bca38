/**
 * A real OpenSSH server of our own on a free loopback port: own host keys, own configuration, running as the user who runs
 * the tests. Needs Debian's openssh-server; the machine's own server, if there is one, is not touched.
 */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A running server, and a key that it lets in. */
export class SshServer {
  readonly directory: string;
  readonly port: number;
  readonly user: string;
  readonly #daemon: ChildProcess;

  private constructor(directory: string, port: number, daemon: ChildProcess) {
    this.directory = directory;
    this.port = port;
    this.user = userInfo().username;
    this.#daemon = daemon;
  }

  /** Starts a server. `settings` are further lines of sshd_config; `authorizedKeys` a file other than its own. */
  static async start(settings: string[] = [], authorizedKeys?: string): Promise<SshServer> {
    const directory = await mkdtemp(join(tmpdir(), "ssh-server-"));
    // sshd refuses to run without its own empty directory, which its service unit makes.
    if (process.getuid?.() === 0) await mkdir("/run/sshd", { recursive: true, mode: 0o755 });
    await makeKey(join(directory, "host_ed25519"), "ed25519");
    await makeKey(join(directory, "client"), "ed25519");
    const port = await freePort();
    const lines = [
      // Of two values for the same keyword, sshd takes the first.
      ...settings,
      "ListenAddress 127.0.0.1",
      `Port ${port}`,
      `HostKey ${join(directory, "host_ed25519")}`,
      `AuthorizedKeysFile ${authorizedKeys ?? join(directory, "client.pub")}`,
      `PidFile ${join(directory, "pid")}`,
      "StrictModes no",
      // By default it turns some away by chance when ten come at once.
      "MaxStartups 100",
      "UsePAM no",
      "PermitRootLogin yes",
      "KbdInteractiveAuthentication no",
      "Subsystem sftp internal-sftp",
      // Bash reads ~/.bashrc when sshd starts it. What the machine's user has there may print, or be slow.
      `SetEnv HOME=${directory}`,
    ];
    await writeFile(join(directory, "config"), `${lines.join("\n")}\n`);
    const daemon = spawn("/usr/sbin/sshd", ["-D", "-e", "-f", join(directory, "config")], { stdio: "ignore" });
    await waitForPort(port);
    return new SshServer(directory, port, daemon);
  }

  /** The text of a file in the server's directory: `client`, `host_ed25519.pub`, … */
  file(name: string): Promise<string> {
    return readFile(join(this.directory, name), "utf8");
  }

  /** A connection that works, with the host key pinned. */
  async connection(): Promise<Record<string, string | number>> {
    return {
      host: "127.0.0.1",
      port: this.port,
      user: this.user,
      privateKey: await this.file("client"),
      hostKey: (await this.file("host_ed25519.pub")).trim(),
      dialErrorLimit: 1,
      perDialTimeout: 5,
    };
  }

  async stop(): Promise<void> {
    const exited = once(this.#daemon, "exit");
    this.#daemon.kill("SIGTERM");
    await exited;
    await rm(this.directory, { recursive: true });
  }
}

/** Makes a key pair without a passphrase, or with the one given, at `path` and `path`.pub. */
export async function makeKey(path: string, type: string, passphrase = "", format?: string): Promise<void> {
  const options = format ? ["-m", format] : [];
  await run("ssh-keygen", ["-q", "-t", type, "-N", passphrase, "-C", "", "-f", path, ...options]);
}

/** A loopback port that nothing uses at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("a TCP server has no port");
  return address.port;
}

async function waitForPort(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.on("connect", () => {
        socket.destroy();
        resolve(true);
      });
      socket.on("error", () => {
        resolve(false);
      });
    });
    if (open) return;
    await delay(50);
  }
  throw new Error(`nothing listens on port ${port}`);
}
