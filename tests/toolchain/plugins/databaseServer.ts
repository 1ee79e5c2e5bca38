/**
 * A real MariaDB of our own on a free loopback port, with TLS and a data directory that is removed with it. Needs
 * Debian's mariadb-server; the machine's own server, if there is one, is not touched.
 */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { createConnection } from "mysql2/promise";
import { freePort } from "./sshServer.ts";

const run = promisify(execFile);

/** A running server, with an account `admin` that may do everything. */
export class DatabaseServer {
  readonly directory: string;
  readonly port: number;
  readonly password: string;
  readonly #daemon: ChildProcess;

  private constructor(directory: string, port: number, password: string, daemon: ChildProcess) {
    this.directory = directory;
    this.port = port;
    this.password = password;
    this.#daemon = daemon;
  }

  /**
   * Starts a server that presents `certificate` (PEM) and proves it with `key` (PEM), and verifies its clients'
   * certificates with `clientAuthority` (PEM). Default: it asks for none.
   */
  static async start(
    certificate: string,
    key: string,
    password: string,
    clientAuthority?: string,
  ): Promise<DatabaseServer> {
    const directory = await mkdtemp(join(tmpdir(), "database-server-"));
    const paths = { data: join(directory, "data"), socket: join(directory, "socket") };
    await writeFile(join(directory, "certificate.pem"), certificate);
    await writeFile(join(directory, "key.pem"), key, { mode: 0o600 });
    if (clientAuthority !== undefined) await writeFile(join(directory, "clients.pem"), clientAuthority);
    // The server refuses to run as root, and then runs as its package's account.
    const user = process.getuid?.() === 0 ? "mysql" : userInfo().username;
    if (user === "mysql") await giveTo("mysql", directory, join(directory, "key.pem"));
    // A directory of its own: a server that starts clears the temporary tables that it finds, another one's too.
    const temporary = join(directory, "tmp");
    await mkdir(temporary);
    await chmod(temporary, 0o1777);
    await run(
      "mariadb-install-db",
      [
        "--no-defaults",
        `--datadir=${paths.data}`,
        `--user=${user}`,
        "--skip-test-db",
        "--auth-root-authentication-method=normal",
      ],
      { env: { ...process.env, TMPDIR: temporary } },
    );
    const port = await freePort();
    const daemon = spawn(
      "/usr/sbin/mariadbd",
      [
        "--no-defaults",
        `--user=${user}`,
        `--datadir=${paths.data}`,
        `--tmpdir=${temporary}`,
        `--socket=${paths.socket}`,
        `--pid-file=${join(directory, "pid")}`,
        "--bind-address=127.0.0.1",
        `--port=${port}`,
        "--skip-name-resolve",
        `--ssl-cert=${join(directory, "certificate.pem")}`,
        `--ssl-key=${join(directory, "key.pem")}`,
        ...(clientAuthority === undefined ? [] : [`--ssl-ca=${join(directory, "clients.pem")}`]),
      ],
      { stdio: "ignore" },
    );
    const server = new DatabaseServer(directory, port, password, daemon);
    await server.#setPassword(paths.socket);
    return server;
  }

  /** The `endpoint` argument for this server. */
  get endpoint(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Runs one statement as the administrator; returns the rows. */
  async query(sql: string): Promise<Record<string, unknown>[]> {
    const connection = await createConnection({
      host: "127.0.0.1",
      port: this.port,
      user: "admin",
      password: this.password,
    });
    try {
      const [rows] = await connection.query(sql);
      return rows as Record<string, unknown>[];
    } finally {
      connection.destroy();
    }
  }

  async stop(): Promise<void> {
    const exited = once(this.#daemon, "exit");
    this.#daemon.kill("SIGTERM");
    await exited;
    await rm(this.directory, { recursive: true });
  }

  /** Waits for the server, then makes the account. */
  async #setPassword(socketPath: string): Promise<void> {
    for (let tries = 0; ; tries++) {
      try {
        const connection = await createConnection({ socketPath, user: "root" });
        await connection.query(`CREATE USER 'admin'@'127.0.0.1' IDENTIFIED BY '${this.password}'`);
        await connection.query("GRANT ALL ON *.* TO 'admin'@'127.0.0.1' WITH GRANT OPTION");
        connection.destroy();
        return;
      } catch (error) {
        if (tries === 300 || this.#daemon.exitCode !== null) throw error;
        await delay(100);
      }
    }
  }
}

async function giveTo(account: string, ...paths: string[]): Promise<void> {
  const [uid, gid] = await Promise.all(
    ["-u", "-g"].map(async (flag) => Number((await run("id", [flag, account])).stdout)),
  );
  for (const path of paths) await chown(path, uid ?? 0, gid ?? 0);
}
