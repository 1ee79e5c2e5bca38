// Proves what is created on an existing database server, and how, and that the administrator's password goes
// nowhere else. That MySQL takes it, the sandbox proves.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import {
  caFileVariable,
  caTrustFault,
  type ExistingDatastoreArgs,
} from "../../../components/datastore/existing/existingDatastore.ts";
import { MySQLDatastore } from "../../../components/datastore/mysqlDatastore.ts";
import { unreachableFault } from "../../../components/datastore/existing/reachableServer.ts";
import { takenNameFault } from "../../../components/datastore/existing/takenNames.ts";
import { shellQuote } from "../../../components/host/shell.ts";
import { exampleCa } from "../../config/exampleCa.ts";
import { assertSafeCommands } from "../../support/commandRules.ts";
import { commandsOf, deploy, type Deployment, resourceNamed, scriptOf, tree } from "../../support/deploy.ts";
import { assertRegistersItsFields, valueOf } from "../../support/outputs.ts";
import { sampleHost } from "../../support/sampleHosts.ts";
import { runBash } from "../../support/bash.ts";
import { definitionsOf } from "../../support/hostFiles.ts";
import { inTemporaryDirectory } from "../../support/temporaryDirectory.ts";
import { isSecret, reveal } from "../../support/wire.ts";

const token = "0123456789abcdef-token";
const adminPassword = "the-administrators-word";
const caCertificate = readFileSync(exampleCa, "utf8");
const servers = { "server-1": sampleHost(11), "server-2": sampleHost(12) };

function makeExisting(changes: Partial<ExistingDatastoreArgs> = {}): MySQLDatastore {
  return new MySQLDatastore("datastore", {
    existing: {
      engine: "mysql",
      address: "db.example.com",
      adminUser: "owner",
      adminPassword,
      caCertificate,
      ...changes,
    },
    servers,
    backupAddress: "198.51.100.90",
    token: pulumi.secret(token),
  });
}

before(() => {
  process.env[caFileVariable] = exampleCa;
});

after(() => {
  // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- a variable of the environment
  delete process.env[caFileVariable];
});

