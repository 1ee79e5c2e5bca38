/** SSH connections from the operator's machine to hosts that have to prove their pinned key. */
import { createPrivateKey } from "node:crypto";
import { connect as connectSocket } from "node:net";
import type { Duplex } from "node:stream";
import ssh2, { Client, type AnyAuthMethod, type ParsedKey } from "ssh2";
import { parsePublicKey } from "../components/config/hostKey.ts";
import { explainConnectionFailure } from "../components/host/hostCheck.ts";
import { opensshPrivateKey } from "../components/host/opensshKey.ts";
import type { HostLogin, SshEndpoint } from "./hostLogin.ts";

/** A host that nothing could be run on: its message is one sentence that says which, why, and what to do. */
export class HostUnreachable extends Error {}

/** An open connection; the caller closes it. */
export interface Connection {
  readonly client: Client;
  close(): void;
}

/**
 * Connects to a host, through its bastion if it has one.
 *
 * @throws HostUnreachable when it does not answer within `seconds`, shows another key, or does not let us in.
 */
export async function connect(login: HostLogin, seconds: number): Promise<Connection> {
  const opened: Client[] = [];
  const close = () => {
    for (const client of opened) client.destroy();
  };
  // All that happens until the host has let us in shares one limit: its owner waits for the sum.
  const limit = AbortSignal.timeout(seconds * 1000);
  const open = async (endpoint: SshEndpoint, stream: Promise<Duplex>) => {
    const client = await handshake(endpoint, await stream, limit);
    opened.push(client);
    return client;
  };
  try {
    const { bastion } = login;
    if (bastion === undefined) return { client: await open(login, dial(login, limit)), close };
    const between = await open(bastion, dial(bastion, limit)).catch((error: unknown) => {
      throw new Error(`${(error as Error).message} at its bastion ${bastion.address}`);
    });
    return { client: await open(login, forward(between, login)), close };
  } catch (error) {
    close();
    throw new HostUnreachable(unreachable(login, (error as Error).message));
  }
}

/** The sentence for a failure, in the words that the provider's errors are explained with during an `up`. */
export function unreachable(login: HostLogin, reason: string): string {
  const place = `${login.path} (${login.address})`;
  return (
    explainConnectionFailure(place, reason) ??
    explainConnectionFailure(place, `after 1 failed attempts: ${reason}`) ??
    `${place}: ${reason}`
  );
}

const dialFailures: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  EHOSTUNREACH: "no route to host",
  ENETUNREACH: "network is unreachable",
  ETIMEDOUT: "connection timed out",
  ENOTFOUND: "its name is not known to DNS",
  EAI_AGAIN: "DNS does not answer",
};

function dial({ address, port }: SshEndpoint, limit: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket({ host: address, port, noDelay: true, keepAlive: true });
    const giveUp = () => {
      socket.destroy();
      reject(new Error("no answer in time"));
    };
    limit.addEventListener("abort", giveUp);
    socket.once("connect", () => {
      limit.removeEventListener("abort", giveUp);
      resolve(socket);
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      limit.removeEventListener("abort", giveUp);
      reject(new Error(dialFailures[error.code ?? ""] ?? error.message));
    });
  });
}

function forward(bastion: Client, { address, port }: SshEndpoint): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    bastion.forwardOut("127.0.0.1", 0, address, port, (error, stream) => {
      if (error) reject(new Error(`the bastion says: ${error.message.replace(/^.*Channel open failure:\s*/, "")}`));
      else resolve(stream);
    });
  });
}

function handshake(endpoint: SshEndpoint, stream: Duplex, limit: AbortSignal): Promise<Client> {
  const hostKey = parsePublicKey(endpoint.hostKey);
  const methods = loginMethods(endpoint);
  return new Promise((resolve, reject) => {
    const client = new Client();
    let isOther = false;
    const fail = (reason: string) => {
      client.destroy();
      reject(new Error(reason));
    };
    const giveUp = () => {
      fail("no answer in time");
    };
    limit.addEventListener("abort", giveUp);
    client.on("ready", () => {
      limit.removeEventListener("abort", giveUp);
      resolve(client);
    });
    // Also when an established connection is lost: the promise is settled then, and the loss shows on the channel.
    client.on("error", (error: Error & { level?: string }) => {
      if (isOther || /no matching host key format/.test(error.message)) fail("host key mismatch");
      else if (error.level === "client-authentication") fail("unable to authenticate");
      else fail(error.message);
    });
    client.on("close", () => {
      fail("the connection was closed");
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
  });
}

function loginMethods({ user: username, privateKey }: SshEndpoint): AnyAuthMethod[] {
  if (privateKey !== undefined) return [{ type: "publickey", username, key: parsedKey(privateKey) }];
  const agent = process.env["SSH_AUTH_SOCK"] ?? "";
  return agent === "" ? [] : [{ type: "agent", username, agent }];
}

/** ssh2 reads every form of private key but PKCS#8. */
function parsedKey(text: string): ParsedKey {
  const readable = /^-----BEGIN PRIVATE KEY-----/m.test(text) ? opensshPrivateKey(createPrivateKey(text), "") : text;
  const key = ssh2.utils.parseKey(readable);
  if (key instanceof Error) throw new Error("the configured private key cannot be read");
  return key;
}
