import * as pulumi from "@pulumi/pulumi";
import type { HostArgs } from "../host/host.ts";
import type { ProvisionedDatastore } from "./datastore.ts";
import type { DatastoreAccess } from "./datastoreAccess.ts";
import { datastorePreflight } from "./datastorePreflight.ts";
import { standardConnectionsPerServer } from "./engine/kineConnections.ts";
import { serverDatastore } from "./serverDatastore.ts";

/** The clients of a datastore outside the servers. */
export interface ExternalDatastoreArgs {
  /** The K3s servers by name. They alone may log in as K3s; the first checks the datastore before K3s is started. */
  servers: Readonly<Record<string, HostArgs>>;
  /** Connections that each server may hold, which the datastore has to offer. Default: 60. */
  connectionsPerServer?: number | undefined;
  /** The cluster's server token: a datastore that holds a cluster of another token is refused. */
  token: pulumi.Input<string>;
}

/** An external datastore's outputs for the cluster, each known once a server has checked the datastore. */
export function provisionExternal(
  name: string,
  args: ExternalDatastoreArgs,
  access: DatastoreAccess,
  parent: pulumi.Resource,
): ProvisionedDatastore {
  const [hostName, host] = firstServer(args.servers);
  const { connectionsPerServer = standardConnectionsPerServer } = args;
  const { caCertificate, clientCertificate, admits, backup } = access;
  const preflight = datastorePreflight(
    `${name}-preflight`,
    { host, hostName, servers: Object.keys(args.servers).length, connectionsPerServer, token: args.token },
    access,
    { parent, dependsOn: access.ready },
  );
  const verified = <T>(output: pulumi.Output<T>) =>
    pulumi.all([output, preflight.urn]).apply(([value]) => value) as pulumi.Output<T>;
  const endpoint = pulumi.secret(verified(access.endpoint));
  return {
    servers: serverDatastore({ endpoint, caCertificate, clientCertificate, connectionsPerServer }),
    admits,
    backup: backup && {
      ...backup,
      settings: verified(backup.settings),
      secretFiles: verified(backup.secretFiles),
    },
    endpoint,
    caCertificate,
  };
}

/** The server that checks a datastore. */
export function firstServer(servers: Readonly<Record<string, HostArgs>>): [name: string, host: HostArgs] {
  const all = Object.entries(servers);
  // One that is lost has another in its stead.
  const first = all.find(([, host]) => host.standIn === undefined) ?? all[0];
  if (first !== undefined) return first;
  throw new pulumi.InputPropertyError({ propertyPath: "servers", reason: "has to name at least one server" });
}