describe("an existing MySQL", () => {
  let deployment: Deployment<MySQLDatastore>;
  before(async () => {
    deployment = await deploy(makeExisting);
  });
  const named = (name: string) => resourceNamed(deployment, name);

  it("gets a schema, and an account with its grant for each address", () => {
    assert.equal(
      tree(deployment),
      `datastore  k3s-ha:index:MySQLDatastore
  datastore-backup-198.51.100.90-grant  mysql:index/grant:Grant
  datastore-backup-198.51.100.90-user  mysql:index/user:User
  datastore-backup-password  random:index/randomPassword:RandomPassword
  datastore-k3s-198.51.100.11-grant  mysql:index/grant:Grant
  datastore-k3s-198.51.100.11-user  mysql:index/user:User
  datastore-k3s-198.51.100.12-grant  mysql:index/grant:Grant
  datastore-k3s-198.51.100.12-user  mysql:index/user:User
  datastore-k3s-password  random:index/randomPassword:RandomPassword
  datastore-preflight  command:remote:Command
  datastore-provider  pulumi:providers:mysql
  datastore-schema  mysql:index/database:Database
`,
    );
    assert.deepEqual(named("datastore-schema").inputs, {
      name: "k3s",
      defaultCharacterSet: "utf8mb4",
      defaultCollation: "utf8mb4_unicode_ci",
    });
    const { plaintextPassword, ...user } = named("datastore-k3s-198.51.100.12-user").inputs;
    assert.deepEqual(user, { user: "k3s", host: "198.51.100.12", tlsOption: "SSL" });
    assert.ok(isSecret(plaintextPassword));
    const { privileges, ...grant } = named("datastore-k3s-198.51.100.12-grant").inputs;
    assert.deepEqual(grant, { user: "k3s", host: "198.51.100.12", database: "k3s" });
    assert.deepEqual(privileges, ["SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "INDEX"]);
    assert.deepEqual(named("datastore-backup-198.51.100.90-grant").inputs, {
      user: "k3s_backup",
      host: "198.51.100.90",
      database: "k3s",
      privileges: ["SELECT"],
    });
  });

  it("keeps the schema for good, and takes the grants away with their users", () => {
    assert.ok(named("datastore-schema").retainOnDelete);
    assert.ok(!named("datastore-k3s-198.51.100.11-user").retainOnDelete);
    assert.equal(named("datastore-k3s-198.51.100.11-grant").deletedWith, "datastore-k3s-198.51.100.11-user");
  });

  it("is verified with the file that a variable of Pulumi's names, as only its plugin sees it", () => {
    const { inputs, environment } = named("datastore-provider");
    assert.deepEqual(environment, { [caFileVariable]: "SSL_CERT_FILE" });
    assert.equal(inputs["endpoint"], "db.example.com:3306");
    assert.equal(inputs["tls"], "true");
    assert.ok(isSecret(inputs["password"]));
    assert.equal(reveal(inputs["password"]), adminPassword);
  });

  it("hands the administrator's password to the plugin and to no host", () => {
    assertSafeCommands(deployment, [token, adminPassword]);
    for (const command of commandsOf(deployment)) assert.ok(!scriptOf(command).includes(adminPassword), command.name);
    const [{ inputs }] = commandsOf(deployment) as [(typeof deployment.resources)[number]];
    assert.equal((reveal(inputs["connection"]) as { host: unknown }).host, "198.51.100.11");
  });

  it("is checked by the first server, as K3s, once all grants exist", () => {
    const preflight = named("datastore-preflight");
    for (const { name } of deployment.resources.filter(({ type }) => type === "mysql:index/grant:Grant")) {
      assert.ok(preflight.dependencies.includes(name), name);
    }
    const script = scriptOf(preflight);
    assert.match(script, /^engine=mysql$/m);
    assert.match(script, /^expected_plugin=caching_sha2_password$/m);
    assert.match(script, /^database_user=k3s$/m);
  });

  it("says what to do about a schema or a user that exists", () => {
    for (const { name, type, errorHooks } of deployment.resources) {
      const explained = /^mysql:index\/(database|user):/.test(type);
      assert.deepEqual(errorHooks, explained ? ["datastore-explain"] : [], name);
    }
    const place = { address: "db.example.com:3306", database: "k3s" };
    assert.equal(
      takenNameFault(
        "1 error occurred:\n\t* Error 1007 (HY000): Can't create database 'k3s'; database exists\n\n",
        place,
      ),
      'the schema "k3s" exists at db.example.com:3306 and does not belong to this stack. A destroyed cluster leaves its schema behind: if that cluster no longer exists, or the schema is empty, drop it (DROP DATABASE `k3s`); otherwise choose another k3s-ha:datastore.existing.database',
    );
    assert.equal(
      takenNameFault("Error 1396 (HY000): Operation CREATE USER failed for 'k3s'@'198.51.100.11'", {
        ...place,
        user: "k3s",
        host: "198.51.100.11",
      }),
      "the user 'k3s'@'198.51.100.11' exists at db.example.com:3306 and does not belong to this stack. If an interrupted run left it behind, drop it (DROP USER 'k3s'@'198.51.100.11'); otherwise choose another k3s-ha:datastore.existing.user",
    );
    assert.equal(takenNameFault("Error 1045 (28000): Access denied for user 'owner'", place), undefined);
  });

  it("lets each server in by a resource of its own, and gives the backup a login that may only read", async () => {
    const { admits, backup, endpoint } = deployment.result;
    assert.deepEqual(Object.keys(admits), ["server-1", "server-2"]);
    assert.equal(await valueOf(endpoint), "mysql://k3s:datastore-k3s-password-result@tcp(db.example.com:3306)/k3s");
    assert.equal(await pulumi.isSecret(endpoint), true);
    assert.ok(backup !== undefined);
    const [login, authority] = await valueOf(backup.secretFiles);
    assert.match(login?.content ?? "", /^user="k3s_backup"\npassword="datastore-backup-password-result"$/m);
    assert.equal(authority?.content, caCertificate);
    assertRegistersItsFields(deployment, "datastore", deployment.result);
  });

  it("takes places to log in from, a port, a schema, a user and an IPv6 address", async () => {
    const other = await deploy(() =>
      makeExisting({ address: "2001:db8::20", port: 3307, database: "c", user: "u", loginFrom: ["203.0.113.%", "%"] }),
    );
    assert.equal(resourceNamed(other, "datastore-provider").inputs["endpoint"], "[2001:db8::20]:3307");
    assert.equal(resourceNamed(other, "datastore-backup-anywhere-user").inputs["user"], "u_backup");
    assert.equal(resourceNamed(other, "datastore-k3s-203.0.113.%-user").inputs["host"], "203.0.113.%");
    assert.deepEqual(other.result.admits, {});
    assert.equal(
      await valueOf(other.result.endpoint),
      "mysql://u:datastore-k3s-password-result@tcp([2001:db8::20]:3307)/c",
    );
  });
});

describe("an existing MariaDB", () => {
  const makeMariadb = () => makeExisting({ engine: "mariadb", via: { host: sampleHost(12), hostName: "server-2" } });
  let deployment: Deployment<MySQLDatastore>;
  before(async () => {
    deployment = await deploy(makeMariadb);
  });

  it("gets its schema from the plugin, and its users by SQL from a host, which knows the login for as long as it asks", () => {
    assert.deepEqual(
      deployment.resources
        .filter(({ type }) => /^(mysql|command):/.test(type))
        .map(({ name }) => name)
        .toSorted(),
      [
        "datastore-backup-198.51.100.90-account",
        "datastore-k3s-198.51.100.11-account",
        "datastore-k3s-198.51.100.12-account",
        "datastore-preflight",
        "datastore-schema",
      ],
    );
    const access = resourceNamed(deployment, "datastore-k3s-198.51.100.11-account");
    assert.ok(access.dependencies.includes("datastore-schema"));
    assert.ok(
      resourceNamed(deployment, "datastore-preflight").dependencies.includes("datastore-k3s-198.51.100.12-account"),
    );
    assert.equal((reveal(access.inputs["connection"]) as { host: unknown }).host, "198.51.100.12");
    const script = scriptOf(access);
    assert.doesNotMatch(script, /CREATE DATABASE/);
    assert.match(script, /CREATE USER IF NOT EXISTS \S*k3s\S*198\.51\.100\.11\S* IDENTIFIED BY \S+ REQUIRE SSL/);
    assert.ok(script.includes(adminPassword) && isSecret(access.inputs["stdin"]));
    assertSafeCommands(deployment, [token, adminPassword]);
    assert.ok(!scriptOf(resourceNamed(deployment, "datastore-preflight")).includes(adminPassword));
  });

  it("takes an account away by a resource of its own, after the server that logs in with it", () => {
    const { admits } = deployment.result;
    assert.deepEqual(Object.keys(admits), ["server-1", "server-2"]);
    const script = scriptOf(resourceNamed(deployment, "datastore-k3s-198.51.100.12-account"));
    assert.match(script, /^remove_sql='DROP USER IF EXISTS '\\''k3s'\\''@'\\''198\.51\.100\.12'\\'';'$/m);
    assert.doesNotMatch(script, /DROP USER (?!IF EXISTS '\\''k3s'\\''@'\\''198\.51\.100\.12)/);
  });

  it("needs a host for that", async () => {
    await assert.rejects(
      deploy(() => makeExisting({ engine: "mariadb" })),
      /datastore: a host has to create MariaDB's users: set via/,
    );
  });
});

describe("an existing MySQL that a host reaches", () => {
  let deployment: Deployment<MySQLDatastore>;
  before(async () => {
    // No plugin is started, so nothing has to be known of its CA.
    Reflect.deleteProperty(process.env, caFileVariable);
    deployment = await deploy(() => makeExisting({ via: { host: sampleHost(12), hostName: "server-2" } }));
    process.env[caFileVariable] = exampleCa;
  });

  it("gets schema and users by SQL from that host, and nothing from the plugin", () => {
    assert.deepEqual(
      deployment.resources
        .filter(({ type }) => /mysql:|^command:/.test(type))
        .map(({ name }) => name)
        .toSorted(),
      [
        "datastore-backup-198.51.100.90-account",
        "datastore-k3s-198.51.100.11-account",
        "datastore-k3s-198.51.100.12-account",
        "datastore-preflight",
        "datastore-schema-through-host",
      ],
    );
    const access = resourceNamed(deployment, "datastore-k3s-198.51.100.11-account");
    assert.ok(access.dependencies.includes("datastore-schema-through-host"));
    assert.match(
      scriptOf(access),
      /CREATE USER IF NOT EXISTS \S*k3s\S*198\.51\.100\.11\S* IDENTIFIED WITH caching_sha2_password BY \S+ REQUIRE SSL/,
    );
    assert.doesNotMatch(scriptOf(access), /mysql_native_password|CREATE DATABASE/);
    assertSafeCommands(deployment, [token, adminPassword]);
  });

  it("is never taken from another cluster when it is created, and left alone by the removal", async () => {
    const { inputs } = resourceNamed(deployment, "datastore-schema-through-host");
    assert.match(String(reveal(inputs["create"])), /bash -s apply$/);
    assert.match(String(reveal(inputs["update"])), /bash -s reapply$/);
    const script = definitionsOf(scriptOf(resourceNamed(deployment, "datastore-schema-through-host")));
    const server = (answer: string, status = 0) =>
      `lock_host() { :; }; install_packages() { :; }; open_client() { :; }
sql() {
  local statement
  statement=$(cat)
  if [[ $statement == SELECT* ]]; then
    printf '%s\\n' ${shellQuote(answer)}
    return ${status}
  fi
  printf '%s' "$statement"
}
`;
    const create = "CREATE DATABASE IF NOT EXISTS `k3s` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;";
    assert.equal((await runBash(`${script}${server("0")}apply`)).stdout, create);
    assert.equal((await runBash(`${script}${server("1")}reapply`)).stdout, create);
    assert.deepEqual(await runBash(`${script}${server("1")}remove`), { exitCode: 0, stdout: "", stderr: "" });
    assert.deepEqual(await runBash(`${script}${server("1")}apply`), {
      exitCode: 1,
      stdout: "",
      stderr:
        'server-2: the schema "k3s" at db.example.com:3306 has tables and does not belong to this stack. A destroyed cluster leaves its schema behind: if that cluster no longer exists, drop it (DROP DATABASE `k3s`); otherwise choose another k3s-ha:datastore.existing.database. If this stack created it before k3s-ha:datastore.existing.via was set, remove that setting.\n',
    });
    const refused: readonly (readonly [answer: string, sentence: string])[] = [
      [
        "ERROR 2002 (HY000): Can't connect to server on 'db.example.com' (115)",
        "the database server at db.example.com:3306 cannot be reached from this host: Can't connect to server on 'db.example.com' (115). Check k3s-ha:datastore.existing.address and port, that the server is up, and the firewalls in between; or name another host in k3s-ha:datastore.existing.via.",
      ],
      [
        "ERROR 2026 (HY000): TLS/SSL error: certificate verify failed",
        "the certificate of the database server at db.example.com:3306 cannot be verified: TLS/SSL error: certificate verify failed. The CA in k3s-ha:datastore.existing.caFile has to have signed it, and it has to name exactly this address.",
      ],
      [
        "ERROR 1045 (28000): Access denied for user 'owner'",
        "the database server at db.example.com:3306 refuses k3s-ha:datastore.existing.adminUser: Access denied for user 'owner'. Check its password, k3s-ha:datastoreAdminPassword, and that it may log in from this host.",
      ],
      [
        "ERROR 1044 (42000) at line 1: Access denied to the schema",
        "the database server at db.example.com:3306 did not create the schema: Access denied to the schema. See docs/datastores.md for the administrator's rights.",
      ],
    ];
    for (const [answer, sentence] of refused) {
      const { stderr } = await runBash(`${script}${server(answer, 1)}apply`);
      assert.equal(stderr, `server-2: ${sentence}\n`);
    }
  });
});

describe("a database server that cannot be reached from here", () => {
  it("is found within the time limit, with the reason", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    assert.equal(await unreachableFault("127.0.0.1", port), undefined);
    server.close();
    await once(server, "close");
    assert.equal(await unreachableFault("127.0.0.1", port), "ECONNREFUSED");
  });

  it("ends the run before the plugin tries", async () => {
    const deployment = await deploy(makeExisting);
    const made = deployment.resources.filter(({ type }) => /^mysql:index\/(database|user):/.test(type));
    assert.equal(made.length, 4);
    for (const { name, changeHooks } of made) assert.ok(changeHooks.includes("datastore-reachable"), name);
  });
});

describe("which datastore it is", () => {
  it("has to be said once", async () => {
    const base = { servers, token };
    const endpoint = { endpoint: "mysql://a:b@tcp(c:3306)/d", caCertificate };
    const managed = { host: sampleHost(20), hostName: "db-1" };
    for (const args of [base, { ...base, endpoint, managed }]) {
      await assert.rejects(
        deploy(() => new MySQLDatastore("datastore", args)),
        /has to have exactly one of managed, existing and endpoint/,
      );
    }
    await assert.rejects(
      deploy(() => new MySQLDatastore("datastore", { servers: {}, token, endpoint })),
      /has to name at least one server/,
    );
  });
});

describe("the CA of an existing database", () => {
  const remedy = `start pulumi with ${caFileVariable} set to the absolute path of k3s-ha:datastore.existing.caFile`;

  it("is trusted by the plugin when the variable names a file that holds it, among others", async () => {
    assert.equal(caTrustFault(caCertificate, { [caFileVariable]: exampleCa }), undefined);
    await inTemporaryDirectory((directory) => {
      const bundle = join(directory, "bundle.pem");
      writeFileSync(bundle, `# others\n${caCertificate}\n${caCertificate}`);
      assert.equal(caTrustFault(caCertificate, { [caFileVariable]: bundle }), undefined);
      writeFileSync(bundle, "");
      assert.equal(
        caTrustFault(caCertificate, { [caFileVariable]: bundle }),
        `${caFileVariable} is "${bundle}", which does not contain the CA of the database server: ${remedy}`,
      );
      return Promise.resolve();
    });
  });

  it("is asked for when neither the variable nor the machine knows it", () => {
    assert.equal(
      caTrustFault(caCertificate, {}),
      `the mysql plugin would not trust the database server, because this machine does not know the CA and the plugin has no setting for one: ${remedy}`,
    );
    assert.equal(
      caTrustFault(caCertificate, { [caFileVariable]: "/no/such/file" }),
      `${caFileVariable} is "/no/such/file", which cannot be read: ${remedy}`,
    );
  });

  it("stops an update, and no preview", async () => {
    process.env[caFileVariable] = "/no/such/file";
    try {
      await assert.rejects(
        deploy(makeExisting),
        /K3S_HA_DATASTORE_CA_FILE is "\/no\/such\/file", which cannot be read/,
      );
      await deploy(makeExisting, { preview: "first" });
    } finally {
      process.env[caFileVariable] = exampleCa;
    }
  });
});
