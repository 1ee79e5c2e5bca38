import * as pulumi from "@pulumi/pulumi";
import {
  databasePassword,
  type DatastoreAccess,
  type DatastoreContext,
  loginAddress,
  type LoginAddress,
} from "../datastoreAccess.ts";
import { backupBeforeChange } from "../backupBeforeChange.ts";
import { placeCertificate } from "../certificateFiles.ts";
import { datastoreCertificate } from "../datastoreCertificate.ts";
import {
  datastoreFirewallTable,
  datastoreFirewallUnit,
  renderDatastoreAccept,
  renderDatastoreFirewall,
} from "../datastoreFirewall.ts";
import { renderPostgresDsn } from "../engine/datastoreDsn.ts";
import { postgresEngine } from "../engine/postgres.ts";
import { postgresBackup } from "../engine/postgresBackup.ts";
import { type HostArgs, nodeAddressOf } from "../../host/host.ts";
import { renderFirewallRequirement, renderFirewallUnit } from "../../host/firewallUnit.ts";
import { HostCommand } from "../../host/hostCommand.ts";
import { type HostScript, renderHostScript } from "../../host/hostScript.ts";
import { hostScripts } from "../../host/scripts.ts";
import { unitPath } from "../../host/unitPath.ts";
import { type PostgresRoles, renderPostgresRoles, renderPostgresRolesRemoval } from "./postgresAccess.ts";
import { type PostgresConfig, postgresConnections, postgresDirectory, renderPostgresConfig } from "./postgresConfig.ts";
import { renderPostgresDropIn } from "./postgresUnits.ts";
import { postgresScripts } from "./scripts.ts";

/** A PostgreSQL server that the datastore installs and owns. */
export interface ManagedPostgresArgs {
  /** The host that PostgreSQL is installed on. */
  host: HostArgs;
  /** The host's name, for messages. */
  hostName: string;
  /** Port of the database. Default: 5432. */
  port?: number;
  /** Database that K3s keeps the cluster in. Default: "k3s". */
  database?: string;
  /** Whether the port is closed on the host to everybody else. Default: true. */
  firewall?: boolean;
  /** Whether an empty cluster may take the place of one whose database is gone. Default: false, it has to be restored. */
  startsEmpty?: boolean;
  /** Any value. A change rotates the server certificate. Default: none. */
  certificateRotation?: string | undefined;
}

const dropInPath = unitPath("postgresql@.service.d/k3s-ha.conf");
const requirementPath = unitPath("postgresql@.service.d/k3s-ha-firewall.conf");
const firewallRules = "/etc/k3s-ha/datastore-firewall.nft";
const firewallUnit = unitPath(`${datastoreFirewallUnit}.service`);
const clientsDirectory = "/etc/k3s-ha/datastore-clients";
const hbaPath = `${postgresDirectory}/pg_hba.conf`;

/** The role that owns the database, and the two that log in. */
export const ownerRole = "k3s_owner";
export const k3sRole = "k3s";
export const backupRole = "k3s_backup";

