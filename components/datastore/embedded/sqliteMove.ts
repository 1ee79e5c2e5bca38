import * as pulumi from "@pulumi/pulumi";
import type { ProvisionedDatastore } from "../datastore.ts";
import { renderClientOptions } from "../engine/clientOptions.ts";
import { addressText, parseDatastoreEndpoint } from "../engine/datastoreEndpoint.ts";
import { engineScripts } from "../engine/scripts.ts";
import type { HostArgs } from "../../host/host.ts";
import { HostCommand } from "../../host/hostCommand.ts";
import { renderHostScript } from "../../host/hostScript.ts";
import { tokenFingerprint } from "../../identity/tokenFingerprint.ts";
import { embeddedScripts } from "./scripts.ts";
import { sqlitePath } from "./sqliteBackup.ts";
import { sqliteMark } from "./sqliteDatastore.ts";

/** The setting `movingFrom` of a cluster that moves from SQLite. */
export const movingFromSqlite = "sqlite";

/** The directory on the server that keeps a copy of the SQLite database that the cluster moved from. */
export const beforeMoveDirectory = "/var/backups/k3s-ha-before-move";

/** The server whose SQLite database holds the cluster. */
export interface SqliteMoveArgs {
  host: HostArgs;
  hostName: string;
  /** The cluster's server token, secret. */
  token: pulumi.Input<string>;
}

/**
 * Moves a cluster from the SQLite database of its only server to a MariaDB, before K3s on that server gets its settings. A server is admitted once
 * every row is there.
 */
export function movedFromSqlite(
  name: string,
  datastore: ProvisionedDatastore,
  { host, hostName, token }: SqliteMoveArgs,
  parent: pulumi.Resource,
): ProvisionedDatastore {
  const admitted = [datastore.admits[hostName] ?? []].flat();
  const move = new HostCommand(
    `${name}-move-${hostName}`,
    {
      host,
      applySeconds: 3600,
      script: pulumi.secret(
        pulumi
          .all([token, datastore.endpoint, datastore.caCertificate])
          .apply(([secret, endpoint, ca]) => renderMove(hostName, secret, endpoint, ca)),
      ),
    },
    {
      parent,
      dependsOn: admitted,
      protect: false,
      hooks: { beforeCreate: [tellOfMove(`${name}-outage`, hostName, parent)] },
    },
  );
  return { ...datastore, admits: { ...datastore.admits, [hostName]: [...admitted, move] } };
}

function renderMove(hostName: string, token: string, endpoint: string, caCertificate: string): string {
  const parts = parseDatastoreEndpoint(endpoint);
  if (parts === undefined) throw new pulumi.RunError("the datastore's endpoint is not one that K3s understands");
  const { addresses, user, password, database } = parts;
  const [{ host: address, port }] = addresses;
  return renderHostScript({
    body: embeddedScripts.sqliteMove,
    parts: [engineScripts.clientFiles, engineScripts.databaseClient],
    variables: {
      host_name: hostName,
      database_file: sqlitePath,
      mark: sqliteMark,
      safety_directory: beforeMoveDirectory,
      target: `${addresses.map(addressText).join(",")}/${database}`,
      database,
      token_fingerprint: tokenFingerprint(token),
      client_options: renderClientOptions({ address, port, user, password }),
      ca_certificate: caCertificate,
      client_certificate: "",
      client_key: "",
    },
  });
}

/** Tells, already in the preview, what a move costs and what it leaves. */
function tellOfMove(name: string, hostName: string, parent: pulumi.Resource): pulumi.ResourceHook {
  return new pulumi.ResourceHook(
    name,
    () =>
      void pulumi.log.warn(
        `The cluster moves from the SQLite database on ${hostName} to the configured MariaDB. K3s stops there while its rows are copied and compared, so the Kubernetes API is down for that time; pods keep running. The old database is kept, read-only, in ${sqlitePath.replace("state.db", "before-move/state.db")}, and a copy of it in ${beforeMoveDirectory}.`,
        parent,
      ),
    { onDryRun: true },
  );
}
