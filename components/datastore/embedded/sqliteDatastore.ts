import * as pulumi from "@pulumi/pulumi";
import type { Recorded } from "../../contract/recorded.ts";
import type { HostArgs } from "../../host/host.ts";
import { HostCommand } from "../../host/hostCommand.ts";
import { renderHostScript } from "../../host/hostScript.ts";
import { hostScripts } from "../../host/scripts.ts";
import { guardChange } from "../../host/guardChange.ts";
import type { ScriptRecord } from "../../host/scriptRecord.ts";
import type { BackupDriver, ProvisionedDatastore, ServerDatastore } from "../datastore.ts";
import { sqliteBackup, sqlitePath } from "./sqliteBackup.ts";
import { embeddedScripts } from "./scripts.ts";

/** The mark of the host whose K3s keeps the cluster in an SQLite database. */
export const sqliteMark = "/var/lib/k3s-ha/sqlite";

/** The SQLite database of K3s, and the server that has it. */
export interface SQLiteDatastoreArgs {
  /** The only server, by its name. */
  servers: Readonly<Record<string, HostArgs>>;
  /** Whether an empty cluster may take the place of one whose database is gone with its host. Default: false. */
  startsEmpty?: boolean | undefined;
}

/** The record of the database's script: the server that has it. */
interface SQLiteRecord extends ScriptRecord {
  readonly server: string;
}

/**
 * The SQLite database that K3s keeps on the disk of its only server. There is no high availability with it, and no second server
 * can be added. Removing the server keeps a copy of the database on its host.
 */
export class SQLiteDatastore extends pulumi.ComponentResource implements ProvisionedDatastore {
  readonly endpoint: pulumi.Output<string>;
  readonly caCertificate: pulumi.Output<string>;
  readonly servers: ServerDatastore = {
    config: {},
    secretConfig: {},
    secretFiles: [],
    environment: {},
    guard: { scripts: [embeddedScripts.sqliteServer], variables: () => ({}) },
    identity: pulumi.output({ addresses: [], schema: "embedded SQLite", startTls: "" }),
  };
  readonly admits: ProvisionedDatastore["admits"];
  readonly backup: BackupDriver;

  /** @throws pulumi.InputPropertyError when there is not exactly one server. */
  constructor(name: string, args: SQLiteDatastoreArgs, opts?: pulumi.ComponentResourceOptions) {
    const [hostName, host] = onlyServer(args.servers);
    super(
      "k3s-ha:index:SQLiteDatastore",
      name,
      { kind: "embedded sqlite", host: hostName } satisfies Recorded["k3s-ha:index:SQLiteDatastore"],
      opts,
    );
    const packages = new HostCommand(
      `${name}-packages`,
      {
        host,
        script: renderHostScript({
          body: hostScripts.packages,
          variables: { host_name: hostName, packages: ["sqlite3", "zstd"] },
        }),
      },
      { parent: this },
    );
    const file = new HostCommand(
      `${name}-file`,
      {
        host,
        onChange: "reapply",
        script: renderHostScript({
          body: embeddedScripts.sqliteFile,
          record: { server: hostName } satisfies SQLiteRecord,
          variables: {
            host_name: hostName,
            database_file: sqlitePath,
            mark: sqliteMark,
            starts_empty: String(args.startsEmpty ?? false),
          },
        }),
      },
      {
        parent: this,
        dependsOn: packages,
        protect: false,
        retainOnDelete: true,
        hooks: {
          beforeUpdate: [
            guardChange<SQLiteRecord>(`${name}-guard`, {
              fault: (before) => renamedServerFault(before.server, hostName),
              readEarlier: () => ({}),
            }),
          ],
        },
      },
    );
    this.endpoint = pulumi.secret("");
    this.caCertificate = pulumi.output("");
    this.admits = { [hostName]: file };
    this.backup = sqliteBackup(hostName);
    this.registerOutputs({ endpoint: this.endpoint, caCertificate: this.caCertificate });
  }
}

/** Why the server that has the database may not become another one; undefined when it stays. */
export function renamedServerFault(before: string | undefined, after: string): string | undefined {
  if (before === undefined || before === after) return undefined;
  return `The cluster is in the SQLite database on ${before}, but k3s-ha:servers now has ${after} instead, where K3s would make an empty cluster. Give the server its name ${before} back. To move to another host, give ${before} that host's address, run "make backup" before and "make restore" after, as docs/datastores.md describes.`;
}

function onlyServer(servers: Readonly<Record<string, HostArgs>>): [name: string, host: HostArgs] {
  const [first, ...others] = Object.entries(servers);
  if (first !== undefined && others.length === 0) return first;
  throw new pulumi.InputPropertyError({
    propertyPath: "servers",
    reason: `has ${others.length + (first === undefined ? 0 : 1)} servers, but SQLite is a file on the disk of one of them, which no other can use: name exactly one server, or choose another datastore`,
  });
}
