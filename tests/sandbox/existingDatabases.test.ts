/**
 * Proves a cluster on a real MySQL 9.7 that somebody else runs: what is made on it, over verified TLS, what the preflight
 * says on real servers, that the administrator's password reaches no disk of a server, and that the schema outlives
 * the stack.
 */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { down, up } from "../../sandbox/sandbox.ts";
import { makeAuthority, makeCertificate } from "../support/certificates.ts";
import { addressOf, devConfig, onHost, readyNodes, SandboxStack, type StackConfig } from "../support/sandboxCluster.ts";

const administrator = "the-administrators-word-7d1f";
const caVariable = "K3S_HA_DATASTORE_CA_FILE";

let directory: string;
let ca: string;
let stranger: string;
let base: StackConfig;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "existing-databases-"));
  const authority = await makeAuthority(directory, "ca");
  ca = authority.certificate;
  stranger = (await makeAuthority(directory, "stranger")).certificate;
  await down();
  await up({ hosts: ["mysql-1", "lb-1", "server-1"] });
  const own = await makeCertificate(directory, "mysql-1", authority, `IP:${addressOf("mysql-1")}`);
  await setUpMysql(
    await readFile(ca, "utf8"),
    await readFile(own.certificate, "utf8"),
    await readFile(own.key, "utf8"),
  );
  base = await devConfig();
  process.env[caVariable] = ca;
});

after(async () => {
  await down();
  await rm(directory, { recursive: true });
});

/** What the database's owner does: a certificate, and an administrator who may log in from the machine that runs Pulumi. */
async function setUpMysql(authority: string, certificate: string, key: string): Promise<void> {
  const place = (path: string, text: string) => `cat >${path} <<'END'\n${text}END\n`;
  await onHost(
    "mysql-1",
    `${place("/etc/mysql/ca.crt", authority)}${place("/etc/mysql/server.crt", certificate)}${place("/etc/mysql/server.key", key)}
chown mysql:mysql /etc/mysql/server.key; chmod 600 /etc/mysql/server.key
${place(
  "/etc/mysql/mysql.conf.d/zz-owner.cnf",
  `[mysqld]
bind-address=0.0.0.0
skip-name-resolve
ssl_ca=/etc/mysql/ca.crt
ssl_cert=/etc/mysql/server.crt
ssl_key=/etc/mysql/server.key
max_connections=400
`,
)}systemctl restart mysql`,
  );
  await sql(`CREATE USER 'owner'@'%' IDENTIFIED BY '${administrator}' REQUIRE SSL`);
  await sql("GRANT ALL ON *.* TO 'owner'@'%' WITH GRANT OPTION");
}

/** Asks MySQL itself, as root on its own socket. */
function sql(statement: string): Promise<string> {
  return onHost("mysql-1", `mysql --batch --skip-column-names <<'END'\n${statement};\nEND`);
}

function existing(changes: Record<string, unknown> = {}): StackConfig {
  return {
    ...base,
    servers: { "server-1": { address: addressOf("server-1") } },
    agentPools: {},
    datastore: {
      existing: { engine: "mysql", address: addressOf("mysql-1"), adminUser: "owner", caFile: ca, ...changes },
    },
    backup: { host: "server-1" },
  };
}

function given(): StackConfig {
  return { ...existing(), datastore: { endpoint: { caFile: ca } } };
}

describe("a MySQL that somebody else runs", () => {
  let stack: SandboxStack;

  test("that has the schema already is left alone, with what to do about it", async () => {
    await sql("CREATE DATABASE k3s");
    stack = await SandboxStack.open("dev", existing());
    await stack.setSecret("datastoreAdminPassword", administrator);
    const { exitCode, all } = await stack.up();
    assert.notEqual(exitCode, 0, all);
    assert.ok(
      all.includes(
        `the schema "k3s" is at ${addressOf("mysql-1")}:3306 already, and not this stack's. A cluster that was destroyed leaves its schema behind: if that cluster is gone for good, or the schema is empty, drop it (DROP DATABASE \`k3s\`); otherwise choose another k3s-ha:datastore.existing.database`,
      ),
      all,
    );
    await sql("DROP DATABASE k3s");
  });

  test("gets a schema, and users for just the hosts that log in, and keeps a cluster", async () => {
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

  test("shows its administrator's password on no disk of a host of the cluster", async () => {
    for (const host of ["server-1", "lb-1"]) {
      // One file that does hold it proves that the search would find another.
      await onHost(host, `printf '%s' '${administrator}' >/var/tmp/planted`);
      const found = await onHost(
        host,
        `grep -rlFs '${administrator}' /etc /root /tmp /run /usr/local /var --exclude-dir=containerd | sort`,
      );
      await onHost(host, "rm /var/tmp/planted");
      assert.equal(found, "/var/tmp/planted", host);
    }
  });

  test("changes nothing when nothing has changed", async () => {
    await stack.preview("--expect-no-changes");
  });

  test("keeps the schema, and loses the users, when the stack goes", async () => {
    const rows = Number(await sql("SELECT COUNT(*) FROM k3s.kine"));
    assert.ok(rows > 100);
    const { exitCode, all } = await stack.destroy();
    assert.equal(exitCode, 0, all);
    assert.ok(Number(await sql("SELECT COUNT(*) FROM k3s.kine")) >= rows);
    assert.equal(await sql("SELECT COUNT(*) FROM mysql.user WHERE user LIKE 'k3s%'"), "0");
  });
});

describe("a user that is there already", () => {
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
        /server-1: a connection to the database at \S+ takes \d+\.\d s while a query takes \d+ ms: it resolves the names of its clients backwards and finds none, and K3s gives up after 5 s\. Set skip-name-resolve on the database, or let its DNS know the servers' addresses\./,
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
      /server-1: the database at \S+ does not prove over TLS that it is the one/,
    );
  });

  test("keeps a cluster, whatever the password", async () => {
    await sql("DROP TABLE mine.kine");
    await sql(`GRANT INDEX ON mine.* TO ${account()}`);
    const stack = await SandboxStack.open("given", given());
    await stack.setSecret("datastoreEndpoint", endpoint());
    await stack.mustUp();
    assert.deepEqual(await readyNodes(await stack.kubeconfig()), ["server-1 v1.35.0+k3s1"]);
    assert.ok(Number(await sql("SELECT COUNT(*) FROM mine.kine")) > 100);
  });
});
