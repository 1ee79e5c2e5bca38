/**
 * Proves clusters on existing real datastores: a MySQL 9.7, a MariaDB 11.8, a PostgreSQL and an etcd. What is
 * made on them, over verified TLS, what the preflight says on real servers, that the administrator's password reaches no
 * disk of a server, and that the schema outlives the stack.
 */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import { datastoreEndpointFault } from "../../components/config/datastoreEndpoint.ts";
import { renderClientOptions } from "../../components/datastore/engine/clientOptions.ts";
import { parseDatastoreEndpoint } from "../../components/datastore/engine/datastoreEndpoint.ts";
import { renderHostScript } from "../../components/host/hostScript.ts";
import { down, exec, up } from "../../sandbox/sandbox.ts";
import { machineAddress, machineSite } from "../../sandbox/state.ts";
import { type CertificateFiles, makeAuthority, makeCertificate } from "../support/certificates.ts";
import { definitionsOf } from "../support/hostFiles.ts";
import { hostilePassword } from "../support/hostilePassword.ts";
import { long } from "../support/long.ts";
import { addressOf, devConfig, onHost, readyNodes, SandboxStack, type StackConfig } from "../support/sandboxCluster.ts";
import { engineScripts } from "../../components/datastore/engine/scripts.ts";

const administrator = "the-administrators-word-7d1f";
const caVariable = "K3S_HA_DATASTORE_CA_FILE";

let directory: string;
let ca: string;
let stranger: string;
let client: CertificateFiles;
let base: StackConfig;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "existing-databases-"));
  const authority = await makeAuthority(directory, "ca");
  ca = authority.certificate;
  stranger = (await makeAuthority(directory, "stranger")).certificate;
  await down();
  client = await makeCertificate(directory, "k3s", authority);
  await up({ hosts: ["mysql-1", "db-1", "lb-1", "server-1"] });
  for (const host of ["mysql-1", "db-1"]) {
    const own = await makeCertificate(directory, host, authority, `IP:${addressOf(host)}`);
    await setUpServer(
      host,
      await readFile(ca, "utf8"),
      await readFile(own.certificate, "utf8"),
      await readFile(own.key, "utf8"),
    );
  }
  base = await devConfig();
  process.env[caVariable] = ca;
});

after(async () => {
  await down();
  await rm(directory, { recursive: true });
});

/** What the database's owner does: a certificate, and an administrator who may log in over TLS. */
async function setUpServer(host: string, authority: string, certificate: string, key: string): Promise<void> {
  const place = (path: string, text: string) => `cat >${path} <<'END'\n${text}END\n`;
  const [service, settings] =
    host === "mysql-1"
      ? ["mysql", "/etc/mysql/mysql.conf.d/zz-owner.cnf"]
      : ["mariadb", "/etc/mysql/mariadb.conf.d/99-owner.cnf"];
  await onHost(
    host,
    `${place("/etc/mysql/ca.crt", authority)}${place("/etc/mysql/server.crt", certificate)}${place("/etc/mysql/server.key", key)}
chown mysql:mysql /etc/mysql/server.key; chmod 600 /etc/mysql/server.key
${place(
  settings,
  `[mysqld]
bind-address=0.0.0.0
skip-name-resolve
ssl_ca=/etc/mysql/ca.crt
ssl_cert=/etc/mysql/server.crt
ssl_key=/etc/mysql/server.key
max_connections=400
${host === "mysql-1" ? "" : "innodb_snapshot_isolation=OFF\n"}`,
)}systemctl restart ${service}`,
  );
  await sql(`CREATE USER 'owner'@'%' IDENTIFIED BY '${administrator}' REQUIRE SSL`, host);
  // No more than docs/datastores.md asks for.
  await sql("GRANT CREATE USER ON *.* TO 'owner'@'%'", host);
  await sql("GRANT SELECT ON mysql.user TO 'owner'@'%'", host);
  await sql("GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, INDEX ON k3s.* TO 'owner'@'%' WITH GRANT OPTION", host);
}

/** Asks the database itself, as root on its own socket. */
function sql(statement: string, host = "mysql-1"): Promise<string> {
  const client = host === "mysql-1" ? "mysql" : "mariadb";
  return onHost(host, `${client} --batch --skip-column-names <<'END'\n${statement};\nEND`);
}

