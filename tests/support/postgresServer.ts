/**
 * A real PostgreSQL of our own on a free loopback port, with TLS and a data directory that is removed with it. Needs
 * Debian's postgresql; the machine's own server, if there is one, is not touched.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chown, copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { execa } from "execa";
import type { CertificateFiles } from "./certificates.ts";
import { freePort } from "./freePort.ts";

/** PEM files: what the server proves itself with, and the CA of its clients. */
export interface ServerCertificates {
  own: CertificateFiles;
  clientAuthority: CertificateFiles;
}

/** A running server, whose superuser logs in on its socket. */
export class PostgresServer {
  readonly port: number;
  readonly #directory: string;
  readonly #programs: string;
  readonly #ids: { uid: number; gid: number };
  readonly #daemon: ChildProcess;

  private constructor(
    directory: string,
    port: number,
    { programs, ids, daemon }: { programs: string; ids: { uid: number; gid: number }; daemon: ChildProcess },
  ) {
    this.#directory = directory;
    this.port = port;
    this.#programs = programs;
    this.#ids = ids;
    this.#daemon = daemon;
  }

  /**
   * Starts a server. Logins over TCP take TLS and a password; the role "certified" has to show a client certificate of
   * that name beside it, and "stranger" may not log in at all.
   */
  static async start(certificates: ServerCertificates): Promise<PostgresServer> {
    const directory = await mkdtemp(join(tmpdir(), "postgres-server-"));
    const [version = ""] = (await readdir("/usr/lib/postgresql")).toSorted((a, b) => Number(b) - Number(a));
    const programs = `/usr/lib/postgresql/${version}/bin`;
    // The server refuses to run as root.
    const ids = await idsOf("postgres");
    const data = join(directory, "data");
    await mkdir(data, { mode: 0o700 });
    for (const path of [directory, data]) await chown(path, ids.uid, ids.gid);
    await execa(join(programs, "initdb"), ["--pgdata", data, "--auth-local=peer", "--username=postgres", "--no-sync"], {
      ...ids,
      env: { LC_ALL: "C.UTF-8" },
      cwd: directory,
    });
    const files = { "server.crt": certificates.own.certificate, "server.key": certificates.own.key };
    for (const [name, from] of Object.entries({ ...files, "clients.crt": certificates.clientAuthority.certificate })) {
      await copyFile(from, join(data, name));
      await chown(join(data, name), ids.uid, ids.gid);
    }
    await writeFile(
      join(data, "pg_hba.conf"),
      `local all all peer
hostssl all stranger all reject
hostssl all certified 127.0.0.1/32 scram-sha-256 clientcert=verify-full
hostssl all all 127.0.0.1/32 scram-sha-256
`,
    );
    const port = await freePort();
    const settings = {
      listen_addresses: "127.0.0.1",
      port: String(port),
      unix_socket_directories: directory,
      ssl: "on",
      ssl_ca_file: "clients.crt",
      fsync: "off",
      max_connections: "150",
    };
    const daemon = spawn(
      join(programs, "postgres"),
      ["-D", data, ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])],
      { ...ids, cwd: directory, stdio: "ignore" },
    );
    const server = new PostgresServer(directory, port, { programs, ids, daemon });
    await server.#wait();
    return server;
  }

  /** Where its socket is, and its data in `data`. */
  get directory(): string {
    return this.#directory;
  }

  /** Runs statements as the superuser; returns what they print, a row a line. */
  async query(sql: string, database = "postgres"): Promise<string> {
    const { stdout } = await execa(
      join(this.#programs, "psql"),
      [
        ...["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"],
        ...["--host", this.#directory, "--port", String(this.port), "--username=postgres", database],
      ],
      { ...this.#ids, cwd: this.#directory, input: sql },
    );
    return stdout;
  }

  async stop(): Promise<void> {
    const exited = once(this.#daemon, "exit");
    this.#daemon.kill("SIGINT");
    await exited;
    await rm(this.#directory, { recursive: true });
  }

  async #wait(): Promise<void> {
    for (let tries = 0; ; tries++) {
      try {
        await this.query("SELECT 1");
        return;
      } catch (error) {
        if (tries === 300 || this.#daemon.exitCode !== null) throw error;
        await delay(100);
      }
    }
  }
}

async function idsOf(account: string): Promise<{ uid: number; gid: number }> {
  const [uid, gid] = await Promise.all(
    ["-u", "-g"].map(async (flag) => Number((await execa("id", [flag, account])).stdout)),
  );
  return { uid: uid ?? 0, gid: gid ?? 0 };
}
