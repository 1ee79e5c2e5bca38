/** Real HAProxy with a rendered configuration, in front of servers that answer as K3s does in good times and bad. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:https";
import { type AddressInfo, createConnection, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, type TLSSocket } from "node:tls";
import { haproxySocket, renderHaproxyConfig } from "../../components/balancer/haproxyConfig.ts";
import { type CertificateFiles, makeAuthority, makeCertificate } from "./certificates.ts";
import { freePort } from "./freePort.ts";
import { programPath } from "./programs.ts";

/** A server's certificate, the client certificate that it requires, and its answer to a verified client. */
interface Backend {
  certificate: CertificateFiles;
  clientAuthority: CertificateFiles;
  /** What its readiness answers. */
  status: number;
  /** Milliseconds that this takes. Default: 0. */
  delay?: number;
  /** Its liveness, independent of its datastore. Default: as its readiness. */
  alive?: number;
}

export class TestBalancer {
  readonly port: number;
  readonly statsPort: number;
  private readonly directory: string;
  /** The servers by name. What they answer may be changed at any time. */
  readonly backends: Readonly<Record<string, Backend>>;
  private readonly servers: readonly Server[];
  private readonly process: ChildProcess;

  private constructor(
    directory: string,
    ports: [number, number],
    backends: Readonly<Record<string, Backend>>,
    servers: readonly Server[],
    process: ChildProcess,
  ) {
    this.directory = directory;
    [this.port, this.statsPort] = ports;
    this.backends = backends;
    this.servers = servers;
    this.process = process;
  }

  /**
   * Starts servers and HAProxy in front of them. Default: the servers `ready`, `unauthorized`, `starting`, `other-name`,
   * `other-ca`, `other-clients`.
   */
  static async start(revision: string, names?: readonly string[]): Promise<TestBalancer> {
    const directory = await mkdtemp(join(tmpdir(), "k3s-ha-test-"));
    const authority = await makeAuthority(directory, "ca");
    const stranger = await makeAuthority(directory, "stranger");
    const certificate = await makeCertificate(directory, "kubernetes", authority);
    const good = { certificate, clientAuthority: authority, status: 200 };
    const backends: Record<string, Backend> =
      names !== undefined
        ? Object.fromEntries(names.map((name) => [name, { ...good }]))
        : {
            ready: good,
            unauthorized: { ...good, status: 401 },
            starting: { ...good, status: 503 },
            "other-name": { ...good, certificate: await makeCertificate(directory, "other", authority) },
            "other-ca": { ...good, certificate: await makeCertificate(directory, "false", stranger, "DNS:kubernetes") },
            "other-clients": { ...good, clientAuthority: stranger },
          };
    const health = await makeCertificate(directory, "haproxy-health", authority);
    const healthCertificatePath = join(directory, "health.pem");
    const pem = await Promise.all([readFile(health.certificate, "utf8"), readFile(health.key, "utf8")]);
    await writeFile(healthCertificatePath, pem.join(""));

    const servers = await Promise.all(Object.values(backends).map(serve));
    const [port, statsPort] = [await freePort(), await freePort()];
    const config = renderHaproxyConfig(
      {
        port,
        ipv6: false,
        servers: Object.fromEntries(
          Object.keys(backends).map((name, index) => {
            const { port: backendPort } = servers[index]?.address() as AddressInfo;
            return [name, `127.0.0.1:${backendPort}`];
          }),
        ),
        maxConnections: 100,
        idleSeconds: 60,
        healthCertificatePath,
        serverCaPath: authority.certificate,
        statsAddress: `127.0.0.1:${statsPort}`,
      },
      revision,
    )
      .replace(haproxySocket, join(directory, "socket"))
      // Only root may become another user, and tests need not be root.
      .replace(/^ {2}(user|group) haproxy\n/gm, "");
    const path = join(directory, "haproxy.cfg");
    await writeFile(path, config);
    const process = spawn(programPath("haproxy"), ["-db", "-f", path], { stdio: "ignore" });
    return new TestBalancer(directory, [port, statsPort], backends, servers, process);
  }

  /** Path of the socket that HAProxy answers on. */
  get socket(): string {
    return join(this.directory, "socket");
  }

  async stop(): Promise<void> {
    const ended = once(this.process, "exit");
    this.process.kill("SIGKILL");
    await ended;
    for (const server of this.servers) {
      server.closeAllConnections();
      server.close();
    }
    await rm(this.directory, { recursive: true });
  }

  /** What HAProxy answers on its socket. */
  async ask(command: string): Promise<string> {
    for (let attempt = 0; ; attempt++) {
      const connection = createConnection(this.socket);
      try {
        await once(connection, "connect");
        connection.end(`${command}\n`);
        return await text(connection);
      } catch (error) {
        if (attempt === 50) throw error;
        await sleep(100);
      }
    }
  }

  /** Lets a server hang: it takes connections, and says nothing on them any more. */
  hang(name: string): void {
    this.servers[Object.keys(this.backends).indexOf(name)]
      ?.removeAllListeners("connection")
      .on("connection", (socket: Socket) => socket.on("error", () => socket.destroy()));
  }

  /** A client's connection to a server, through HAProxy, that nothing is sent on, like a watch. */
  async openSession(): Promise<TLSSocket> {
    const pem = await readFile(join(this.directory, "health.pem"));
    const session = connect({ port: this.port, host: "127.0.0.1", cert: pem, key: pem, rejectUnauthorized: false });
    await once(session, "secureConnect");
    session.on("error", () => session.destroy()).resume();
    return session;
  }

  /** State of a server once it was checked, with the check's outcome: "UP L7OK 200", "NOLB L7OKC 503", "DOWN L6RSP ". */
  async checked(name: string): Promise<string> {
    for (let attempt = 0; attempt < 300; attempt++) {
      const rows = (await this.ask("show stat")).split("\n").map((line) => line.split(","));
      const head = rows[0] ?? [];
      const row = rows.find(([backend, server]) => backend === "servers" && server === name) ?? [];
      const [state = "", outcome = "", code = ""] = ["status", "check_status", "check_code"].map(
        (column) => row[head.indexOf(column)] ?? "",
      );
      // A check that timed out says more of the machine than of the server.
      if (/^(UP|NOLB|DOWN)$/.test(state) && /^L\d(?!TOUT)/.test(outcome)) return `${state} ${outcome} ${code}`;
      await sleep(100);
    }
    throw new Error(`HAProxy did not check ${name} within half a minute`);
  }
}

async function serve(backend: Backend): Promise<Server> {
  const { certificate, clientAuthority } = backend;
  const server = createServer(
    {
      cert: await readFile(certificate.certificate),
      key: await readFile(certificate.key),
      ca: await readFile(clientAuthority.certificate),
      requestCert: true,
      rejectUnauthorized: true,
    },
    (request, response) => {
      const { status, alive = status, delay = 0 } = backend;
      const answers: Record<string, number> = { "/readyz": status, "/livez?exclude=etcd": alive };
      const answer = (request.headers.host === "kubernetes" ? answers[request.url ?? ""] : undefined) ?? 404;
      setTimeout(() => response.writeHead(answer).end(), request.url === "/readyz" ? delay : 0);
    },
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}
