import * as pulumi from "@pulumi/pulumi";
import type { HostFile } from "../host/hostScript.ts";
import type { DatastoreClientCertificate, DatastoreIdentity, ServerDatastore, ServerGuard } from "./datastore.ts";
import { parseDatastoreEndpoint } from "./engine/datastoreEndpoint.ts";
import { engines } from "./engine/engines.ts";
import { standardConnectionsPerServer } from "./engine/kineConnections.ts";

/** Paths of the datastore's CA and of K3s's client certificate. Only servers have these files. */
export const datastoreCaPath = "/etc/rancher/k3s/datastore-ca.crt";
export const datastoreCertificatePath = "/etc/rancher/k3s/datastore-client.crt";
export const datastoreKeyPath = "/etc/rancher/k3s/datastore-client.key";

/** What a server does about a datastore outside of the servers: it verifies its TLS. */
export const externalGuard: ServerGuard = {
  scripts: [new URL("./externalServer.sh", import.meta.url)],
  variables: () => ({}),
};

/** A datastore outside of the servers, as K3s logs in to it. */
export interface ExternalDatastoreLogin {
  /** K3s's `datastore-endpoint`. Secret, whatever it is marked as. */
  endpoint: pulumi.Input<string>;
  /** PEM of the CA that the datastore is verified with. */
  caCertificate: pulumi.Input<string>;
  /** The client certificate of K3s. Default: none. */
  clientCertificate?: DatastoreClientCertificate | undefined;
  /** Connections that each server may hold. Default: 60. */
  connectionsPerServer?: number | undefined;
}

/** K3s's settings for a datastore outside the servers. An endpoint that K3s would not understand ends the run. */
export function serverDatastore(login: ExternalDatastoreLogin): ServerDatastore {
  const { clientCertificate } = login;
  return {
    config: {
      "datastore-cafile": datastoreCaPath,
      ...(clientCertificate === undefined
        ? {}
        : { "datastore-certfile": datastoreCertificatePath, "datastore-keyfile": datastoreKeyPath }),
    },
    secretConfig: { "datastore-endpoint": login.endpoint },
    secretFiles: pulumi
      .all([login.caCertificate, clientFiles(clientCertificate)])
      .apply(([ca, client]): HostFile[] => [{ path: datastoreCaPath, content: ca, mode: "0644" }, ...client]),
    environment: {
      KINE_DATASTORE_MAX_OPEN_CONNECTIONS: login.connectionsPerServer ?? standardConnectionsPerServer,
    },
    // Not a secret: it says no more than the datastore's configuration does.
    identity: pulumi.unsecret(pulumi.output(login.endpoint).apply(identityOf)),
  };
}

function clientFiles(client: DatastoreClientCertificate | undefined): pulumi.Output<HostFile[]> {
  return pulumi.output(
    client === undefined
      ? []
      : [
          { path: datastoreCertificatePath, content: client.certificate, mode: "0644" },
          { path: datastoreKeyPath, content: client.privateKey },
        ],
  );
}

function identityOf(endpoint: string): DatastoreIdentity {
  const parts = parseDatastoreEndpoint(endpoint);
  if (parts === undefined)
    throw new pulumi.RunError(
      "the datastore endpoint is not one of K3s's, such as mysql://user:password@tcp(host:port)/schema",
    );
  const { kind, addresses, database } = parts;
  return {
    addresses,
    // An etcd has none, and is told by its addresses.
    schema: database === "" ? kind : database,
    startTls: engines[kind].startTls,
  };
}
