/** How to reach a host: the `connection` input, with the defaults of the official plugin. */
import { reveal, type Value } from "../provider/value.ts";

/** One SSH endpoint. */
export interface Endpoint {
  host: string;
  port: number;
  user: string;
  password?: string;
  /** OpenSSH or PEM text. */
  privateKey?: string;
  privateKeyPassword?: string;
  /** The socket of an SSH agent. */
  agentSocketPath?: string;
  /** An authorized_keys style line that the host must prove to own. Absent: any host is trusted. */
  hostKey?: string;
  /** Failed tries that are forgiven, so there is one try more than this; -1 for endless. */
  dialErrorLimit: number;
  /** Seconds to wait for TCP; 0 for as long as it takes. */
  perDialTimeout: number;
}

/** An endpoint, possibly behind another one. */
export interface Connection extends Endpoint {
  proxy?: Endpoint;
}

/** Reads the `connection` property, which Check has found to be well formed. */
export function connectionOf(value: Value | undefined): Connection {
  const given = reveal(value ?? {}) as Partial<Connection>;
  return { ...withDefaults(given), ...(given.proxy ? { proxy: withDefaults(given.proxy) } : {}) };
}

function withDefaults(given: Partial<Endpoint>): Endpoint {
  const agent = given.agentSocketPath ?? process.env["SSH_AUTH_SOCK"];
  return {
    ...given,
    host: given.host ?? "",
    port: given.port ?? 22,
    user: given.user ?? "root",
    dialErrorLimit: given.dialErrorLimit ?? 10,
    perDialTimeout: given.perDialTimeout ?? 15,
    ...(agent ? { agentSocketPath: agent } : {}),
  };
}
