/** SSH connections from the operator's machine to hosts with a pinned key. */
import { connect as connectSocket } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, type AnyAuthMethod } from "ssh2";
import { parsePublicKey } from "./hostKey.ts";
import { type ConnectionFault, connectionSentence } from "./connectionFault.ts";
import type { HostLogin, SshEndpoint } from "./hostLogin.ts";
import { loginKey } from "./loginKey.ts";
import { Turns } from "./turns.ts";

/** A host that nothing could be run on: its message is one sentence that says which, why, and what to do. */
export class HostUnreachable extends Error {
  readonly fault: ConnectionFault;
  /** The reason, in a few words; empty if the fault is sufficient. */
  readonly reason: string;
  /** The script's standard output until then. */
  readonly stdout: string;

  constructor(login: HostLogin, fault: ConnectionFault, reason: string, stdout = "") {
    super(connectionSentence(placeOf(login), fault, reason));
    this.fault = fault;
    this.reason = reason;
    this.stdout = stdout;
  }
}

/** The host's place in the configuration and its address, as messages begin with them. */
export function placeOf({ path, address, bastion }: HostLogin): string {
  return `${path} (${address}${bastion === undefined ? "" : ` through the bastion ${bastion.address}`})`;
}

/** An open connection; the caller closes it. */
export interface Connection {
  readonly client: Client;
  close(): void;
}

/**
 * Logins that are under way at the same time. sshd turns logins away by chance when more than ten have not ended
 * (MaxStartups 10:30:100), and each costs this machine's processor some milliseconds.
 */
const loginWidth = 16;

/** Seconds before each further attempt of a login that was refused or dropped: for an sshd that restarts, or is busy. */
const pauses = [0.2, 0.4, 0.8, 1.6];

/** Seconds before all later attempts of one that was dropped: sshd lives, and lets us in when it has fewer to let in. */
const lastPause = 1.6;

const logins = new Turns(loginWidth);

/** A login that failed, in words that need the host's name beside them. */
class LoginFailure extends Error {
  readonly fault: ConnectionFault;
  /** The reason why another attempt may succeed: nothing listened there, or an SSH server closed the connection before the login. */
  readonly passing: "refused" | "dropped" | undefined;

  constructor(fault: ConnectionFault, reason: string, passing?: "refused" | "dropped") {
    super(reason);
    this.fault = fault;
    this.passing = passing;
  }
}

/** Time limits of a host, and of its bastion, in seconds. */
export interface LoginLimits {
  /** To take a connection. One that does not is dead. */
  readonly connectSeconds: number;
  /** To let us in, taking the connection and attempts after dropped ones included. One that does not is slow. */
  readonly loginSeconds: number;
}

/**
 * Connects to a host, through its bastion if it has one. Hosts behind the same bastion share one connection to it.
 *
 * @throws HostUnreachable when it does not answer in time, shows another key, or does not let us in.
 */
export async function connect(login: HostLogin, limits: LoginLimits): Promise<Connection> {
  let between: Connection | undefined;
  try {
    between = login.bastion && (await borrow(login.bastion, limits));
    const client = await logIn(login, limits, between?.client);
    const close = () => {
      client.destroy();
      between?.close();
    };
    return { client, close };
  } catch (error) {
    between?.close();
    if (!(error instanceof LoginFailure)) throw error;
    throw new HostUnreachable(login, error.fault, error.message);
  }
}

/** Connections to bastions, by what they are reached with, and how many use each. */
const shared = new Map<string, { client: Promise<Client>; users: number }>();

async function borrow(bastion: SshEndpoint, limits: LoginLimits): Promise<Connection> {
  const key = JSON.stringify(bastion);
  const entry = shared.get(key) ?? { client: logIn(bastion, limits, undefined), users: 0 };
  const isFirst = entry.users++ === 0;
  shared.set(key, entry);
  const forget = () => {
    if (shared.get(key) === entry) shared.delete(key);
  };
  const close = () => {
    if (--entry.users > 0) return;
    forget();
    entry.client.then(
      (client) => client.destroy(),
      () => undefined,
    );
  };
  try {
    const client = await entry.client;
    // After its loss, the next caller opens another.
    if (isFirst) client.once("close", forget);
    return { client, close };
  } catch (error) {
    close();
    if (!(error instanceof LoginFailure)) throw error;
    throw new LoginFailure(error.fault, `${error.message} at the bastion`);
  }
}

/** One host's login. Its time counts from its turn, and includes its further attempts. */
function logIn(
  endpoint: SshEndpoint,
  { connectSeconds, loginSeconds }: LoginLimits,
  between: Client | undefined,
): Promise<Client> {
  return logins.take(async () => {
    const limit = AbortSignal.timeout(loginSeconds * 1000);
    const end = performance.now() + loginSeconds * 1000;
    for (let attempt = 0; ; attempt++) {
      try {
        const connectLimit = AbortSignal.any([limit, AbortSignal.timeout(connectSeconds * 1000)]);
        const stream = between === undefined ? dial(endpoint, connectLimit) : forward(between, endpoint, connectLimit);
        return await handshake(endpoint, await stream, limit);
      } catch (error) {
        if (!(error instanceof LoginFailure) || error.passing === undefined) throw error;
        const pause = pauses[attempt] ?? (error.passing === "dropped" ? lastPause : Infinity);
        // Not all those that were dropped together again at the same moment.
        const milliseconds = pause * (500 + Math.random() * 1000);
        if (performance.now() + milliseconds > end) throw error;
        await sleep(milliseconds);
      }
    }
  });
}