/** Installs PostgreSQL on a host, tuned for K3s, and creates database and roles on its local socket. */
export function managedPostgres(
  name: string,
  args: ManagedPostgresArgs,
  context: DatastoreContext,
  parent: pulumi.Resource,
): DatastoreAccess {
  const { host, hostName, port = 5432, database = "k3s", firewall = true } = args;
  const address = nodeAddressOf(host);
  const backupClient = context.backupAddress ?? loginAddress("backup", host.nodeAddress ?? host.address);
  const servers = Object.keys(context.serverAddresses).length;
  const config = address.apply((listen): PostgresConfig => ({
    address: listen,
    port,
    servers,
    connectionsPerServer: context.connectionsPerServer,
    directory: postgresDirectory,
  }));
  const clusterScript = (body: URL, script: Partial<HostScript>): string =>
    renderHostScript({
      ...script,
      body,
      parts: [...(script.parts ?? []), postgresScripts.postgresCluster],
      variables: {
        host_name: hostName,
        port,
        database,
        clients_directory: clientsDirectory,
        hba_path: hbaPath,
        ...script.variables,
      },
    });

  const certificate = datastoreCertificate(parent, name, address, args.certificateRotation);
  const { caCertificate } = certificate;
  const packages = new HostCommand(
    `${name}-postgres-packages`,
    {
      host,
      script: renderHostScript({
        body: hostScripts.packages,
        variables: { host_name: hostName, packages: ["postgresql", "openssl"] },
      }),
    },
    { parent },
  );
  const tlsSecrets = placeCertificate(
    `${name}-postgres-tls`,
    {
      ...{ host, directory: postgresDirectory, file: "server", owner: "postgres" },
      ...{ revisionName: "datastore-postgres-tls", reader: "postgres" },
    },
    certificate,
    { parent, dependsOn: packages },
  );

  const backup = backupBeforeChange(
    `${name}-postgres-backup-first`,
    context.backupFirst,
    hostName,
    pulumi.all([config, tlsSecrets.revision]).apply(([settings, revision]) => ({
      change: renderPostgresConfig(settings),
      change_of_keys: revision,
    })),
    parent,
  );

  const server = new HostCommand(
    `${name}-postgres-server`,
    {
      host,
      script: pulumi.all([config, tlsSecrets.revision]).apply(([settings, tlsRevision]) =>
        clusterScript(postgresScripts.postgresServer, {
          parts: [hostScripts.originals, hostScripts.keptFiles, hostScripts.firewall],
          variables: {
            address: settings.address,
            firewall: String(firewall),
            firewall_rules: firewallRules,
            firewall_unit: firewallUnit,
            requirement_path: requirementPath,
            drop_in_path: dropInPath,
            max_connections: postgresConnections(settings),
            server_config: renderPostgresConfig(settings),
            tls_directory: postgresDirectory,
            tls_revision: tlsRevision,
          },
          files: [
            { path: dropInPath, content: renderPostgresDropIn(datastoreFirewallUnit) },
            ...(firewall
              ? [
                  { path: firewallRules, content: renderDatastoreFirewall(port, [], `${clientsDirectory}/*.nft`) },
                  { path: requirementPath, content: renderFirewallRequirement(firewallRules) },
                  {
                    path: firewallUnit,
                    content: renderFirewallUnit({
                      description: "Datastore firewall",
                      unit: datastoreFirewallUnit,
                      protects: "postgresql.service",
                      rules: firewallRules,
                      table: datastoreFirewallTable,
                    }),
                  },
                ]
              : []),
          ],
        }),
      ),
    },
    { parent, dependsOn: backup },
  );

  // By host and database: at another place, the first thing is to create it.
  const created = new HostCommand(
    `${name}-postgres-database-${hostName}-${database}`,
    {
      host,
      onChange: "reapply",
      script: clusterScript(postgresScripts.postgresDatabase, {
        variables: { starts_empty: String(args.startsEmpty ?? false) },
      }),
    },
    { parent, dependsOn: server, protect: false, retainOnDelete: true },
  );

  const k3sPassword = databasePassword(`${name}-k3s-password`, parent);
  const backupPassword = databasePassword(`${name}-backup-password`, parent);
  const roles = new HostCommand(
    `${name}-postgres-roles`,
    {
      host,
      script: pulumi.secret(
        pulumi.all([k3sPassword, backupPassword]).apply(([k3s, reader]) => {
          const all: PostgresRoles = {
            owner: ownerRole,
            k3s: { role: k3sRole, password: k3s },
            backup: { role: backupRole, password: reader },
          };
          return clusterScript(postgresScripts.postgresRoles, {
            variables: {
              owner: ownerRole,
              k3s_role: k3sRole,
              access_sql: renderPostgresRoles(database, all),
              remove_sql: renderPostgresRolesRemoval(all),
            },
          });
        }),
      ),
    },
    { parent, dependsOn: created },
  );

  const client = (label: string, role: string, from: LoginAddress) =>
    new HostCommand(
      `${name}-postgres-${label}-${from.key}`,
      {
        host,
        script: from.address.apply((clientAddress) => {
          const entry = `${label}-${from.key}`;
          return clusterScript(postgresScripts.postgresClient, {
            variables: { login: role, address: clientAddress, entry },
            files: [{ path: `${clientsDirectory}/${entry}.nft`, content: renderDatastoreAccept(port, clientAddress) }],
          });
        }),
      },
      { parent, dependsOn: roles },
    );
  const admits = Object.fromEntries(
    Object.entries(context.serverAddresses).map(([each, from]) => [each, client("client", k3sRole, from)]),
  );
  const backups = client("backup-client", backupRole, backupClient);

  return {
    preflight: postgresEngine.preflight,
    setting: "k3s-ha:datastore.managed.database",
    endpoint: pulumi.secret(
      pulumi
        .all([address, k3sPassword])
        .apply(([at, password]) => renderPostgresDsn({ address: at, port, database, user: k3sRole, password })),
    ),
    caCertificate,
    backup: postgresBackup({
      addresses: address.apply((at) => [{ host: at, port }]),
      database,
      user: backupRole,
      password: backupPassword,
      caCertificate,
    }),
    admits,
    ready: [roles, backups, ...Object.values(admits)],
  };
}
