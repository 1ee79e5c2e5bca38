/**
 * Proves on a real host, without K3s, what the managed MariaDB is made: without a binary log, also where an earlier release
 * kept one, whose disk space comes back; with a cache that fits the host.
 */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { caFileVariable } from "../../components/datastore/existing/existingDatastore.ts";
import { MySQLDatastore, type MySQLDatastoreArgs } from "../../components/datastore/mysqlDatastore.ts";
import type { ManagedDatastoreArgs } from "../../components/datastore/managed/managedDatastore.ts";
import { down, exec, up } from "../../sandbox/sandbox.ts";
import { makeAuthority, makeCertificate } from "../support/certificates.ts";
import { commandsOf, deploy, type Deployment, resourceNamed, scriptOf } from "../support/deploy.ts";
import { eventually } from "../support/eventually.ts";
import { inTemporaryDirectory } from "../support/temporaryDirectory.ts";
import { addressOf, onHost } from "../support/sandboxCluster.ts";

const sql = (statement: string) => onHost("db-1", `mariadb --batch --skip-column-names <<'END'\n${statement};\nEND`);

const host = (address: string) => ({ address, hostKey: "ssh-ed25519 AAAA" });

/** The commands that Pulumi would run for a managed datastore on the sandbox's host. */
function datastoreOf(changes: Partial<MySQLDatastoreArgs> = {}): Promise<Deployment<unknown>> {
  return deploy(
    () =>
      new MySQLDatastore("datastore", {
        managed: { host: host(addressOf("db-1")), hostName: "db-1" },
        servers: { "server-1": host("198.51.100.11"), "server-2": host("198.51.100.12") },
        token: pulumi.secret("a-token"),
        ...changes,
      }),
  );
}

const step = (deployment: Deployment<unknown>, name: string) =>
  scriptOf(resourceNamed(deployment, `datastore-${name}`));

/** The certificate that the TLS provider would have signed. Returns its authority's. */
async function putCertificate(): Promise<string> {
  return inTemporaryDirectory(async (directory) => {
    const authority = await makeAuthority(directory, "ca");
    const { certificate, key } = await makeCertificate(directory, "db-1", authority, `IP:${addressOf("db-1")}`);
    const files = { "ca.crt": authority.certificate, "server.crt": certificate, "server.key": key };
    await onHost("db-1", "mkdir -p /etc/mysql/k3s-ha");
    for (const [name, path] of Object.entries(files)) {
      const { exitCode } = await exec("db-1", `cat >/etc/mysql/k3s-ha/${name}`, {
        input: await readFile(path, "utf8"),
      });
      assert.equal(exitCode, 0);
    }
    await onHost("db-1", "chown mysql:mysql /etc/mysql/k3s-ha/server.key; chmod 600 /etc/mysql/k3s-ha/server.key");
    return readFile(authority.certificate, "utf8");
  });
}

/** Runs a script on the host, as Pulumi does. */
async function run(script: string, action = "apply"): Promise<void> {
  const { exitCode, stderr } = await exec("db-1", `bash -s ${action}`, { input: script });
  assert.equal(exitCode, 0, stderr);
}

/** What an `up` from one configuration to another does: what is new or changed first, and what is gone at the end. */
async function change(
  before: Deployment<unknown>,
  after: Deployment<unknown>,
  concerned: RegExp,
  meanwhile = async () => {},
): Promise<void> {
  const scriptsOf = (deployment: Deployment<unknown>) =>
    new Map(
      commandsOf(deployment)
        .filter(({ name }) => concerned.test(name))
        .map((command) => [command.name, scriptOf(command)]),
    );
  const [earlier, later] = [scriptsOf(before), scriptsOf(after)];
  assert.ok(later.size > 0);
  for (const [name, script] of later) if (earlier.get(name) !== script) await run(script);
  await meanwhile();
  for (const [name, script] of earlier) if (!later.has(name)) await run(script, "remove");
}

let datastore: Deployment<unknown>;
let caCertificate: string;

before(async () => {
  await down();
  await up({ hosts: ["db-1"] });
  datastore = await datastoreOf();
  await run(step(datastore, "packages"));
  caCertificate = await putCertificate();
});

after(() => down());