const dialFailures: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
  EHOSTUNREACH: "no route to host",
  ENETUNREACH: "network is unreachable",
  ETIMEDOUT: "connection timed out",
  ENOTFOUND: "its name is not known to DNS",
  EAI_AGAIN: "DNS does not answer",
};

const passingFailures: Readonly<Record<string, "refused" | "dropped">> = {
  ECONNREFUSED: "refused",
  ECONNRESET: "dropped",
  EPIPE: "dropped",
};

function failureOf({ code = "", message }: NodeJS.ErrnoException): LoginFailure {
  return new LoginFailure("unreachable", dialFailures[code] ?? message, passingFailures[code]);
}

function dial({ address, port }: SshEndpoint, limit: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket({ host: address, port, noDelay: true, keepAlive: true });
    const giveUp = () => {
      socket.destroy();
      reject(new LoginFailure("unreachable", "no answer in time"));
    };
    if (limit.aborted) giveUp();
    limit.addEventListener("abort", giveUp);
    socket.once("connect", () => {
      limit.removeEventListener("abort", giveUp);
      resolve(socket);
    });
    socket.on("error", (error) => {
      limit.removeEventListener("abort", giveUp);
      reject(failureOf(error));
    });
  });
}

function forward(bastion: Client, { address, port }: SshEndpoint, limit: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const giveUp = () => {
      reject(new LoginFailure("unreachable", "no answer in time"));
    };
    limit.addEventListener("abort", giveUp);
    bastion.forwardOut("127.0.0.1", 0, address, port, (error, stream) => {
      limit.removeEventListener("abort", giveUp);
      if (error === undefined) {
        if (limit.aborted) stream.destroy();
        resolve(stream);
        return;
      }
      const reason = error.message.replace(/^.*Channel open failure:\s*/, "");
      reject(
        new LoginFailure(
          "unreachable",
          `the bastion reports: ${reason}`,
          /refused/i.test(reason) ? "refused" : undefined,
        ),
      );
    });
  });
}

function handshake(endpoint: SshEndpoint, stream: Duplex, limit: AbortSignal): Promise<Client> {
  const hostKey = parsePublicKey(endpoint.hostKey);
  const methods = loginMethods(endpoint);
  return new Promise((resolve, reject) => {
    const client = new Client();
    let isOther = false;
    const fail = (failure: LoginFailure) => {
      limit.removeEventListener("abort", giveUp);
      client.destroy();
      reject(failure);
    };
    const giveUp = () => {
      // Something took the connection, so the host is not dead.
      fail(new LoginFailure("slow", "it accepted the connection, but did not finish the login in time"));
    };
    limit.addEventListener("abort", giveUp);
    client.on("ready", () => {
      limit.removeEventListener("abort", giveUp);
      resolve(client);
    });
    // Also when an established connection is lost: the promise is settled then, and the loss shows on the channel.
    client.on("error", (error: NodeJS.ErrnoException & { level?: string }) => {
      if (isOther || /no matching host key format/.test(error.message)) fail(new LoginFailure("otherKey", ""));
      else if (error.level === "client-authentication") fail(new LoginFailure("refusedLogin", ""));
      // Dropped before sshd had said who it is.
      else if (/before handshake/.test(error.message)) fail(new LoginFailure("unreachable", dropped, "dropped"));
      else fail(failureOf(error));
    });
    client.on("close", () => {
      fail(new LoginFailure("unreachable", dropped, "dropped"));
    });
    client.connect({
      sock: stream,
      username: endpoint.user,
      readyTimeout: 0,
      keepaliveInterval: 5000,
      keepaliveCountMax: 6,
      hostVerifier: (key: Buffer) => {
        isOther = hostKey === undefined || key.toString("base64") !== hostKey.blob;
        return !isOther;
      },
      // The types do not know every algorithm name that the library takes.
      ...(hostKey === undefined ? {} : { algorithms: { serverHostKey: [hostKey.type as "ssh-ed25519"] } }),
      authHandler: methods,
    });
    if (limit.aborted) giveUp();
  });
}

const dropped =
  "its SSH server closes the connection before the login: it is overloaded, restarts, or refuses this machine";

function loginMethods({ user: username, privateKey }: SshEndpoint): AnyAuthMethod[] {
  if (privateKey !== undefined) return [{ type: "publickey", username, key: loginKey(privateKey) }];
  const agent = process.env["SSH_AUTH_SOCK"] ?? "";
  return agent === "" ? [] : [{ type: "agent", username, agent }];
}
