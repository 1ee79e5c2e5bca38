import type { HostScript } from "../../host/hostScript.ts";
import type { DatastoreEndpoint } from "./datastoreEndpoint.ts";

/** One kind of database server: its protocol, independent of its operator. */
export interface DatastoreEngine {
  /** How a connection comes to speak TLS, as openssl calls it; empty where it does from the start. */
  readonly startTls: string;
  /** Looks from a server whether K3s can live on it. */
  readonly preflight: Preflight;
  /** How it is asked about itself from a server; undefined where it is not. */
  readonly status: EngineStatus | undefined;
}

/** How `make status` asks a datastore about itself, with the login that K3s has on a server. */
export interface EngineStatus {
  /** Defines the function `teller`, which calls `tell_answers` of `hostStatus.sh`. */
  readonly script: URL;
  /** The function that asks; its argument is the login's index in `endpoint_logins`. */
  readonly teller: string;
  /** What the engine's client reads to log in. Secret. */
  readonly login: (endpoint: DatastoreEndpoint) => string;
}

/** The script that checks whether K3s can use the datastore of an endpoint. It changes nothing there. */
export type Preflight = (endpoint: DatastoreEndpoint, variables: PreflightVariables) => HostScript;

/** What every preflight reads, whatever the engine. */
export type PreflightVariables = Readonly<Record<string, string | number>>;
