import type { HostScript } from "../../host/hostScript.ts";
import type { DatastoreEndpoint } from "./datastoreEndpoint.ts";

/** How one kind of software that keeps a cluster is talked to, whoever runs it. */
export interface DatastoreEngine {
  /** How a connection comes to speak TLS, as openssl calls it; empty where it does from the start. */
  readonly startTls: string;
  /** Looks from a server whether K3s can live on it. */
  readonly preflight: Preflight;
}

/** The script that looks whether K3s can live on the datastore of an endpoint. It changes nothing there. */
export type Preflight = (endpoint: DatastoreEndpoint, variables: PreflightVariables) => HostScript;

/** What every preflight reads, whatever the engine. */
export type PreflightVariables = Readonly<Record<string, string | number>>;
