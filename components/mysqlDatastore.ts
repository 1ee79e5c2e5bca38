import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import * as tls from "@pulumi/tls";
import { type HostArgs, nodeAddressOf } from "./host/host.ts";
import { HostCommand } from "./host/hostCommand.ts";
import type { Recorded } from "./recorded.ts";
import { backupPrivileges, k3sPrivileges, renderAccessSql } from "./render/datastoreAccess.ts";
import { renderMysqlDsn } from "./render/datastoreDsn.ts";
import { datastoreFirewallTable, renderDatastoreAccept, renderDatastoreFirewall } from "./render/datastoreFirewall.ts";
import { renderFirewallUnit } from "./render/firewallUnit.ts";
import { type HostFile, renderHostScript } from "./render/hostScript.ts";
import { connectionsPerServer, maxConnections, renderMariadbConfig } from "./render/mariadbConfig.ts";
import { renderMariadbDropIn, renderMariadbSocket } from "./render/mariadbUnits.ts";
import { tokenFingerprint } from "./render/tokenFingerprint.ts";

/** A MariaDB server that {@link MySQLDatastore} installs and owns. */
export interface MySQLDatastoreArgs {
  /** The host that MariaDB is installed on. */
  host: HostArgs;
  /** The host's name, for messages. */
  hostName: string;
  /** Port of the database. Default: 3306. */
  port?: number;
  /** Schema that K3s keeps the cluster in. Default: "k3s". */
  database?: string;
  /** Addresses of the K3s servers by name: the only ones that the K3s user may log in from, and that the firewall lets in. */
  serverAddresses: Readonly<Record<string, pulumi.Input<string>>>;
  /** Address of the host that takes backups. Default: the datastore's own host. */
  backupAddress?: pulumi.Input<string>;
  /** The host that takes backups, if one is to be taken before the server's configuration changes. Default: none is. */
  backupFirst?: HostArgs | undefined;
  /** The cluster's server token: a schema that holds a cluster of another token is refused. */
  token: pulumi.Input<string>;
  /** Whether the port is closed on the host to everybody else. Default: true. */
  firewall?: boolean;
  /** A word that asks for another server certificate, with a key of its own, when it changes. Default: none. */
  certificateRotation?: string | undefined;
}

/** How to log in to the datastore over verified TLS. */
export interface DatastoreSource {
  address: pulumi.Output<string>;
  port: number;
  database: string;
  user: string;
  /** Secret. */
  password: pulumi.Output<string>;
  /** PEM of the CA that the datastore's certificate is checked against. */
  caCertificate: pulumi.Output<string>;
}

const hoursPerYear = 8766;
const tlsDirectory = "/etc/mysql/k3s-ha";
const configPath = "/etc/mysql/mariadb.conf.d/90-k3s-ha.cnf";
const socketUnit = "/etc/systemd/system/mariadb.socket";
const dropInPath = "/etc/systemd/system/mariadb.service.d/k3s-ha.conf";
const firewallRules = "/etc/k3s-ha/datastore-firewall.nft";
const clientsDirectory = "/etc/k3s-ha/datastore-clients";
const firewallUnit = "/etc/systemd/system/k3s-ha-datastore-firewall.service";

/**
 * The external datastore: MariaDB on a host of its own, tuned for K3s, reachable over verified TLS only, by users
 * with as few rights as do. Deleting the component takes the users away and leaves the data.
 *
 * `protect` holds for everything but certificates and passwords, which are renewed by being replaced.
 */
export class MySQLDatastore extends pulumi.ComponentResource {
  /** K3s's `datastore-endpoint`, with the password in it. Secret. Known once the datastore has proved itself. */
  readonly endpoint: pulumi.Output<string>;
  /** PEM of the CA that signed the datastore's certificate: K3s's `datastore-cafile`. */
  readonly caCertificate: pulumi.Output<string>;
  /** The login of a user that may only read the schema, for backups. */
  readonly backupSource: DatastoreSource;
  readonly #clients: Readonly<Record<string, HostCommand>>;

