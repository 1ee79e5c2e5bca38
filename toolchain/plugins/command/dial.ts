/** Opens SSH connections: tries again as the official plugin does, and uses a proxy if there is one. */
import { connect as connectSocket, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "ssh2";
import type { Step } from "../provider/resource.ts";
import type { Connection, Endpoint } from "./connection.ts";
import { dialFailure, hostPort } from "./goWording.ts";
import { handshake, identityOf } from "./handshake.ts";

/** Milliseconds before the second try; each pause is half as long again as the one before. */
const firstPause = 100;
const pauseGrowth = 1.5;
const longestPause = 5000;

/**
 * Milliseconds of silence before the system checks whether a host still answers. Node then checks ten times, a second
 * apart: a host that lost its power is given up after 150 seconds, as by the official plugin.
 */
const keepAliveDelay = 140_000;

/** An open SSH connection. */
export interface Dialled {
  client: Client;
  /** Closes the connection, and the one to the proxy. */
  close(): void;
}

/** Connects to a host. Throws `after N failed attempts: …` when the tries are used up. */
export async function dial(connection: Connection, step: Step): Promise<Dialled> {
  const identity = await identityOf(connection);
  if (!connection.proxy) {
    const client = await withRetry("Dial", connection.dialErrorLimit, step, async () =>
      handshake(await connectTcp(connection), identity),
    );
    return { client, close: () => client.end() };
  }
  return inProxyWords(async () => dialThrough(connection, connection.proxy as Endpoint, identity, step));
}

async function dialThrough(
  connection: Connection,
  proxy: Endpoint,
  identity: Awaited<ReturnType<typeof identityOf>>,
  step: Step,
): Promise<Dialled> {
  const proxyIdentity = await identityOf(proxy);
  const bastion = await withRetry("Dial proxy", proxy.dialErrorLimit, step, async () =>
    handshake(await connectTcp(proxy), proxyIdentity),
  );
  try {
    const stream = await withRetry("Dial from proxy", connection.dialErrorLimit, step, () =>
      forward(bastion, connection),
    );
    const client = await withRetry("Dial", connection.dialErrorLimit, step, () => handshake(stream, identity));
    return {
      client,
      close: () => {
        client.end();
        bastion.end();
      },
    };
  } catch (error) {
    bastion.end();
    throw error;
  }
}

/** Runs `attempt` until it succeeds or has failed `limit` + 1 times (-1: never give up). */
async function withRetry<T>(what: string, limit: number, step: Step, attempt: () => Promise<T>): Promise<T> {
  let pause = firstPause;
  for (let failures = 0; ; failures++) {
    step.signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      const reason = (error as Error).message;
      if (limit > -1 && failures >= limit) throw new Error(`after ${failures} failed attempts: ${reason}`);
    }
    step.log.status("info", `${what} ${failures + 1}/${limit === -1 ? "inf" : limit} failed: retrying`);
    await delay(pause, undefined, { signal: step.signal }).catch(() => {
      step.signal.throwIfAborted();
    });
    pause = Math.min(pause * pauseGrowth, longestPause);
  }
}

function connectTcp({ host, port, perDialTimeout }: Endpoint): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveDelay });
    let address = host;
    socket.on("lookup", (_error, found) => (address = found || host));
    const timer =
      perDialTimeout > 0
        ? setTimeout(() => {
            socket.destroy();
            reject(new Error(`dial tcp ${hostPort(address, port)}: i/o timeout`));
          }, perDialTimeout * 1000)
        : undefined;
    socket.on("connect", () => {
      clearTimeout(timer);
      socket.removeAllListeners("error");
      resolve(socket);
    });
    socket.on("error", (error) => {
      clearTimeout(timer);
      reject(dialFailure(host, port, error));
    });
  });
}

function forward(bastion: Client, { host, port }: Endpoint): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    bastion.forwardOut("127.0.0.1", 0, host, port, (error, stream) => {
      if (!error) {
        resolve(stream);
        return;
      }
      // The library says "(SSH) Channel open failure: Connection refused".
      const reason = error.message.replace(/^.*Channel open failure:\s*/, "");
      reject(new Error(`ssh: rejected: connect failed (${reason})`));
    });
  });
}

async function inProxyWords<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new Error(`proxy: ${(error as Error).message}`);
  }
}
