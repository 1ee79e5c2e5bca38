import type { HostScript } from "../../host/hostScript.ts";
import type { DatastoreEndpoint } from "./datastoreEndpoint.ts";

/** One kind of database server: its protocol, independent of its operator. */
export interface DatastoreEngine {
  /** The protocol that starts TLS, by openssl's name; empty if connections begin with TLS. */
  readonly startTls: string;
  /** Looks from a server whether K3s can live on it. */
  readonly preflight: Preflight;
  /** The status driver, which runs on a server; undefined if there is none. */
  readonly status: EngineStatus | undefined;
}

/** The status driver of `make status`, with K3s's login on a server. */
export interface EngineStatus {
  /** Defines the function `teller`, which calls `tell_answers` of `hostStatus.sh`. */
  readonly script: URL;
  /** The function that asks; its argument is the login's index in `endpoint_logins`. */
  readonly teller: string;
  /** The login in the form that the engine's client reads. Secret. */
  readonly login: (endpoint: DatastoreEndpoint) => string;
}

/** The script that checks whether K3s can use the datastore of an endpoint. It changes nothing there. */
export type Preflight = (endpoint: DatastoreEndpoint, variables: PreflightVariables) => HostScript;

/** The variables of every engine's preflight. */
export type PreflightVariables = Readonly<Record<string, string | number>>;
