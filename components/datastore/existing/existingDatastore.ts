import { readFileSync } from "node:fs";
import { getCACertificates } from "node:tls";
import * as mysql from "@pulumi/mysql";
import * as pulumi from "@pulumi/pulumi";
import { certificatesIn } from "../../identity/pemCertificates.ts";
import {
  accessCommand,
  databasePassword,
  type DatastoreAccess,
  type DatastoreContext,
  type LoginAddress,
  type SqlHost,
} from "../datastoreAccess.ts";
import { beforeChanges } from "../../host/beforeChanges.ts";
import type { HostArgs } from "../../host/host.ts";
import { renderClientOptions } from "../engine/clientOptions.ts";
import { backupPrivileges, k3sPrivileges } from "../engine/accessSql.ts";
import { rotatedNames } from "../engine/credentialRotation.ts";
import { renderMysqlDsn } from "../engine/datastoreDsn.ts";
import { mysqlPreflight } from "../engine/mysql.ts";
import { mysqlBackup } from "../engine/mysqlBackup.ts";
import { schemaCommand } from "./existingSchema.ts";
import { requireReachableServer } from "./reachableServer.ts";
import { explainTakenNames } from "./takenNames.ts";

/** An existing MySQL or MariaDB server, on which schema and users are created over verified TLS. */
export interface ExistingDatastoreArgs {
  /** The server's engine. `via` always creates MariaDB's users, because the mysql plugin cannot. */
  engine: "mysql" | "mariadb";
  /** IP address or DNS name; the server's certificate has to name exactly this. */
  address: string;
  /** Default: 3306. */
  port?: number;
  /** Schema that is made and kept: it outlives the component. Default: "k3s". */
  database?: string;
  /** User that is made for K3s; the one for backups has "_backup" after it. Default: "k3s". */
  user?: string;
  /** Any value. A change gives K3s and the backups new users with new passwords. Default: none. */
  credentialRotation?: string | undefined;
  /** The addresses from which both users may log in, as the server sees them. Default: K3s's from each server, the backup's from its host. */
  loginFrom?: readonly string[] | undefined;
  /** Account that may make schemas and users. */
  adminUser: string;
  /** Its password. Secret, whatever it is marked as. It reaches no host but `via`, and there no disk. */
  adminPassword: pulumi.Input<string>;
  /** PEM of the CA that signed the server's certificate. */
  caCertificate: string;
  /**
   * The host that makes a MariaDB's users, or a MySQL's schema and users. It has to reach the server, and the administrator
   * may log in from it. Default, with MySQL alone: they are made from where Pulumi runs.
   */
  via?: { host: HostArgs; hostName: string } | undefined;
}

/**
 * The variable that names the file of the CAs that the mysql plugin trusts, beside the machine's own: it has no setting
 * for one. Pulumi starts the plugin, so the variable has to be in Pulumi's own environment.
 */
export const caFileVariable = "K3S_HA_DATASTORE_CA_FILE";

/** How MySQL's users authenticate: by no older plugin, which MySQL 9 does not have. */
const mysqlPlugin = "caching_sha2_password";

const reachChecks =
  "check k3s-ha:datastore.existing.address and port, that the server is up, and the firewalls in between";

/** What to do if the server cannot be reached from where Pulumi runs. */
const reachRemedies = {
  mysql: `If the stack's hosts reach it, set k3s-ha:datastore.existing.via to one of them; otherwise ${reachChecks}.`,
  mariadb: `The schema of a MariaDB is created from there: run Pulumi on a machine that reaches it, or ${reachChecks}.`,
};