/** Where the administrator's password stands in a file of a host. */
async function filesWithPassword(host: string): Promise<string> {
  // One file that does hold it proves that the search would find another.
  await onHost(host, `printf '%s' '${administrator}' >/var/tmp/planted`);
  const found = await onHost(
    host,
    `grep -rlFs '${administrator}' /etc /root /tmp /run /usr/local /var --exclude-dir=containerd | sort`,
  );
  await onHost(host, "rm /var/tmp/planted");
  return found.replace("/var/tmp/planted", "").trim();
}

function existing(changes: Record<string, unknown> = {}): StackConfig {
  return {
    ...base,
    servers: { "server-1": { address: addressOf("server-1") } },
    agentPools: {},
    datastore: {
      existing: { engine: "mysql", address: addressOf("mysql-1"), adminUser: "owner", caFile: ca, ...changes },
    },
    // None but those that the tests ask for.
    backup: { host: "server-1", schedule: "0 3 29 2 *" },
  };
}

function given(): StackConfig {
  return { ...existing(), datastore: { endpoint: { caFile: ca } } };
}

describe("an existing MySQL", () => {
  let stack: SandboxStack;

  test("that has the schema already is left alone, with what to do about it", async () => {
    await sql("CREATE DATABASE k3s");
    stack = await SandboxStack.open("dev", existing());
    await stack.setSecret("datastoreAdminPassword", administrator);
    const { exitCode, all } = await stack.up();
    assert.notEqual(exitCode, 0, all);
    assert.ok(
      all.includes(
        `the schema "k3s" exists at ${addressOf("mysql-1")}:3306 and does not belong to this stack. A destroyed cluster leaves its schema behind: if that cluster no longer exists, or the schema is empty, drop it (DROP DATABASE \`k3s\`); otherwise choose another k3s-ha:datastore.existing.database`,
      ),
      all,
    );
    await sql("DROP DATABASE k3s");
  });

  test("gets a schema, users for exactly the hosts that log in, and a cluster", async () => {
    await stack.mustUp();
    assert.deepEqual(await readyNodes(await stack.kubeconfig()), ["server-1 v1.35.0+k3s1"]);
    const server = addressOf("server-1");
    assert.deepEqual(
      (await sql("SELECT user, host, plugin, ssl_type FROM mysql.user WHERE user LIKE 'k3s%' ORDER BY user")).split(
        "\n",
      ),
      [`k3s\t${server}\tcaching_sha2_password\tANY`, `k3s_backup\t${server}\tcaching_sha2_password\tANY`],
    );
    assert.match(
      await sql(`SHOW GRANTS FOR 'k3s'@'${server}'`),
      /^GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, INDEX ON `k3s`\.\* TO/m,
    );
    assert.match(await sql(`SHOW GRANTS FOR 'k3s_backup'@'${server}'`), /^GRANT SELECT ON `k3s`\.\* TO/m);
    assert.equal(
      await sql(
        "SELECT default_character_set_name, default_collation_name FROM information_schema.schemata WHERE schema_name = 'k3s'",
      ),
      "utf8mb4\tutf8mb4_unicode_ci",
    );
    assert.equal(
      await sql(
        "SELECT COUNT(*), SUM(t.variable_value = '') FROM performance_schema.threads JOIN performance_schema.status_by_thread t USING (thread_id) WHERE processlist_user = 'k3s' AND t.variable_name = 'Ssl_cipher' HAVING COUNT(*) > 0",
      ).then((text) => text.split("\t")[1]),
      "0",
      "a connection of K3s is not encrypted",
    );
  });

  test("is backed up, and the backup is restored to see that it works", async () => {
    const [, ...rows] = (await onHost("server-1", "/usr/local/lib/k3s-ha/backup list")).split("\n");
    assert.equal(rows.length, 1);
    assert.match(rows[0] ?? "", /^\d{8}T\d{6}Z\S* +\S+ +\d{3,} +\S+ +yes /);
  });

  test("is backed up by MySQL's own client too, on a host that has no other", long, async () => {
    const programs = await onHost(
      "mysql-1",
      `files=$(command -v mysql mysqldump); tar --create --gzip --dereference --absolute-names $files $(ldd $files | grep -oE '/\\S+' | grep -v ':$' | sort -u) | base64`,
    );
    const loader =
      "/opt/mysql/lib64/ld-linux-x86-64.so.2 --library-path /opt/mysql/lib/x86_64-linux-gnu:/opt/mysql/usr/lib/x86_64-linux-gnu";
    const install = `set -e; mkdir /opt/mysql; base64 --decode | tar --extract --gzip --directory /opt/mysql
for program in mysql mysqldump; do
  printf '#!/bin/sh\\nexec ${loader} /opt/mysql/usr/bin/%s "$@"\\n' $program >/usr/local/bin/$program; chmod 755 /usr/local/bin/$program
done
mysqldump --version; mv /usr/bin/mariadb-dump /usr/bin/mariadb /root/`;
    const { stdout, stderr, exitCode } = await exec("server-1", install, { input: programs });
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, /^mysqldump +Ver 9\.7\./m);
    try {
      await onHost("server-1", "systemctl start k3s-ha-backup");
      const [, , row = ""] = (await onHost("server-1", "/usr/local/lib/k3s-ha/backup list")).split("\n");
      assert.match(row, /^\d{8}T\d{6}Z\S* +\S+ +\d{3,} +\S+ +yes /);
    } finally {
      await onHost("server-1", "mv /root/mariadb-dump /root/mariadb /usr/bin/; rm /usr/local/bin/mysql*");
    }
  });

  test("shows its administrator's password on no disk of a host of the cluster", async () => {
    for (const host of ["server-1", "lb-1"]) assert.equal(await filesWithPassword(host), "", host);
  });

  test("changes nothing when nothing has changed", async () => {
    await stack.preview("--expect-no-changes");
  });

  test("keeps the schema, but not the users, when the stack is destroyed", async () => {
    const rows = Number(await sql("SELECT COUNT(*) FROM k3s.kine"));
    assert.ok(rows > 100);
    const { exitCode, all } = await stack.destroy();
    assert.equal(exitCode, 0, all);
    assert.ok(Number(await sql("SELECT COUNT(*) FROM k3s.kine")) >= rows);
    assert.equal(await sql("SELECT COUNT(*) FROM mysql.user WHERE user LIKE 'k3s%'"), "0");
  });
});