describe("the managed MariaDB", () => {
  const binaryLogs = () => onHost("db-1", "find /var/lib/mysql -name 'mysql-bin.*' | wc -l");

  test("loses the binary log that an earlier release kept, gives its space back, and keeps every row", async () => {
    const server = step(datastore, "server");
    const earlier = server.replace("# No log_bin:", "log_bin = mysql-bin\nbinlog_format = ROW\n# No log_bin:");
    assert.notEqual(earlier, server);
    await run(earlier);
    assert.equal(await sql("SELECT @@log_bin"), "1");
    await sql(
      "CREATE DATABASE mine; CREATE TABLE mine.rows (id INT); INSERT INTO mine.rows SELECT seq FROM mysql.seq_1_to_1000",
    );
    assert.ok(Number(await binaryLogs()) >= 3);
    await run(server);
    assert.equal(await sql("SELECT @@log_bin"), "0");
    assert.equal(await binaryLogs(), "0");
    assert.equal(await sql("SELECT COUNT(*) FROM mine.rows"), "1000");
  });

  test("restarts for nothing else than a change of its settings", async () => {
    const started = () => onHost("db-1", "systemctl show --property ActiveEnterTimestampMonotonic --value mariadb");
    const before = await started();
    await run(step(datastore, "server"));
    assert.equal(await started(), before);
    const large = await datastoreOf({ connectionsPerServer: 100 });
    await run(step(large, "server"));
    assert.equal(await started(), before);
    assert.equal(await sql("SELECT @@max_connections"), "290");
    // Those who hold connections now keep them; fewer are for the next start.
    await run(step(datastore, "server"));
    assert.equal(await sql("SELECT @@max_connections"), "290");
    await onHost("db-1", "systemctl restart mariadb");
    assert.equal(await sql("SELECT @@max_connections"), "186");
  });

  test("has a cache that fits the host, or is as large as the configuration says", async () => {
    const pool = async () => Number(await sql("SELECT @@innodb_buffer_pool_size")) / 2 ** 20;
    const automatic = await pool();
    assert.ok(automatic >= 128 && automatic <= 8192 && automatic % 128 === 0, String(automatic));
    const { managed } = {
      managed: { host: { address: addressOf("db-1"), hostKey: "ssh-ed25519 AAAA" }, hostName: "db-1" },
    };
    const chosen = await datastoreOf({ managed: { ...managed, bufferPoolMebibytes: 256 } });
    await run(step(chosen, "server"));
    assert.equal(await pool(), 256);
  });
});