/** Creates schema and users, each user for exactly the addresses that it logs in from. */
export function existingDatastore(
  name: string,
  args: ExistingDatastoreArgs,
  context: DatastoreContext & { backupAddress: LoginAddress },
  parent: pulumi.Resource,
): DatastoreAccess {
  const { engine, address, loginFrom, adminUser, via } = args;
  const port = args.port ?? 3306;
  const database = args.database ?? "k3s";
  const rotated = rotatedNames(args.credentialRotation);
  const k3sUser = args.user ?? "k3s";
  const adminPassword = pulumi.secret(args.adminPassword);
  const caCertificate = pulumi.output(args.caCertificate);

  // A MariaDB's schema is made by the plugin, with `via` too.
  const provider = engine === "mysql" && via !== undefined ? undefined : makeProvider();
  const pluginHooks = provider === undefined ? () => ({}) : makeHooks();
  const schema = provider === undefined ? schemaThroughHost() : schemaFromHere(provider);

  function makeHooks() {
    const taken = explainTakenNames(`${name}-explain`, { address: `${address}:${port}`, database }, parent);
    const reachable = requireReachableServer(
      `${name}-reachable`,
      { address, port, remedy: reachRemedies[engine] },
      parent,
    );
    // The plugin makes schema and users at the same time, and tries for each of them.
    return () => withLast({ ...beforeChanges(), onError: [taken] }, reachable);
  }

  function makeProvider(): mysql.Provider {
    return new mysql.Provider(
      `${name}-provider`,
      {
        endpoint: `${address.includes(":") ? `[${address}]` : address}:${port}`,
        username: adminUser,
        password: adminPassword,
        tls: "true",
      },
      { parent, envVarMappings: { [caFileVariable]: "SSL_CERT_FILE" } },
    );
  }

  function schemaFromHere(provider: mysql.Provider): pulumi.Resource {
    return new mysql.Database(
      `${name}-schema`,
      { name: database, defaultCharacterSet: "utf8mb4", defaultCollation: "utf8mb4_unicode_ci" },
      // The cluster itself: only its owner drops it, even when the stack is destroyed.
      { parent, provider, retainOnDelete: true, hooks: pluginHooks() },
    );
  }

  function schemaThroughHost(): pulumi.Resource {
    const place = { address: `${address}:${port}`, database };
    return schemaCommand(`${name}-schema-through-host`, throughHost(), place, { parent });
  }

  const accounts = [
    {
      user: rotated.user(k3sUser),
      password: databasePassword(rotated.resource(`${name}-k3s-password`), parent),
      from: loginFrom === undefined ? context.serverAddresses : hostsByName(loginFrom),
      privileges: k3sPrivileges,
      label: "k3s",
    },
    {
      user: rotated.user(`${k3sUser}_backup`),
      password: databasePassword(rotated.resource(`${name}-backup-password`), parent),
      from: loginFrom === undefined ? { host: context.backupAddress } : hostsByName(loginFrom),
      privileges: backupPrivileges,
      label: "backup",
    },
  ] as const;
  const [k3s, backup] = accounts;

  const entries = accounts.flatMap((account) =>
    Object.entries(account.from).map(([name, { address: from, key }]) => ({ ...account, name, host: from, key })),
  );
  const granted = provider === undefined || engine === "mariadb" ? usersThroughHost() : usersFromHere(provider);

  function usersFromHere(provider: mysql.Provider): pulumi.Resource[] {
    return entries.map((account) => {
      const resource = rotated.resource(`${name}-${account.label}-${account.key}`);
      // Earlier releases named them by the hosts.
      const earlier = (kind: string) =>
        account.key === account.name || args.credentialRotation !== undefined
          ? []
          : [{ name: `${name}-${account.label}-${account.name}-${kind}` }];
      const made = new mysql.User(
        `${resource}-user`,
        { user: account.user, host: account.host, plaintextPassword: account.password, tlsOption: "SSL" },
        { parent, provider, protect: false, hooks: pluginHooks(), aliases: earlier("user") },
      );
      return new mysql.Grant(
        `${resource}-grant`,
        // By its outputs, so that a user that is created again is granted again.
        {
          user: made.user,
          host: made.host.apply((at) => at ?? ""),
          database,
          privileges: [...account.privileges],
        },
        // With its user go its privileges.
        {
          parent,
          provider,
          protect: false,
          deletedWith: made,
          dependsOn: schema,
          aliases: earlier("grant"),
          hooks: beforeChanges(),
        },
      );
    });
  }

  function throughHost(): SqlHost {
    if (via === undefined) throw new pulumi.RunError(`${name}: a host has to create MariaDB's users: set via`);
    return {
      ...via,
      databaseName: engine === "mysql" ? "MySQL" : "MariaDB",
      packages: ["mariadb-client"],
      clientOptions: adminPassword.apply((password) =>
        renderClientOptions({ address, port, user: adminUser, password }),
      ),
      caCertificate,
    };
  }

  function usersThroughHost(): pulumi.Resource[] {
    const sql = throughHost();
    return entries.map(({ label, key, user, password, host, privileges }, index) =>
      accessCommand(
        `${rotated.resource(`${name}-${label}-${key}`)}-account`,
        sql,
        {
          database,
          makesSchema: false,
          plugin: engine === "mysql" ? mysqlPlugin : undefined,
          users: pulumi
            .all([password, host])
            .apply(([secret, from]) => [{ user, password: secret, addresses: [from], privileges }]),
        },
        // One command made them all in earlier releases, and would take them all away.
        {
          parent,
          dependsOn: schema,
          aliases: index === 0 && args.credentialRotation === undefined ? [{ name: `${name}-access` }] : [],
        },
      ),
    );
  }

  const login = { address: pulumi.output(address), port, database, caCertificate };
  return {
    preflight: mysqlPreflight({ engine, ...(engine === "mysql" ? { plugin: mysqlPlugin } : {}) }),
    setting: "k3s-ha:datastore.existing.database",
    endpoint: pulumi.secret(
      k3s.password.apply((password) => renderMysqlDsn({ address, port, database, user: k3s.user, password })),
    ),
    caCertificate,
    backup: mysqlBackup({ ...login, user: backup.user, password: backup.password }),
    admits: Object.fromEntries(
      entries.flatMap(({ label, name: server }, index): [string, pulumi.Resource][] => {
        const account = granted[index];
        return label !== "k3s" || account === undefined || !(server in context.serverAddresses)
          ? []
          : [[server, account]];
      }),
    ),
    ready: granted,
  };
}

