import * as pulumi from "@pulumi/pulumi";
import type { DatastoreClientCertificate } from "../datastore.ts";
import type { DatastoreAccess } from "../datastoreAccess.ts";
import { type DatastoreEndpoint, parseDatastoreEndpoint } from "../engine/datastoreEndpoint.ts";
import type { Preflight } from "../engine/engine.ts";
import { mysqlEngine } from "../engine/mysql.ts";
import { mysqlBackup } from "../engine/mysqlBackup.ts";
import { postgresEngine } from "../engine/postgres.ts";
import { postgresBackup } from "../engine/postgresBackup.ts";

/** A datastore with an existing user: nothing is created on it. */
export interface EndpointArgs {
  /** K3s's `datastore-endpoint`. Secret, whatever it is marked as. */
  endpoint: pulumi.Input<string>;
  /** PEM of the CA that signed the datastore's certificate. */
  caCertificate: pulumi.Input<string>;
  /** The client certificate of K3s. Default: none. */
  clientCertificate?: DatastoreClientCertificate | undefined;
}

/** The access that an endpoint gives. Nothing is made, so nothing has to be waited for, and no backup is taken. */
export function endpointAccess(args: EndpointArgs, preflight: Preflight): DatastoreAccess {
  return {
    preflight,
    setting: "k3s-ha:datastoreEndpoint",
    endpoint: pulumi.secret(args.endpoint),
    caCertificate: pulumi.output(args.caCertificate),
    clientCertificate: args.clientCertificate,
    backup: undefined,
    admits: {},
    ready: [],
  };
}

/** The access that an endpoint of MySQL or MariaDB gives. The backup logs in as K3s does, unless that takes a certificate. */
export function mysqlEndpointAccess(args: EndpointArgs): DatastoreAccess {
  const access = endpointAccess(args, mysqlEngine.preflight);
  if (args.clientCertificate !== undefined) return access;
  const { endpoint, caCertificate } = access;
  const part = <T>(read: (parts: DatastoreEndpoint) => T) => endpoint.apply((text) => read(partsOf(text)));
  return {
    ...access,
    backup: mysqlBackup({
      address: pulumi.unsecret(part(({ addresses }) => addresses[0].host)),
      port: pulumi.unsecret(part(({ addresses }) => addresses[0].port)),
      database: pulumi.unsecret(part(({ database }) => database)),
      user: pulumi.unsecret(part(({ user }) => user)),
      password: part(({ password }) => password),
      caCertificate,
    }),
  };
}

/** The access that an endpoint of PostgreSQL gives. The backup logs in as K3s does, unless that takes a certificate. */
export function postgresEndpointAccess(args: EndpointArgs): DatastoreAccess {
  const access = endpointAccess(args, postgresEngine.preflight);
  if (args.clientCertificate !== undefined) return access;
  const { endpoint, caCertificate } = access;
  const part = <T>(read: (parts: DatastoreEndpoint) => T) => endpoint.apply((text) => read(partsOf(text)));
  return {
    ...access,
    backup: postgresBackup({
      addresses: pulumi.unsecret(part(({ addresses }) => addresses)),
      database: pulumi.unsecret(part(({ database }) => database)),
      user: pulumi.unsecret(part(({ user }) => user)),
      password: part(({ password }) => password),
      caCertificate,
    }),
  };
}

function partsOf(endpoint: string): DatastoreEndpoint {
  const parts = parseDatastoreEndpoint(endpoint);
  if (parts === undefined) throw new pulumi.RunError("the datastore's endpoint is not one that K3s understands");
  return parts;
}