describe("an existing MySQL that only hosts reach", long, () => {
  let stack: SandboxStack;
  const schema = () => `"k3s" at ${addressOf("mysql-1")}:3306`;

  before(async () => {
    await onHost(
      "mysql-1",
      `nft add table inet far && nft 'add chain inet far in { type filter hook input priority 0; }' && nft add rule inet far in ip saddr ${machineAddress(machineSite)} tcp dport 3306 drop`,
    );
    // The cluster of the tests before is destroyed, and its schema is still there.
    await sql("CREATE TABLE IF NOT EXISTS k3s.kine (name VARCHAR(630))");
  });

  after(async () => {
    process.env[caVariable] = ca;
    await onHost("mysql-1", "nft delete table inet far");
  });

  test("ends a run without via within seconds, with what to set", async () => {
    stack = await SandboxStack.open("via", existing());
    await stack.setSecret("datastoreAdminPassword", administrator);
    const start = Date.now();
    const { exitCode, all } = await stack.up();
    assert.notEqual(exitCode, 0, all);
    assert.ok(
      all.includes(
        `the database server at ${addressOf("mysql-1")}:3306 cannot be reached from the machine that Pulumi runs on (no answer within 10 s). If the stack's hosts reach it, set k3s-ha:datastore.existing.via to one of them; otherwise check k3s-ha:datastore.existing.address and port, that the server is up, and the firewalls in between.`,
      ),
      all,
    );
    assert.ok(Date.now() - start < 120_000, `${Date.now() - start} ms`);
  });

  test("leaves a schema of another cluster alone, through a host too", async () => {
    // Nothing of the plugin is needed, and so no file of its CA.
    Reflect.deleteProperty(process.env, caVariable);
    stack = await SandboxStack.open("via", existing({ via: "server-1" }));
    await stack.setSecret("datastoreAdminPassword", administrator);
    const { exitCode, all } = await stack.up();
    assert.notEqual(exitCode, 0, all);
    assert.ok(
      all.includes(
        `server-1: the schema ${schema()} has tables and does not belong to this stack. A destroyed cluster`,
      ),
      all,
    );
    await sql("DROP DATABASE k3s");
  });

  test("gets schema and users from a host, keeps a cluster, and only the schema when the stack is destroyed", async () => {
    await stack.mustUp();
    assert.deepEqual(await readyNodes(await stack.kubeconfig()), ["server-1 v1.35.0+k3s1"]);
    const server = addressOf("server-1");
    const users = "SELECT user, host, plugin, ssl_type FROM mysql.user WHERE user LIKE 'k3s%' ORDER BY user";
    assert.deepEqual((await sql(users)).split("\n"), [
      `k3s\t${server}\tcaching_sha2_password\tANY`,
      `k3s_backup\t${server}\tcaching_sha2_password\tANY`,
    ]);
    assert.match(
      await sql(`SHOW GRANTS FOR 'k3s'@'${server}'`),
      /^GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, INDEX ON `k3s`\.\* TO/m,
    );
    for (const host of ["server-1", "lb-1"]) assert.equal(await filesWithPassword(host), "", host);
    await stack.preview("--expect-no-changes");
    const { exitCode, all } = await stack.destroy();
    assert.equal(exitCode, 0, all);
    assert.ok(Number(await sql("SELECT COUNT(*) FROM k3s.kine")) > 100);
    assert.equal(await sql(users), "");
  });
});

