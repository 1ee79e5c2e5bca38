/** SSH over an open stream: proves the host's identity, then ours. */
import type { Duplex } from "node:stream";
import { connect as connectSocket } from "node:net";
import { Client, type AnyAuthMethod, type AuthHandlerMiddleware, type ParsedKey } from "ssh2";
import type { Endpoint } from "./connection.ts";
import { socketFailure } from "./goWording.ts";
import { parseHostKey, type HostKey } from "./hostKey.ts";
import { parsePrivateKey } from "./privateKey.ts";

/** What an endpoint's settings come down to: parsed once, used for every try. */
export interface Identity {
  user: string;
  hostKey?: HostKey;
  /** In the order in which they are tried. The protocol's "none" comes before all of them. */
  methods: AnyAuthMethod[];
}

/** Reads the keys of an endpoint. Throws for a key that cannot be read and for an agent that does not answer. */
export async function identityOf(endpoint: Endpoint): Promise<Identity> {
  const methods: AnyAuthMethod[] = [];
  const username = endpoint.user;
  if (endpoint.privateKey !== undefined) {
    const key: ParsedKey = parsePrivateKey(endpoint.privateKey, endpoint.privateKeyPassword);
    methods.push({ type: "publickey", username, key });
  }
  const { password } = endpoint;
  if (password !== undefined) {
    methods.push({ type: "password", username, password });
    methods.push({
      type: "keyboard-interactive",
      username,
      prompt: (_name, _instructions, _language, prompts, finish) => {
        finish(prompts.map(() => password));
      },
    });
  }
  if (endpoint.agentSocketPath) {
    await answers(endpoint.agentSocketPath);
    methods.push({ type: "agent", username, agent: endpoint.agentSocketPath });
  }
  return {
    user: username,
    methods,
    ...(endpoint.hostKey === undefined ? {} : { hostKey: parseHostKey(endpoint.hostKey) }),
  };
}

/** Opens an SSH connection over `stream`. The caller ends it. Rejects in the words of Go's SSH library. */
export function handshake(stream: Duplex, identity: Identity): Promise<Client> {
  return new Promise((resolve, reject) => {
    const client = new Client();
    const tried: string[] = [];
    const match = { failed: false };
    const fail = (reason: string): void => {
      // Also called when an established connection is lost: then the promise is long settled, and the loss shows as a
      // closed channel, where the session reports it.
      client.destroy();
      reject(new Error(`ssh: handshake failed: ${reason}`));
    };
    client.on("ready", () => {
      resolve(client);
    });
    client.on("error", (error) => {
      fail(match.failed ? "ssh: host key mismatch" : reasonOf(error, identity, tried));
    });
    client.on("close", () => {
      fail("EOF");
    });
    client.connect({
      sock: stream,
      username: identity.user,
      // Like the official plugin: only TCP has a time limit.
      readyTimeout: 0,
      hostVerifier: (key: Buffer) => {
        match.failed = identity.hostKey !== undefined && !identity.hostKey.blob.equals(key);
        return !match.failed;
      },
      // The types do not know every algorithm name that the library takes.
      ...(identity.hostKey ? { algorithms: { serverHostKey: [identity.hostKey.type as "ssh-ed25519"] } } : {}),
      authHandler: nextMethod(identity, tried) as AuthHandlerMiddleware,
    });
  });
}

/** Why a handshake failed, in Go's words. */
function reasonOf(error: Error & { level?: string; code?: unknown }, identity: Identity, tried: string[]): string {
  if (error.level === "client-authentication") {
    return `ssh: unable to authenticate, attempted methods [${tried.join(" ")}], no supported methods remain`;
  }
  if (/no matching host key format/.test(error.message)) {
    return `ssh: no common algorithm for host key; we offered: [${identity.hostKey?.type ?? ""}]`;
  }
  if (error.code === "ECONNRESET") return "read: connection reset by peer";
  if (typeof error.code === "number") return `ssh: disconnect, reason ${error.code}: ${error.message}`;
  return /before handshake/.test(error.message) ? "EOF" : error.message;
}

/**
 * Chooses as Go's SSH library does: "none" first, then each configured method that the server offers, every kind once
 * (so an agent is not asked after a refused private key: both are "publickey"). Fills `tried`.
 */
function nextMethod(identity: Identity, tried: string[]) {
  let attempted: string | undefined;
  return (
    offered: string[] | null,
    partialSuccess: boolean | null,
    next: (method: AnyAuthMethod | false) => void,
  ): void => {
    if (offered === null) {
      next({ type: "none", username: identity.user });
      return;
    }
    if (tried.length === 0) tried.push("none");
    if (attempted && !partialSuccess && !tried.includes(attempted)) tried.push(attempted);
    const method = identity.methods.find((one) => offered.includes(kindOf(one)) && !tried.includes(kindOf(one)));
    attempted = method && kindOf(method);
    next(method ?? false);
  };
}

function kindOf(method: AnyAuthMethod): string {
  return method.type === "agent" ? "publickey" : method.type;
}

function answers(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket(path);
    socket.on("connect", () => {
      socket.destroy();
      resolve();
    });
    socket.on("error", (error) => {
      reject(socketFailure(path, error));
    });
  });
}
