import * as pulumi from "@pulumi/pulumi";
import {
  accessCommand,
  databasePassword,
  type DatastoreAccess,
  type DatastoreContext,
  loginAddress,
  type LoginAddress,
} from "../datastoreAccess.ts";
import { type HostArgs, nodeAddressOf } from "../../host/host.ts";
import { guardChange } from "../../host/guardChange.ts";
import { HostCommand } from "../../host/hostCommand.ts";
import { backupPrivileges, k3sPrivileges } from "../engine/accessSql.ts";
import { backupBeforeChange } from "../backupBeforeChange.ts";
import { placeCertificate } from "../certificateFiles.ts";
import { datastoreCertificate } from "../datastoreCertificate.ts";
import { everyRotationOf, rotatedNames } from "../engine/credentialRotation.ts";
import { renderMysqlDsn } from "../engine/datastoreDsn.ts";
import { mysqlPreflight } from "../engine/mysql.ts";
import { mysqlBackup } from "../engine/mysqlBackup.ts";
import {
  datastoreFirewallTable,
  datastoreFirewallUnit,
  renderDatastoreAccept,
  renderDatastoreFirewall,
} from "../datastoreFirewall.ts";
import { renderFirewallRequirement, renderFirewallUnit } from "../../host/firewallUnit.ts";
import { renderHostScript } from "../../host/hostScript.ts";
import { type MariadbConfig, mariadbTlsDirectory, maxConnections, renderMariadbConfig } from "./mariadbConfig.ts";
import { renderMariadbDropIn, renderMariadbSocket, renderMariadbStop } from "./mariadbUnits.ts";
import { managedScripts } from "./scripts.ts";
import { hostScripts } from "../../host/scripts.ts";
import { unitPath } from "../../host/unitPath.ts";

/** A MariaDB server that the datastore installs and owns. */
export interface ManagedDatastoreArgs {
  /** The host that MariaDB is installed on. */
  host: HostArgs;
  /** The host's name, for messages. */
  hostName: string;
  /** Port of the database. Default: 3306. */
  port?: number;
  /** Schema that K3s keeps the cluster in. Default: "k3s". */
  database?: string;
  /** Whether the port is closed on the host to everybody else. Default: true. */
  firewall?: boolean;
  /** Whether an empty cluster may take the place of one whose schema is gone. Default: false, it has to be restored. */
  startsEmpty?: boolean;
  /** Any value. A change rotates the server certificate. Default: none. */
  certificateRotation?: string | undefined;
  /** Any value. A change gives K3s and the backups new users with new passwords. Default: none. */
  credentialRotation?: string | undefined;
  /** Whether the users of before are locked at once instead of at the end of the run. Default: false. */
  areCredentialsLeaked?: boolean | undefined;
  /** MiB of memory that MariaDB caches tables in. Default: half of the host's memory beyond 512 MiB, from 128 to 8192. */
  bufferPoolMebibytes?: number | undefined;
}

const configPath = "/etc/mysql/mariadb.conf.d/90-k3s-ha.cnf";
const memoryPath = "/etc/mysql/mariadb.conf.d/91-k3s-ha-memory.cnf";
const socketUnit = unitPath("mariadb.socket");
const dropInPath = unitPath("mariadb.service.d/k3s-ha.conf");
const requirementPath = unitPath("mariadb.service.d/k3s-ha-firewall.conf");
const stopPath = `${mariadbTlsDirectory}/stop.sql`;
const firewallRules = "/etc/k3s-ha/datastore-firewall.nft";
const clientsDirectory = "/etc/k3s-ha/datastore-clients";
const firewallUnit = unitPath(`${datastoreFirewallUnit}.service`);

/** The user that K3s logs in as, before the first rotation. */
export const k3sUser = "k3s";
const backupUser = "k3s_backup";