describe("an existing MariaDB", long, () => {
  test("gets its users from a host that may reach it, keeps a cluster, and only the schema when the stack is destroyed", async () => {
    const config = existing({ engine: "mariadb", address: addressOf("db-1"), via: "server-1" });
    const stack = await SandboxStack.open("mariadb", config);
    await stack.setSecret("datastoreAdminPassword", administrator);
    await stack.mustUp();
    assert.deepEqual(await readyNodes(await stack.kubeconfig()), ["server-1 v1.35.0+k3s1"]);
    const server = addressOf("server-1");
    const users = "SELECT User, Host, ssl_type FROM mysql.user WHERE User LIKE 'k3s%' ORDER BY User";
    assert.equal(await sql(users, "db-1"), `k3s\t${server}\tANY\nk3s_backup\t${server}\tANY`);
    assert.match(
      await sql(`SHOW GRANTS FOR 'k3s'@'${server}'`, "db-1"),
      /^GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, INDEX ON `k3s`\.\* TO/m,
    );
    assert.match(await onHost("server-1", "/usr/local/lib/k3s-ha/backup list"), /^\d{8}T\d{6}Z\S* .* yes /m);
    for (const host of ["server-1", "lb-1"]) assert.equal(await filesWithPassword(host), "", host);
    await stack.preview("--expect-no-changes");
    const { exitCode, all } = await stack.destroy();
    assert.equal(exitCode, 0, all);
    assert.ok(Number(await sql("SELECT COUNT(*) FROM k3s.kine", "db-1")) > 100);
    assert.equal(await sql(users, "db-1"), "");
  });
});