/** Hooks of which one more runs last before each change: after the check of the hosts. */
function withLast(hooks: pulumi.ResourceHookBinding, last: pulumi.ResourceHook): pulumi.ResourceHookBinding {
  const { beforeCreate = [], beforeUpdate = [] } = hooks;
  return { ...hooks, beforeCreate: [...beforeCreate, last], beforeUpdate: [...beforeUpdate, last] };
}

/** Hosts and patterns of hosts, with the names that their resources have. */
function hostsByName(hosts: readonly string[]): Record<string, LoginAddress> {
  const keyOf = (host: string) => (host === "%" ? "anywhere" : host);
  return Object.fromEntries(hosts.map((host) => [keyOf(host), { address: pulumi.output(host), key: keyOf(host) }]));
}

/**
 * Why the mysql plugin would not trust a database whose CA is this, with the remedy, or undefined. It trusts what the
 * machine does, or the file that {@link caFileVariable} names.
 */
export function caTrustFault(
  caCertificate: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string | undefined {
  const file = environment[caFileVariable] ?? "";
  const remedy = `start pulumi with ${caFileVariable} set to the absolute path of k3s-ha:datastore.existing.caFile`;
  let trusted: readonly string[];
  try {
    trusted = file === "" ? getCACertificates("system") : certificatesIn(readFileSync(file, "utf8"));
  } catch {
    return `${caFileVariable} is ${JSON.stringify(file)}, which cannot be read: ${remedy}`;
  }
  const known = new Set(trusted.map(bare));
  if (certificatesIn(caCertificate).every((certificate) => known.has(bare(certificate)))) return undefined;
  return file === ""
    ? `the mysql plugin would not trust the database server, because this machine does not know the CA and the plugin has no setting for one: ${remedy}`
    : `${caFileVariable} is ${JSON.stringify(file)}, which does not contain the CA of the database server: ${remedy}`;
}

function bare(certificate: string): string {
  return certificate.replace(/\s/g, "");
}
