import * as pulumi from "@pulumi/pulumi";
import type { DatastoreClientCertificate, DatastoreAccess } from "../datastoreAccess.ts";
import { type DatastoreEndpoint, type DatastoreKind, parseDatastoreEndpoint } from "../engine/datastoreEndpoint.ts";

/** A datastore with a user that is there: nothing is made on it. */
export interface GivenDatastoreArgs {
  /** What the endpoint is of. */
  kind: DatastoreKind;
  /** K3s's `datastore-endpoint`. Secret, whatever it is marked as. */
  endpoint: pulumi.Input<string>;
  /** PEM of the CA that signed the datastore's certificate. */
  caCertificate: pulumi.Input<string>;
  /** What K3s logs in with, beside the endpoint. Default: nothing. */
  clientCertificate?: DatastoreClientCertificate | undefined;
}

/** The access as it was given. Only MySQL and MariaDB can be backed up; the backup logs in as K3s does. */
export function givenDatastore(args: GivenDatastoreArgs): DatastoreAccess {
  const { kind } = args;
  const endpoint = pulumi.secret(args.endpoint);
  const caCertificate = pulumi.output(args.caCertificate);
  const part = <T>(read: (parts: DatastoreEndpoint) => T) => endpoint.apply((text) => read(parsed(text)));
  return {
    setting: "k3s-ha:datastoreEndpoint",
    endpoint,
    caCertificate,
    clientCertificate: args.clientCertificate,
    // A client certificate is nothing that the backup could use.
    backupSource:
      kind !== "mysql" || args.clientCertificate !== undefined
        ? undefined
        : {
            address: pulumi.unsecret(part(({ addresses }) => addresses[0].host)),
            port: pulumi.unsecret(part(({ addresses }) => addresses[0].port)),
            database: pulumi.unsecret(part(({ database }) => database)),
            user: pulumi.unsecret(part(({ user }) => user)),
            password: part(({ password }) => password),
            caCertificate,
          },
    clients: {},
    ready: [],
  };
}

function parsed(endpoint: string): DatastoreEndpoint {
  const parts = parseDatastoreEndpoint(endpoint);
  if (parts === undefined) throw new pulumi.RunError("the datastore's endpoint is not one that K3s understands");
  return parts;
}