/** Installs MariaDB on a host, tuned for K3s, and makes the users on its local socket. */
export function managedDatastore(
  name: string,
  args: ManagedDatastoreArgs,
  context: DatastoreContext,
  parent: pulumi.Resource,
): DatastoreAccess {
  const { host, hostName, port = 3306, database = "k3s", firewall = true, bufferPoolMebibytes = "" } = args;
  const address = nodeAddressOf(host);
  const backupClient = context.backupAddress ?? loginAddress("backup", host.nodeAddress ?? host.address);
  const backupAddress = backupClient.address;
  const serverAddresses = pulumi.all(Object.values(context.serverAddresses).map((each) => each.address));
  const config = pulumi.all([address, serverAddresses]).apply(([listen, servers]): MariadbConfig => ({
    address: listen,
    port,
    servers: servers.length,
    connectionsPerServer: context.connectionsPerServer,
    tlsDirectory: mariadbTlsDirectory,
  }));

  const certificate = datastoreCertificate(parent, name, address, args.certificateRotation);
  const { caCertificate } = certificate;
  const packages = new HostCommand(
    `${name}-packages`,
    {
      host,
      script: renderHostScript({
        body: hostScripts.packages,
        variables: { host_name: hostName, packages: ["mariadb-server", "openssl"] },
      }),
    },
    { parent },
  );

  const tlsSecrets = placeCertificate(
    `${name}-tls`,
    {
      ...{ host, directory: mariadbTlsDirectory, file: "server", owner: "mysql" },
      ...{ revisionName: "datastore-tls", reader: "mariadb" },
    },
    certificate,
    { parent, dependsOn: packages },
  );

  const backup = backupBeforeChange(
    `${name}-backup-first`,
    context.backupFirst,
    hostName,
    pulumi.all([config, tlsSecrets.revision]).apply(([settings, revision]) => ({
      change: renderMariadbConfig(settings),
      change_of_keys: revision,
      change_of_memory: bufferPoolMebibytes,
    })),
    parent,
  );

  const server = new HostCommand(
    `${name}-server`,
    {
      host,
      script: pulumi.all([config, backupAddress, tlsSecrets.revision]).apply(([settings, backup, tlsRevision]) =>
        renderHostScript({
          body: managedScripts.datastoreServer,
          parts: [
            hostScripts.originals,
            hostScripts.keptFiles,
            hostScripts.firewall,
            managedScripts.bufferPool,
            managedScripts.binaryLog,
          ],
          variables: {
            host_name: hostName,
            adopt: String(host.adopt ?? false),
            address: settings.address,
            port,
            firewall: String(firewall),
            firewall_rules: firewallRules,
            firewall_unit: firewallUnit,
            requirement_path: requirementPath,
            config_path: configPath,
            socket_path: socketUnit,
            drop_in_path: dropInPath,
            max_connections: maxConnections(settings),
            memory_path: memoryPath,
            buffer_pool_mebibytes: bufferPoolMebibytes,
            tls_directory: mariadbTlsDirectory,
            tls_revision: tlsRevision,
          },
          files: [
            { path: configPath, content: renderMariadbConfig(settings) },
            { path: socketUnit, content: renderMariadbSocket(settings) },
            { path: dropInPath, content: renderMariadbDropIn(stopPath) },
            { path: stopPath, content: renderMariadbStop() },
            ...(firewall
              ? [
                  {
                    path: firewallRules,
                    content: renderDatastoreFirewall(port, [backup], `${clientsDirectory}/*.nft`),
                  },
                  { path: requirementPath, content: renderFirewallRequirement(firewallRules) },
                  {
                    path: firewallUnit,
                    content: renderFirewallUnit({
                      description: "Datastore firewall",
                      unit: datastoreFirewallUnit,
                      protects: "mariadb.service",
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
    { parent, dependsOn: backup, hooks: { beforeUpdate: [tellOfBinaryLog(`${name}-binary-log`, hostName, parent)] } },
  );

  // By host and schema: at another place, the first thing is to make it.
  const schema = new HostCommand(
    `${name}-schema-${hostName}-${database}`,
    {
      host,
      onChange: "reapply",
      script: renderHostScript({
        body: managedScripts.datastoreSchema,
        variables: { host_name: hostName, database, starts_empty: String(args.startsEmpty ?? false) },
      }),
    },
    { parent, dependsOn: server, protect: false, retainOnDelete: true },
  );

  const rotated = rotatedNames(args.credentialRotation);
  const k3sLogin = {
    user: rotated.user(k3sUser),
    password: databasePassword(rotated.resource(`${name}-k3s-password`), parent),
  };
  const backupLogin = {
    user: rotated.user(backupUser),
    password: databasePassword(rotated.resource(`${name}-backup-password`), parent),
  };
  const access = accessCommand(
    `${name}-access`,
    { host, hostName, databaseName: "MariaDB", packages: [] },
    {
      database,
      makesSchema: true,
      users: pulumi
        .all([serverAddresses, backupAddress, k3sLogin, backupLogin])
        .apply(([servers, backup, k3s, reader]) => [
          { ...k3s, addresses: servers, privileges: k3sPrivileges },
          { ...reader, addresses: [backup], privileges: backupPrivileges },
        ]),
    },
    { parent, dependsOn: schema },
  );

  const leaked = args.areCredentialsLeaked === true ? [lockLeaked()] : [];

  function lockLeaked(): HostCommand {
    return new HostCommand(
      rotated.resource(`${name}-leaked-accounts`),
      {
        host,
        script: renderHostScript({
          body: managedScripts.leakedAccounts,
          variables: {
            host_name: hostName,
            user_pattern: [k3sUser, backupUser].map(everyRotationOf).join("|"),
            k3s_user: k3sLogin.user,
            backup_user: backupLogin.user,
          },
        }),
      },
      {
        parent,
        dependsOn: access,
        protect: false,
        hooks: { beforeCreate: [tellOfOutage(`${name}-outage`, parent)] },
      },
    );
  }

  // A rotation has clients of its own: those of before, and their accounts, are removed once no client uses them any more.
  const client = (label: string, user: string, from: LoginAddress, earlierName?: string) =>
    new HostCommand(
      rotated.resource(`${name}-${label}-${from.key}`),
      {
        host,
        script: from.address.apply((clientAddress) =>
          renderHostScript({
            body: managedScripts.datastoreClient,
            variables: {
              host_name: hostName,
              user,
              address: clientAddress,
              clients_directory: clientsDirectory,
              entry: rotated.resource(`${label}-${from.key}`),
              earlier_entry: args.credentialRotation === undefined ? (earlierName ?? "") : "",
              firewall: String(firewall),
            },
            files: [
              {
                path: `${clientsDirectory}/${rotated.resource(`${label}-${from.key}`)}.nft`,
                content: renderDatastoreAccept(port, clientAddress),
              },
            ],
          }),
        ),
      },
      {
        parent,
        dependsOn: access,
        // Earlier releases named them by the servers.
        aliases:
          earlierName === undefined || args.credentialRotation !== undefined
            ? []
            : [{ name: `${name}-client-${earlierName}` }],
      },
    );
  const clients = Object.fromEntries(
    Object.entries(context.serverAddresses).map(([server, from]) => [
      server,
      client("client", k3sLogin.user, from, server),
    ]),
  );
  const backups = client("backup-client", backupLogin.user, backupClient);

  const login = { address, port, database, caCertificate };
  return {
    preflight: mysqlPreflight({ engine: "mariadb" }),
    setting: "k3s-ha:datastore.managed.database",
    endpoint: pulumi.secret(
      pulumi.all([address, k3sLogin]).apply(([at, k3s]) => renderMysqlDsn({ address: at, port, database, ...k3s })),
    ),
    caCertificate,
    backup: mysqlBackup({ ...login, ...backupLogin }),
    admits: clients,
    ready: [access, ...leaked, backups, ...Object.values(clients)],
  };
}

/** Warns, already in the preview, what it costs to lock the users that servers still log in with. */
function tellOfOutage(name: string, parent: pulumi.Resource): pulumi.ResourceHook {
  return new pulumi.ResourceHook(
    name,
    () =>
      void pulumi.log.warn(
        "k3s-ha:datastore.managed.credentialsLeaked: the users of before are locked as soon as the new ones exist, and their connections end. The Kubernetes API is down until the first server has restarted with its new user, and every other server until its turn; pods keep running.",
        parent,
      ),
    { onDryRun: true },
  );
}

/** Warns, already in the preview, that files are removed which a user may need: an earlier release kept a binary log. */
function tellOfBinaryLog(name: string, hostName: string, parent: pulumi.Resource): pulumi.ResourceHook {
  return guardChange<{ binaryLog: boolean }>(name, {
    fault: (before) => {
      if (before.binaryLog === true)
        void pulumi.log.warn(
          `MariaDB on ${hostName} restarts without its binary log, which filled the disk and which this program does not use. Its files, /var/lib/mysql/mysql-bin.*, are removed once MariaDB runs without them. If you use them for a recovery to a point in time, copy them first.`,
          parent,
        );
      return undefined;
    },
    // Releases with records keep none.
    readEarlier: (script) => ({ binaryLog: keepsBinaryLog(script) }),
  });
}

/** Whether a script of the server has MariaDB keep a binary log. */
export function keepsBinaryLog(script: string): boolean {
  return /^log_bin = /m.test(script);
}
