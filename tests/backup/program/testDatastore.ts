import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { freePort } from "../../support/freePort.ts";

/** The user that the database runs as; nothing in it matters to anybody else. */
const account = "nobody";

/**
 * A MariaDB server of its own on loopback: data in a directory of the test, TLS only, a certificate for 127.0.0.1.
 * It ends with the test, by its process id.
 */
export class TestDatastore {
  readonly directory: string;
  readonly port: number;
  readonly caPath: string;
  private server: ChildProcess | undefined;

  private constructor(directory: string, port: number) {
    this.directory = directory;
    this.port = port;
    this.caPath = join(directory, "ca.crt");
  }

  static async create(directory: string): Promise<TestDatastore> {
    const datastore = new TestDatastore(directory, await freePort());
    await mkdir(directory, { mode: 0o711 });
    await datastore.makeCertificates();
    // A directory of its own: a server that starts clears the temporary tables that it finds, another one's too.
    const temporary = join(directory, "tmp");
    await mkdir(temporary);
    await chmod(temporary, 0o1777);
    await execa(
      "mariadb-install-db",
      [
        "--no-defaults",
        `--datadir=${join(directory, "data")}`,
        `--user=${account}`,
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
      ],
      { env: { TMPDIR: temporary } },
    );
    await execa("chown", [account, join(directory, "server.key"), directory]);
    await datastore.start();
    return datastore;
  }

  async start(): Promise<void> {
    const server = spawn(
      "setpriv",
      [
        `--reuid=${account}`,
        "--regid=nogroup",
        "--clear-groups",
        "--pdeathsig=KILL",
        "mariadbd",
        "--no-defaults",
        `--datadir=${join(this.directory, "data")}`,
        `--tmpdir=${join(this.directory, "tmp")}`,
        `--socket=${this.socket}`,
        `--pid-file=${join(this.directory, "pid")}`,
        "--bind-address=127.0.0.1",
        `--port=${this.port}`,
        `--ssl-ca=${this.caPath}`,
        `--ssl-cert=${join(this.directory, "server.crt")}`,
        `--ssl-key=${join(this.directory, "server.key")}`,
        "--require-secure-transport=ON",
        "--skip-name-resolve",
        "--max-allowed-packet=64M",
        "--innodb-buffer-pool-size=32M",
        "--innodb-flush-log-at-trx-commit=0",
      ],
      { stdio: "ignore", env: { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin` } },
    );
    this.server = server;
    for (let attempt = 0; ; attempt++) {
      const { failed, stderr } = await execa(
        "mariadb",
        ["--no-defaults", `--socket=${this.socket}`, "-e", "SELECT 1"],
        {
          reject: false,
        },
      );
      if (!failed) return;
      if (attempt === 300 || server.exitCode !== null) throw new Error(`the test's MariaDB does not start: ${stderr}`);
      await sleep(100);
    }
  }

  /** Ends the server, as a power cut would. */
  async stop(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, "exit");
    server.kill("SIGKILL");
    await ended;
  }

  /** Runs SQL as root over the local socket. */
  async sql(text: string, database = ""): Promise<string> {
    const { stdout } = await execa(
      "mariadb",
      [
        "--no-defaults",
        `--socket=${this.socket}`,
        "--max-allowed-packet=64M",
        "--batch",
        "--skip-column-names",
        database,
      ],
      { input: text },
    );
    return stdout;
  }

  get socket(): string {
    return join(this.directory, "socket");
  }

  /** A CA, and a certificate with the one name that clients dial. */
  private async makeCertificates(): Promise<void> {
    const file = (name: string) => join(this.directory, name);
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    await execa("openssl", [
      "req",
      "-x509",
      ...key,
      "-keyout",
      file("ca.key"),
      "-out",
      this.caPath,
      "-subj",
      "/CN=test CA",
      "-days",
      "2",
    ]);
    await execa("openssl", [
      "req",
      ...key,
      "-keyout",
      file("server.key"),
      "-out",
      file("server.csr"),
      "-subj",
      "/CN=test",
    ]);
    await writeFile(file("server.ext"), "subjectAltName=IP:127.0.0.1\n");
    await execa("openssl", [
      ..."x509 -req -days 2 -CAcreateserial".split(" "),
      ...[
        "-in",
        file("server.csr"),
        "-out",
        file("server.crt"),
        "-CA",
        this.caPath,
        "-CAkey",
        file("ca.key"),
        "-extfile",
        file("server.ext"),
      ],
    ]);
  }
}