  constructor(name: string, args: MySQLDatastoreArgs, opts?: pulumi.ComponentResourceOptions) {
    const { host, hostName, port = 3306, database = "k3s", firewall = true } = args;
    super(
      "k3s-ha:index:MySQLDatastore",
      name,
      { host: hostName, port, database, firewall, tls: "verified" } satisfies Recorded["k3s-ha:index:MySQLDatastore"],
      opts,
    );
    const address = nodeAddressOf(host);
    const backupAddress = pulumi.output(args.backupAddress ?? address);
    const serverAddresses = pulumi.all(Object.values(args.serverAddresses));

    const { caCertificate, certificate, privateKey } = this.serverCertificate(name, address, args.certificateRotation);
    const packages = new HostCommand(
      `${name}-packages`,
      { host, script: renderHostScript({ body: "packages", variables: { packages: ["mariadb-server", "openssl"] } }) },
      { parent: this },
    );

    const tlsFiles = pulumi.all([caCertificate, certificate, privateKey]).apply(([ca, cert, key]): HostFile[] => [
      { path: `${tlsDirectory}/ca.crt`, content: ca },
      { path: `${tlsDirectory}/server.crt`, content: cert },
      { path: `${tlsDirectory}/server.key`, content: key, mode: "0600", owner: "mysql:mysql" },
    ]);
    const tlsSecrets = new HostCommand(
      `${name}-tls`,
      {
        host,
        script: pulumi.secret(
          tlsFiles.apply((files) =>
            renderHostScript({
              body: "secretFiles",
              // What MariaDB reads stays while MariaDB stays.
              variables: { revision_name: "datastore-tls", paths: [], optional_paths: [] },
              files,
            }),
          ),
        ),
      },
      { parent: this, dependsOn: packages },
    );

    const { backupFirst } = args;
    const backup =
      backupFirst === undefined
        ? []
        : [
            new HostCommand(
              `${name}-backup-first`,
              {
                host: backupFirst,
                applySeconds: 3600,
                script: pulumi
                  .all([address, serverAddresses, tlsSecrets.revision])
                  .apply(([listen, servers, revision]) =>
                    renderHostScript({
                      body: "backupFirst",
                      variables: {
                        host_name: hostName,
                        label: "pre-datastore-change",
                        // A change of any of these changes this script, which is what makes it run.
                        change: renderMariadbConfig({ address: listen, port, servers: servers.length, tlsDirectory }),
                        change_of_keys: revision,
                      },
                    }),
                  ),
              },
              // There is nothing to take back.
              { parent: this, retainOnDelete: true },
            ),
          ];

    const server = new HostCommand(
      `${name}-server`,
      {
        host,
        script: pulumi
          .all([address, serverAddresses, backupAddress, tlsSecrets.revision])
          .apply(([listen, servers, backup, tlsRevision]) =>
            renderHostScript({
              body: "datastoreServer",
              variables: {
                host_name: hostName,
                address: listen,
                port,
                firewall: String(firewall),
                firewall_rules: firewallRules,
                firewall_unit: firewallUnit,
                config_path: configPath,
                socket_path: socketUnit,
                drop_in_path: dropInPath,
                max_connections: maxConnections(servers.length),
                tls_directory: tlsDirectory,
                tls_revision: tlsRevision,
              },
              files: [
                {
                  path: configPath,
                  content: renderMariadbConfig({ address: listen, port, servers: servers.length, tlsDirectory }),
                },
                { path: socketUnit, content: renderMariadbSocket({ address: listen, port }) },
                { path: dropInPath, content: renderMariadbDropIn() },
                ...(firewall
                  ? [
                      {
                        path: firewallRules,
                        content: renderDatastoreFirewall(port, [backup], `${clientsDirectory}/*.nft`),
                      },
                      {
                        path: firewallUnit,
                        content: renderFirewallUnit({
                          description: "Datastore firewall",
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
      { parent: this, dependsOn: backup },
    );

    const k3sPassword = this.password(`${name}-k3s-password`);
    const backupPassword = this.password(`${name}-backup-password`);
    const access = new HostCommand(
      `${name}-access`,
      {
        host,
        script: pulumi.secret(
          pulumi
            .all([serverAddresses, backupAddress, k3sPassword, backupPassword])
            .apply(([servers, backup, k3s, reader]) =>
              renderHostScript({
                body: "datastoreAccess",
                variables: {
                  host_name: hostName,
                  access_sql: renderAccessSql(database, [
                    { user: k3sUser, password: k3s, addresses: servers, privileges: k3sPrivileges, keepsOthers: true },
                    { user: backupUser, password: reader, addresses: [backup], privileges: backupPrivileges },
                  ]),
                  remove_sql: [...servers.map((from) => [k3sUser, from]), [backupUser, backup]]
                    .map(([user, from]) => `DROP USER IF EXISTS '${user}'@'${from}';`)
                    .join("\n"),
                },
              }),
            ),
        ),
      },
      { parent: this, dependsOn: server },
    );

    this.#clients = Object.fromEntries(
      Object.entries(args.serverAddresses).map(([client, from]) => [
        client,
        new HostCommand(
          `${name}-client-${client}`,
          {
            host,
            script: pulumi.output(from).apply((clientAddress) =>
              renderHostScript({
                body: "datastoreClient",
                variables: {
                  host_name: hostName,
                  user: k3sUser,
                  address: clientAddress,
                  address_path: `${clientsDirectory}/${client}.address`,
                  rule_path: `${clientsDirectory}/${client}.nft`,
                  firewall: String(firewall),
                },
                files: [
                  {
                    path: `${clientsDirectory}/${client}.nft`,
                    content: renderDatastoreAccept(port, clientAddress),
                  },
                ],
              }),
            ),
          },
          { parent: this, dependsOn: access },
        ),
      ]),
    );

    const preflight = new HostCommand(
      `${name}-preflight`,
      {
        host,
        script: pulumi.all([args.token, serverAddresses]).apply(([token, servers]) =>
          renderHostScript({
            body: "datastorePreflight",
            variables: {
              host_name: hostName,
              database,
              needed_connections: servers.length * connectionsPerServer,
              token_fingerprint: tokenFingerprint(token),
            },
          }),
        ),
      },
      { parent: this, dependsOn: [access, ...Object.values(this.#clients)] },
    );

    this.endpoint = pulumi.secret(
      pulumi
        .all([address, k3sPassword, preflight.urn])
        .apply(([at, password]) => renderMysqlDsn({ address: at, port, database, user: k3sUser, password })),
    );
    this.caCertificate = caCertificate;
    this.backupSource = {
      address: pulumi.all([address, preflight.urn]).apply(([at]) => at),
      port,
      database,
      user: backupUser,
      password: backupPassword,
      caCertificate,
    };
    this.registerOutputs({
      endpoint: this.endpoint,
      caCertificate: this.caCertificate,
      backupSource: this.backupSource,
    });
  }

  /**
   * What lets each server in, by its name. A server that depends on its own is uninstalled before it is shut out: one that
   * lost its datastore first would fail those who still use it.
   */
  get clients(): Readonly<Record<string, pulumi.Resource>> {
    return this.#clients;
  }

  /** A CA of the datastore's own, and a certificate for exactly the address that stands in the endpoint. */
  private serverCertificate(name: string, address: pulumi.Output<string>, rotation?: string) {
    const parent = { parent: this, protect: false };
    const caKey = new tls.PrivateKey(`${name}-ca-key`, { algorithm: "ECDSA", ecdsaCurve: "P256" }, parent);
    const ca = new tls.SelfSignedCert(
      `${name}-ca`,
      {
        privateKeyPem: caKey.privateKeyPem,
        subject: { commonName: "k3s-ha datastore CA" },
        isCaCertificate: true,
        setSubjectKeyId: true,
        allowedUses: ["cert_signing", "crl_signing", "digital_signature"],
        validityPeriodHours: 10 * hoursPerYear,
      },
      parent,
    );
    const keyName = `${name}-key${rotation === undefined ? "" : `-${rotation}`}`;
    const key = new tls.PrivateKey(keyName, { algorithm: "ECDSA", ecdsaCurve: "P256" }, parent);
    const request = new tls.CertRequest(
      `${name}-request`,
      { privateKeyPem: key.privateKeyPem, subject: { commonName: "k3s-ha datastore" }, ipAddresses: [address] },
      parent,
    );
    const certificate = new tls.LocallySignedCert(
      `${name}-certificate`,
      {
        certRequestPem: request.certRequestPem,
        caCertPem: ca.certPem,
        caPrivateKeyPem: caKey.privateKeyPem,
        allowedUses: ["server_auth", "digital_signature", "key_encipherment"],
        // Its end would take the API down, so it lives as long as the CA, and an `up` in its second half renews it.
        validityPeriodHours: 10 * hoursPerYear,
        earlyRenewalHours: 5 * hoursPerYear,
      },
      parent,
    );
    return { caCertificate: ca.certPem, certificate: certificate.certPem, privateKey: key.privateKeyPem };
  }

  /** Letters and digits only: 32 of them are about 190 bits, and no tool on the way ever has to escape one. */
  private password(name: string): pulumi.Output<string> {
    return new random.RandomPassword(name, { length: 32, special: false }, { parent: this, protect: false }).result;
  }
}

const k3sUser = "k3s";
const backupUser = "k3s_backup";
