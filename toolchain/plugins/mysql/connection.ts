/** Connections to the server: one for each operation, tried for minutes, failures in the words of the official plugin. */
import { connect as connectSocket, isIP, type Socket } from "node:net";
import type { PeerCertificate } from "node:tls";
import { setTimeout as delay } from "node:timers/promises";
import { createConnection, type Connection, type ConnectionOptions } from "mysql2/promise";
import { dialFailure, socketFailure } from "../command/goWording.ts";
import type { Configuration } from "./configuration.ts";
import { systemRoots } from "./systemRoots.ts";

/** Seconds after which a server that cannot be reached is given up. The variable is for tests. */
const patience = Number(process.env["K3S_HA_MYSQL_PATIENCE"] ?? 300);

/** Milliseconds between tries: doubled after each, up to the second value. */
const firstPause = 500;
const longestPause = 10_000;

/** Runs `work` on a connection of its own. Retries connecting, whatever the reason; never retries `work`. */
export async function connected<T>(
  configuration: Configuration,
  signal: AbortSignal,
  work: (run: Run) => Promise<T>,
): Promise<T> {
  const connection = await connect(configuration, signal);
  try {
    return await work(async (sql) => {
      try {
        const [rows] = await connection.query(sql);
        return Array.isArray(rows) ? (rows as Row[]) : [];
      } catch (error) {
        throw inGoWords(error);
      }
    });
  } finally {
    connection.destroy();
  }
}

/** A row of a result: values by column name. */
export type Row = Record<string, unknown>;

/** Runs one statement. Throws `Error NUMBER (STATE): message` when the server refuses it. */
export type Run = (sql: string) => Promise<Row[]>;

async function connect(configuration: Configuration, signal: AbortSignal): Promise<Connection> {
  const deadline = Date.now() + patience * 1000;
  for (let pause = firstPause; ; pause = Math.min(pause * 2, longestPause)) {
    signal.throwIfAborted();
    try {
      return await tryOnce(configuration, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (Date.now() + pause >= deadline) {
        throw new Error(`Could not connect to server: ${inGoWords(error).message}`);
      }
    }
    await delay(pause, undefined, { signal }).catch(() => {
      signal.throwIfAborted();
    });
  }
}

async function tryOnce(configuration: Configuration, signal: AbortSignal): Promise<Connection> {
  const { address, username, password, tls, cleartext } = configuration;
  const socket = await open(address, signal);
  const host = "host" in address ? address.host : "localhost";
  const options: ConnectionOptions = {
    stream: socket,
    host,
    user: username,
    password,
    // The official plugin waits as long as the server takes, e.g. ten seconds for a reverse lookup that fails.
    connectTimeout: 0,
    enableCleartextPlugin: cleartext,
  };
  if (tls === "skip-verify") options.ssl = { rejectUnauthorized: false };
  if (tls === "true") options.ssl = { ca: await systemRoots(), rejectUnauthorized: true, verifyIdentity: true };
  try {
    return await createConnection(options);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function open(address: Configuration["address"], signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = "host" in address ? connectSocket({ ...address, noDelay: true }) : connectSocket(address.socketPath);
    // The library leaves the name to check out for IP addresses; Node then takes it from here, where the connection
    // leaves it for names only.
    if ("host" in address && isIP(address.host)) Object.assign(socket, { _host: address.host });
    const abort = (): void => {
      socket.destroy(new Error("context canceled"));
    };
    signal.addEventListener("abort", abort, { once: true });
    socket.on("close", () => {
      signal.removeEventListener("abort", abort);
    });
    socket.on("connect", () => {
      socket.removeListener("error", fail);
      resolve(socket);
    });
    const fail = (error: Error): void => {
      reject(
        "host" in address ? dialFailure(address.host, address.port, error) : socketFailure(address.socketPath, error),
      );
    };
    socket.on("error", fail);
  });
}

interface DriverError extends Error {
  code?: string;
  errno?: number;
  sqlState?: string;
  sqlMessage?: string;
  /** For a certificate that names others: the name that was looked for, and the certificate. */
  host?: string;
  cert?: PeerCertificate;
}

/** A failure as Go's driver reports it. (The MySQL library overwrites Node's codes of TLS failures; texts remain.) */
function inGoWords(error: unknown): Error {
  const { code = "", errno, sqlState, sqlMessage, host = "", cert, message } = error as DriverError;
  if (sqlMessage !== undefined) return new Error(`Error ${errno} (${sqlState ?? "HY000"}): ${sqlMessage}`);
  const certificate = (problem: string): Error => new Error(`tls: failed to verify certificate: x509: ${problem}`);
  if (/^(unable to (verify|get)|self[- ]signed)/.test(message)) {
    return certificate("certificate signed by unknown authority");
  }
  if (/^certificate has expired/.test(message)) return certificate("certificate has expired or is not yet valid");
  if (cert) {
    const names = (cert.subjectaltname ?? "").split(", ");
    const kind = isIP(host) ? "IP Address:" : "DNS:";
    const valid = names.filter((name) => name.startsWith(kind)).map((name) => name.slice(kind.length));
    if (valid.length > 0) return certificate(`certificate is valid for ${valid.join(", ")}, not ${host}`);
    if (isIP(host))
      return certificate(`cannot validate certificate for ${host} because it doesn't contain any IP SANs`);
    return certificate(`certificate is not valid for any names, but wanted to match ${host}`);
  }
  if (code === "HANDSHAKE_NO_SSL_SUPPORT") return new Error("TLS requested but server does not support TLS");
  return new Error(message);
}
