import * as pulumi from "@pulumi/pulumi";
import type { DatastoreAccess } from "./datastoreAccess.ts";
import type { HostArgs } from "../host/host.ts";
import { HostCommand } from "../host/hostCommand.ts";
import { addressText, type DatastoreEndpoint, parseDatastoreEndpoint } from "./engine/datastoreEndpoint.ts";
import { renderHostScript } from "../host/hostScript.ts";
import { tokenFingerprint } from "../identity/tokenFingerprint.ts";

/** The server that checks a datastore, and the user. */
export interface DatastorePreflightArgs {
  /** A K3s server: it reaches the datastore the way K3s will, and holds K3s's login anyway. */
  host: HostArgs;
  hostName: string;
  /** K3s servers that will connect. */
  servers: number;
  /** Connections that each of them may hold. */
  connectionsPerServer: number;
  /** The cluster's server token, secret: a datastore that holds a cluster of another token is refused. */
  token: pulumi.Input<string>;
}

/** Checks whether K3s can use a datastore, before K3s is changed. It changes nothing there. */
export function datastorePreflight(
  name: string,
  args: DatastorePreflightArgs,
  access: DatastoreAccess,
  opts: pulumi.CustomResourceOptions,
): HostCommand {
  const { certificate = "", privateKey = "" } = access.clientCertificate ?? {};
  return new HostCommand(
    name,
    {
      host: args.host,
      script: pulumi.secret(
        pulumi
          .all([args.token, access.endpoint, access.caCertificate, certificate, privateKey])
          .apply(([token, endpoint, ca, clientCertificate, clientKey]) => {
            const parts = endpointParts(endpoint);
            const { addresses, user, database } = parts;
            const variables = {
              host_name: args.hostName,
              needed_connections: args.servers * args.connectionsPerServer,
              connections_per_server: args.connectionsPerServer,
              token_fingerprint: tokenFingerprint(token),
              database_address: addresses.map(addressText).join(", "),
              database_setting: access.setting,
              database,
              database_user: user,
              ca_certificate: ca,
              client_certificate: clientCertificate,
              client_key: clientKey,
            };
            return renderHostScript(access.preflight(parts, variables));
          }),
      ),
    },
    opts,
  );
}

function endpointParts(endpoint: string): DatastoreEndpoint {
  const parts = parseDatastoreEndpoint(endpoint);
  if (parts === undefined) throw new pulumi.RunError("the datastore's endpoint is not one that K3s understands");
  return parts;
}