describe("a user that exists", long, () => {
  const password = "p@ss/w:o?r#d%41 'x\\";
  const endpoint = () => `mysql://mine:${password}@tcp(${addressOf("mysql-1")}:3306)/mine`;
  const account = () => `'mine'@'${addressOf("server-1")}'`;

  before(async () => {
    await sql("CREATE DATABASE mine CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci");
    await sql(`CREATE USER ${account()} IDENTIFIED BY 'p@ss/w:o?r#d%41 ''x\\\\' REQUIRE SSL`);
    await sql(`GRANT SELECT, INSERT, UPDATE, DELETE, CREATE ON mine.* TO ${account()}`);
  });

  async function refusal(config: StackConfig): Promise<string> {
    const stack = await SandboxStack.open("given", config);
    await stack.setSecret("datastoreEndpoint", endpoint());
    const { exitCode, all } = await stack.up();
    assert.notEqual(exitCode, 0, all);
    assert.ok(!all.includes("p@ss/w"), "the password was shown");
    return all;
  }

  test("is refused with everything that is wrong: a privilege, gaps, another cluster, a slow name service", async () => {
    await sql("SET GLOBAL auto_increment_increment = 2");
    await sql("CREATE TABLE mine.kine (name VARCHAR(630))");
    await sql("INSERT INTO mine.kine VALUES ('/bootstrap/ba9876543210')");
    await onHost(
      "mysql-1",
      "mkdir -p /etc/mysql/off && mv /etc/mysql/mysql.conf.d/zz-owner.cnf /etc/mysql/off/ && sed '/skip-name-resolve/d' /etc/mysql/off/zz-owner.cnf >/etc/mysql/mysql.conf.d/zz-owner.cnf && printf '[mysqld]\\nauto_increment_increment=2\\n' >/etc/mysql/mysql.conf.d/zz-gaps.cnf && systemctl restart mysql && cp --remove-destination /etc/resolv.conf /etc/mysql/off/ && echo nameserver 127.0.0.1 >/etc/resolv.conf && nft add table inet dns && nft 'add chain inet dns in { type filter hook input priority 0; }' && nft add rule inet dns in udp dport 53 drop",
    );
    try {
      const said = await refusal(given());
      assert.match(
        said,
        /server-1: a connection to the datastore at \S+ takes \d+\.\d s, but a query \d+ ms: the datastore's reverse DNS lookups of its clients time out, and K3s gives up after 5 s\. Set skip-name-resolve on the database server, or add the servers' addresses to its DNS\./,
      );
      assert.match(
        said,
        /server-1: auto_increment_increment is 2; K3s would fill every gap with a row\. Set it to 1\./,
      );
      assert.match(said, /server-1: the user mine lacks INDEX on the schema "mine"\./);
      assert.match(said, /server-1: the schema "mine" holds another cluster, or this one under another token\./);
    } finally {
      await onHost(
        "mysql-1",
        "nft delete table inet dns; cp /etc/mysql/off/resolv.conf /etc/resolv.conf; rm /etc/mysql/mysql.conf.d/zz-gaps.cnf; cp /etc/mysql/off/zz-owner.cnf /etc/mysql/mysql.conf.d/; systemctl restart mysql",
      );
    }
    assert.match(
      await refusal({ ...given(), datastore: { endpoint: { caFile: stranger } } }),
      /server-1: the certificate of the database server at \S+ cannot be verified/,
    );
  });

  test("logs in, whatever the password", async () => {
    await sql("DROP TABLE mine.kine");
    await sql(`GRANT INDEX ON mine.* TO ${account()}`);
    await fc.assert(
      fc.asyncProperty(hostilePassword, async (any) => {
        const mine = `mysql://mine:${any}@tcp(${addressOf("mysql-1")}:3306)/mine`;
        fc.pre(datastoreEndpointFault(mine) === undefined);
        await sql(`ALTER USER ${account()} IDENTIFIED BY ${sqlString(any)}`);
        await onHost("server-1", preflightOf(mine, await readFile(ca, "utf8")));
      }),
      { numRuns: 10 },
    );
    await sql(`ALTER USER ${account()} IDENTIFIED BY ${sqlString(password)}`);
  });

  test("keeps a cluster", async () => {
    const stack = await SandboxStack.open("given", given());
    await stack.setSecret("datastoreEndpoint", endpoint());
    await stack.mustUp();
    assert.deepEqual(await readyNodes(await stack.kubeconfig()), ["server-1 v1.35.0+k3s1"]);
    assert.ok(Number(await sql("SELECT COUNT(*) FROM mine.kine")) > 100);
    const { exitCode, all } = await stack.destroy();
    assert.equal(exitCode, 0, all);
    assert.ok(Number(await sql("SELECT COUNT(*) FROM mine.kine")) > 100);
  });
});

/** What K3s's server logs in with when it has a certificate of its own. */
const clientFiles = () => ({ caFile: ca, certFile: client.certificate, keyFile: client.key });