describe("an account", () => {
  const accounts = () =>
    sql("SELECT CONCAT(User, '@', Host) FROM mysql.user WHERE User LIKE 'k3s%' ORDER BY 1").then((text) =>
      text.split("\n").filter((line) => line !== ""),
    );
  const none = { resources: [] } as unknown as Deployment<unknown>;
  const servers = (hosts: Record<string, string>) =>
    Object.fromEntries(Object.entries(hosts).map(([name, octet]) => [name, host(`198.51.100.${octet}`)]));

  /** Servers that come, go and move, with the host that takes backups, and the accounts during and after each `up`. */
  async function lives(
    of: (changes: Partial<MySQLDatastoreArgs>) => Promise<Deployment<unknown>>,
    concerned: RegExp,
  ): Promise<void> {
    const first = await of({
      servers: servers({ "server-1": "11", "server-2": "12" }),
      backupAddress: "198.51.100.90",
    });
    await change(none, first, concerned);
    const present = ["k3s@198.51.100.11", "k3s@198.51.100.12", "k3s_backup@198.51.100.90"];
    assert.deepEqual(await accounts(), present);

    // server-1 is removed, and another server gets its address in the same run.
    const given = await of({
      servers: servers({ "server-2": "12", "server-3": "11" }),
      backupAddress: "198.51.100.90",
    });
    await change(first, given, concerned);
    assert.deepEqual(await accounts(), present);

    // They change places.
    const swapped = await of({
      servers: servers({ "server-2": "11", "server-3": "12" }),
      backupAddress: "198.51.100.90",
    });
    await change(given, swapped, concerned);
    assert.deepEqual(await accounts(), present);

    // A server and the backups move: they log in from both places until the end of the run.
    const moved = await of({
      servers: servers({ "server-2": "11", "server-3": "13" }),
      backupAddress: "198.51.100.91",
    });
    await change(swapped, moved, concerned, async () => {
      assert.deepEqual(await accounts(), [
        "k3s@198.51.100.11",
        "k3s@198.51.100.12",
        "k3s@198.51.100.13",
        "k3s_backup@198.51.100.90",
        "k3s_backup@198.51.100.91",
      ]);
    });
    assert.deepEqual(await accounts(), ["k3s@198.51.100.11", "k3s@198.51.100.13", "k3s_backup@198.51.100.91"]);
  }

  test("of a managed MariaDB is dropped at the end of a run, and never while a client uses it", async () => {
    await lives(datastoreOf, /^datastore-(access|client|backup-client)/);
    await sql("DROP USER k3s@198.51.100.11, k3s@198.51.100.13, k3s_backup@198.51.100.91");
  });

  test("of an existing MariaDB is as well", async () => {
    await sql(
      "CREATE USER owner@'%' IDENTIFIED BY 'a-word' REQUIRE SSL; GRANT ALL ON *.* TO owner@'%' WITH GRANT OPTION",
    );
    await inTemporaryDirectory(async (directory) => {
      const file = join(directory, "ca.crt");
      await writeFile(file, caCertificate);
      process.env[caFileVariable] = file;
      const existing = {
        engine: "mariadb",
        address: addressOf("db-1"),
        adminUser: "owner",
        adminPassword: pulumi.secret("a-word"),
        caCertificate,
        via: { host: host(addressOf("db-1")), hostName: "db-1" },
      } as const;
      await lives(
        (changes) => datastoreOf({ managed: undefined, existing, ...changes }),
        /^datastore-(access|.*-account)/,
      );
    });
  });

  test("of an earlier rotation logs in until the end of a run; one that leaked is locked at once", async () => {
    const at = addressOf("db-1");
    const rotated = (rotation: Partial<ManagedDatastoreArgs> = {}) =>
      datastoreOf({
        managed: { host: host(at), hostName: "db-1", ...rotation },
        servers: { "server-1": host(at) },
      });
    const concerned = /^datastore-(access|leaked-accounts|client|backup-client)/;
    const connections = (user: string) =>
      sql(`SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = '${user}'`).then(Number);
    const locked = () =>
      sql(
        "SELECT User FROM mysql.global_priv WHERE User LIKE 'k3s%' AND JSON_VALUE(Priv, '$.account_locked') ORDER BY 1",
      );
    /** Leaves a connection open, as a K3s that was not restarted does. */
    const connect = async (deployment: Deployment<unknown>, user: string) => {
      const password = new RegExp(`'${user}'@'[^']+' IDENTIFIED BY '([^']+)'`).exec(
        step(deployment, "access").replaceAll(`'\\''`, "'"),
      )?.[1];
      assert.ok(password);
      await onHost(
        "db-1",
        `systemd-run --quiet --collect mariadb --host=${at} --ssl-ca=/etc/mysql/k3s-ha/ca.crt --user=${user} --password=${password} --execute='SELECT SLEEP(300)' k3s`,
      );
      await eventually(async () => {
        assert.equal(await connections(user), 1);
      });
    };

    // Those of the tests before.
    await sql(`DROP USER IF EXISTS ${(await accounts()).join(", ")}, ''@nowhere`);
    const plain = await rotated();
    await change({ resources: [] } as unknown as Deployment<unknown>, plain, concerned);
    assert.deepEqual(await accounts(), [`k3s@${at}`, `k3s_backup@${at}`]);
    await connect(plain, "k3s");

    const first = await rotated({ credentialRotation: "first" });
    const [user, backupUser] = ["k3s_a7937b64", "k3s_backup_a7937b64"];
    await change(plain, first, concerned, async () => {
      assert.deepEqual(
        await accounts(),
        [`k3s@${at}`, `${user}@${at}`, `k3s_backup@${at}`, `${backupUser}@${at}`].sort(),
      );
      assert.equal(await connections("k3s"), 1);
    });
    assert.deepEqual(await accounts(), [`${user}@${at}`, `${backupUser}@${at}`]);
    assert.equal(await connections("k3s"), 0);

    await connect(first, user);
    const second = await rotated({ credentialRotation: "second", areCredentialsLeaked: true });
    await change(first, second, concerned, async () => {
      assert.deepEqual((await locked()).split("\n"), [user, backupUser].sort());
      assert.equal(await connections(user), 0);
    });
    assert.equal((await accounts()).length, 2);
    assert.equal(await locked(), "");
    await sql(`DROP USER ${(await accounts()).join(", ")}`);
  });
});