/** A stack on an endpoint of which there are no backups. */
async function upOn(name: string, endpoint: string, datastore: Record<string, unknown>): Promise<SandboxStack> {
  const config = Object.fromEntries(Object.entries(existing()).filter(([key]) => key !== "backup"));
  const stack = await SandboxStack.open(name, { ...config, datastore: { endpoint: datastore } });
  await stack.setSecret("datastoreEndpoint", endpoint);
  const said = await stack.mustUp();
  assert.match(said, /k3s-ha:datastoreEndpoint names (PostgreSQL|etcd), which this program does not back up/);
  assert.deepEqual(await readyNodes(await stack.kubeconfig()), ["server-1 v1.35.0+k3s1"]);
  await stack.preview("--expect-no-changes");
  return stack;
}

test("a PostgreSQL that asks for a client certificate keeps a cluster, whatever the password", long, async () => {
  await onHost(
    "mysql-1",
    `set -e; cd /etc/postgresql/*/main; install -o postgres -m 600 /etc/mysql/server.key server.key; install -o postgres /etc/mysql/server.crt /etc/mysql/ca.crt .
cat >conf.d/owner.conf <<END
listen_addresses = '*'
max_connections = 200
ssl = on
ssl_ca_file = '$PWD/ca.crt'
ssl_cert_file = '$PWD/server.crt'
ssl_key_file = '$PWD/server.key'
END
echo 'hostssl k3s k3s ${addressOf("server-1")}/32 scram-sha-256 clientcert=verify-full' >>pg_hba.conf
systemctl restart postgresql
runuser -u postgres -- psql --quiet --set=ON_ERROR_STOP=1 <<'END'
CREATE ROLE k3s LOGIN PASSWORD 'p@ss/w:o?r#d%41 ''x\\';
CREATE DATABASE k3s OWNER k3s;
END`,
  );
  const secret = "p%40ss%2Fw%3Ao%3Fr%23d%2541%20%27x%5C";
  const stack = await upOn("postgres", `postgres://k3s:${secret}@${addressOf("mysql-1")}:5432/k3s`, clientFiles());
  const ask = "cd /; runuser -u postgres -- psql --tuples-only --no-align k3s";
  assert.ok(Number(await onHost("mysql-1", `${ask} --command 'SELECT COUNT(*) FROM kine'`)) > 100);
  const { exitCode, all } = await stack.destroy();
  assert.equal(exitCode, 0, all);
});

test("an etcd that asks for a client certificate keeps a cluster", long, async () => {
  const address = addressOf("mysql-1");
  await onHost(
    "mysql-1",
    `set -e; install -d -o etcd /etc/etcd-tls; cd /etc/etcd-tls; install -o etcd -m 600 /etc/mysql/server.key .; install -o etcd /etc/mysql/server.crt /etc/mysql/ca.crt .
cat >/etc/default/etcd <<END
ETCD_NAME=one
ETCD_LISTEN_CLIENT_URLS=https://${address}:2379
ETCD_ADVERTISE_CLIENT_URLS=https://${address}:2379
ETCD_CLIENT_CERT_AUTH=true
ETCD_TRUSTED_CA_FILE=$PWD/ca.crt
ETCD_CERT_FILE=$PWD/server.crt
ETCD_KEY_FILE=$PWD/server.key
END
systemctl restart etcd`,
  );
  await upOn("etcd", `https://${address}:2379`, clientFiles());
});

/** The first server's check of a MySQL, without installing anything. */
function preflightOf(endpoint: string, caCertificate: string): string {
  const parts = parseDatastoreEndpoint(endpoint);
  assert.ok(parts !== undefined);
  const { addresses, user, password, database } = parts;
  const [{ host: address, port }] = addresses;
  const script = renderHostScript({
    body: engineScripts.datastorePreflight,
    parts: [engineScripts.clientFiles, engineScripts.databaseClient],
    variables: {
      host_name: "server-1",
      database,
      database_user: user,
      database_address: address,
      database_setting: "k3s-ha:datastoreEndpoint",
      engine: "mysql",
      expected_plugin: "caching_sha2_password",
      needed_connections: 60,
      connections_per_server: 60,
      token_fingerprint: "0123456789ab",
      client_options: renderClientOptions({ address, port, user, password }),
      ca_certificate: caCertificate,
      client_certificate: "",
      client_key: "",
    },
  });
  return `${definitionsOf(script)}install_packages() { :; }\napply\n`;
}

function sqlString(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
}
