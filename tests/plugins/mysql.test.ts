/**
 * The drop-in mysql plugin against what the official one was observed to do: on a real MariaDB, which is what Debian
 * packages. What the official plugin does on MySQL 5.7 to 9.x needs a server that answers `innodb_version`, and Debian
 * has none: for those versions the SQL is compared to the letter instead, with the version as an argument.
 */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  createUserSql,
  databaseSql,
  grantId,
  grantSql,
  inSetOrder,
  passwordSql,
  revokeSql,
} from "../../sandbox/plugins/mysql/statements.ts";
import { issue, parseCertificate } from "../../sandbox/plugins/tls/certificate.ts";
import { alternativeNames } from "../../sandbox/plugins/tls/alternativeNames.ts";
import { nameOf } from "../../sandbox/plugins/tls/distinguishedName.ts";
import { generateKey } from "../../sandbox/plugins/tls/keys.ts";
import { reveal, Secret, unknown, type PropertyMap } from "../../sandbox/plugins/provider/value.ts";
import { DatabaseServer } from "./databaseServer.ts";
import { PluginProcess } from "./pluginProcess.ts";
import { freePort } from "./sshServer.ts";

const database = "mysql:index/database:Database";
const user = "mysql:index/user:User";
const grant = "mysql:index/grant:Grant";

let server: DatabaseServer;
let directory: string;
let caFile: string;
const running: PluginProcess[] = [];

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "mysql-plugin-"));
  const [caKey, key] = [await generateKey("ECDSA", 0, "P256"), await generateKey("ECDSA", 0, "P256")];
  const common = { validityHours: 1, maxPathLength: undefined, setAuthorityKeyId: false, setSubjectKeyId: true };
  const ca = issue(
    {
      ...common,
      subject: nameOf({ commonName: "test authority" }),
      key: caKey,
      alternativeNames: undefined,
      allowedUses: ["cert_signing"],
      isCa: true,
    },
    { key: caKey },
  );
  const names = alternativeNames({ ipAddresses: ["127.0.0.1"], dnsNames: ["db.example"] });
  const leaf = issue(
    {
      ...common,
      subject: nameOf({ commonName: "database" }),
      key,
      alternativeNames: names,
      allowedUses: ["server_auth"],
      isCa: false,
    },
    { key: caKey, certificate: parseCertificate(ca.pem) },
  );
  caFile = join(directory, "ca.pem");
  await writeFile(caFile, ca.pem);
  const keyPem = key.export({ format: "pem", type: "pkcs8" }).toString();
  server = await DatabaseServer.start(leaf.pem, keyPem, randomBytes(12).toString("hex"));
});

after(async () => {
  await Promise.all(running.map((plugin) => plugin.stop()));
  await server.stop();
  await rm(directory, { recursive: true });
});

/** A plugin for the test server; `args` change its configuration. */
async function pluginFor(args: PropertyMap = {}, env: Record<string, string> = {}): Promise<PluginProcess> {
  const plugin = await PluginProcess.start("mysql", { K3S_HA_MYSQL_PATIENCE: "1", ...env });
  running.push(plugin);
  await plugin.configure({
    endpoint: server.endpoint,
    username: "admin",
    password: new Secret(server.password),
    ...args,
  });
  return plugin;
}

/** A server that accepts connections, says nothing on them, and counts them. */
async function silentServer(): Promise<{ server: Server; port: number }> {
  const silent = createServer().listen(0, "127.0.0.1");
  await once(silent, "listening");
  const address = silent.address();
  if (address === null || typeof address === "string") throw new Error("a TCP server has no port");
  return { server: silent, port: address.port };
}

test("Database: id is the name, defaults become inputs, changes in place, delete drops", async () => {
  const plugin = await pluginFor();
  const given = { name: "kine_one", defaultCharacterSet: "utf8mb4", defaultCollation: "utf8mb4_unicode_ci" };
  const { inputs } = await plugin.check(database, given);
  assert.deepEqual(inputs, { ...given, __defaults: [] });
  const { id, state } = await plugin.create(database, inputs);
  assert.equal(id, "kine_one");
  assert.deepEqual(state, given);
  assert.equal((await plugin.diff(database, inputs, state, inputs)).some, false);
  const other = { ...inputs, defaultCollation: "utf8mb4_bin" };
  const change = await plugin.diff(database, inputs, state, other);
  assert.deepEqual([change.diffs, change.replaces], [["defaultCollation"], []]);
  const updated = await plugin.update(database, id, state, other);
  assert.equal(updated["defaultCollation"], "utf8mb4_bin");
  const shown = await server.query("SHOW CREATE DATABASE kine_one");
  assert.match(String(shown[0]?.["Create Database"]), /COLLATE utf8mb4_bin/);
  assert.deepEqual((await plugin.diff(database, inputs, state, { ...inputs, name: "x" })).replaces, ["name"]);
  await plugin.delete(database, id, updated);
  assert.deepEqual(await plugin.read(database, id, inputs, updated), { id: "", state: {} }, "a lost database is gone");
});

test("Database without a name gets one with a random suffix, and keeps it", async () => {
  const plugin = await pluginFor();
  const { inputs } = await plugin.check(database, {}, {}, "store");
  assert.match(String(inputs["name"]), /^store-[0-9a-f]{7}$/);
  assert.deepEqual(inputs["__defaults"], ["defaultCharacterSet", "defaultCollation", "name"]);
  assert.equal(inputs["defaultCharacterSet"], "utf8");
  assert.deepEqual((await plugin.check(database, {}, inputs, "store")).inputs, inputs);
});

test("Database on MariaDB: the default utf8 reads back as utf8mb3, which is a change at once", async () => {
  const plugin = await pluginFor();
  const { inputs } = await plugin.check(database, { name: "kine_utf8" });
  const { id, state } = await plugin.create(database, inputs);
  assert.equal(state["defaultCharacterSet"], "utf8mb3");
  assert.deepEqual((await plugin.diff(database, inputs, state, inputs)).diffs.sort(), [
    "defaultCharacterSet",
    "defaultCollation",
  ]);
  await plugin.delete(database, id, state);
});

test("MariaDB since 10.10: User and Grant fail, because they ask for a variable that is gone", async () => {
  const plugin = await pluginFor();
  const message = "1 error occurred:\n\t* Error 1193 (HY000): Unknown system variable 'innodb_version'\n\n";
  const account = { user: "kine", host: "192.0.2.1", plaintextPassword: new Secret("p"), tlsOption: "SSL" };
  const { inputs } = await plugin.check(user, account);
  await assert.rejects(plugin.create(user, inputs), { message });
  const rights = await plugin.check(grant, {
    user: "kine",
    host: "192.0.2.1",
    database: "kine",
    privileges: ["SELECT"],
  });
  await assert.rejects(plugin.create(grant, rights.inputs), { message });
});

test("User: defaults, id and hash of the password in outputs, what changes in place and what replaces", async () => {
  const plugin = await pluginFor();
  const { inputs } = await plugin.check(user, { user: "kine", plaintextPassword: new Secret("one") });
  assert.deepEqual(
    { host: inputs["host"], tlsOption: inputs["tlsOption"], defaults: inputs["__defaults"] },
    { host: "localhost", tlsOption: "NONE", defaults: ["host", "tlsOption"] },
  );
  const { state } = await plugin.create(user, inputs, true);
  assert.ok(state["plaintextPassword"] instanceof Secret);
  assert.equal(reveal(state["plaintextPassword"]), createHash("sha256").update("one").digest("hex"));
  assert.equal((await plugin.diff(user, inputs, state, inputs)).some, false);
  const password = await plugin.diff(user, inputs, state, { ...inputs, plaintextPassword: new Secret("two") });
  assert.deepEqual([password.diffs, password.replaces], [["plaintextPassword"], []]);
  const later = await plugin.diff(user, inputs, state, { ...inputs, plaintextPassword: new Secret(unknown) });
  assert.deepEqual(later.diffs, ["plaintextPassword"]);
  const tls = await plugin.diff(user, inputs, state, { ...inputs, tlsOption: "SSL" });
  assert.deepEqual(tls.replaces, ["tlsOption"]);
  const both = await plugin.check(user, { user: "kine", plaintextPassword: "a", password: "b" });
  assert.equal(both.failures[0]?.property, "password");
});

test("User: create before delete of the same account fails with 1396, in the server's words", async () => {
  // The statement that the plugin would run, run by hand: the plugin itself cannot get this far on MariaDB.
  const sql = createUserSql({ user: "k9", host: "192.0.2.2", plaintextPassword: "x", tlsOption: "SSL" }, [9, 7, 0]);
  await server.query(sql);
  await assert.rejects(server.query(sql), /Operation CREATE USER failed for 'k9'@'192\.0\.2\.2'/);
  const plugin = await pluginFor();
  await plugin.delete(user, "k9@192.0.2.2", { user: "k9", host: "192.0.2.2" });
  assert.deepEqual(await server.query("SELECT User FROM mysql.user WHERE User = 'k9'"), []);
});

test("User: refresh looks for the name only", async () => {
  const plugin = await pluginFor();
  const state = { user: "admin", host: "somewhere.else" };
  assert.equal((await plugin.read(user, "admin@somewhere.else", {}, state)).id, "admin@somewhere.else");
  assert.equal((await plugin.read(user, "nobody@x", {}, { user: "nobody", host: "x" })).id, "");
});

test("Grant: defaults, id, `grant` false among the outputs, order of privileges does not count", async () => {
  const plugin = await pluginFor();
  const given = { user: "kine", host: "192.0.2.1", database: "kine", privileges: ["SELECT", "INSERT", "DROP"] };
  const { inputs } = await plugin.check(grant, given);
  assert.deepEqual(inputs["__defaults"], ["table", "tlsOption"]);
  const { state } = await plugin.create(grant, inputs, true);
  assert.deepEqual([state["table"], state["tlsOption"], state["grant"]], ["*", "NONE", false]);
  const turned = { ...inputs, privileges: ["DROP", "SELECT", "INSERT"] };
  assert.equal((await plugin.diff(grant, inputs, state, turned)).some, false);
  const less = await plugin.diff(grant, inputs, state, { ...inputs, privileges: ["SELECT"] });
  assert.deepEqual(less.replaces, ["privileges"]);
  assert.equal(grantId({ ...given, table: "*", tlsOption: "NONE" }), "kine@192.0.2.1:`kine`");
});

test("the SQL for MySQL 5.7, 8 and 9.7 is the official plugin's", () => {
  const account = { user: "kine", host: "192.0.2.1", plaintextPassword: "pw", tlsOption: "SSL" };
  assert.equal(createUserSql(account, [9, 7, 0]), "CREATE USER 'kine'@'192.0.2.1' IDENTIFIED BY 'pw' REQUIRE SSL");
  assert.equal(createUserSql(account, [5, 6, 9]), "CREATE USER 'kine'@'192.0.2.1' IDENTIFIED BY 'pw'");
  const noLogin = { ...account, authPlugin: "mysql_no_login", tlsOption: "NONE" };
  assert.equal(
    createUserSql(noLogin, [8, 0, 1]),
    "CREATE USER 'kine'@'192.0.2.1' IDENTIFIED WITH mysql_no_login REQUIRE NONE",
  );
  const other = { user: "a", host: "b", authPlugin: "caching_sha2_password", tlsOption: "NONE" };
  assert.equal(
    createUserSql(other, [8, 0, 1]),
    "CREATE USER 'a'@'b' IDENTIFIED BY '' REQUIRE NONE",
    "an empty password, silently",
  );
  assert.equal(passwordSql(account, "new", [9, 7, 0]), "ALTER USER 'kine'@'192.0.2.1' IDENTIFIED BY 'new'");
  assert.equal(passwordSql(account, "new", [5, 7, 5]), "SET PASSWORD FOR 'kine'@'192.0.2.1' = PASSWORD('new')");
  const rights = {
    user: "kine",
    host: "192.0.2.1",
    database: "kine",
    table: "*",
    privileges: ["SELECT"],
    grant: true,
    tlsOption: "SSL",
  };
  assert.equal(grantSql(rights, [9, 7, 0]), "GRANT SELECT ON `kine`.* TO 'kine'@'192.0.2.1'");
  assert.equal(
    grantSql(rights, [5, 7, 44]),
    "GRANT SELECT ON `kine`.* TO 'kine'@'192.0.2.1' REQUIRE SSL WITH GRANT OPTION",
  );
  assert.deepEqual(
    revokeSql(rights, [9, 7, 0]).map(({ sql }) => sql),
    ["REVOKE GRANT OPTION ON `kine`.* FROM 'kine'@'192.0.2.1'", "REVOKE SELECT ON `kine`.* FROM 'kine'@'192.0.2.1'"],
  );
  const roles = { role: "r", database: "kine", table: "*", roles: ["a", "b"], tlsOption: "NONE" };
  assert.throws(() => grantSql(roles, [5, 7, 44]), { message: "Roles are only supported on MySQL 8 and above" });
  assert.throws(() => grantSql({ ...rights, privileges: [] }, [9, 7, 0]), {
    message: "One of privileges or roles is required",
  });
  const plain = { name: "a`b", defaultCharacterSet: "utf8mb4", defaultCollation: "utf8mb4_bin" };
  assert.equal(databaseSql("CREATE", plain), "CREATE DATABASE `a``b` CHARACTER SET `utf8mb4` COLLATE `utf8mb4_bin`");
  assert.deepEqual(inSetOrder(["b", "a", "b"]).length, 2);
});

test('tls "true" verifies against the authorities in SSL_CERT_FILE, for an IP address too', async () => {
  const trusted = await pluginFor({ tls: "true" }, { SSL_CERT_FILE: caFile });
  const { inputs } = await trusted.check(database, {
    name: "tls_one",
    defaultCharacterSet: "utf8mb4",
    defaultCollation: "utf8mb4_bin",
  });
  const { id, state } = await trusted.create(database, inputs);
  await trusted.delete(database, id, state);
  const directoryOnly = await pluginFor({ tls: "true" }, { SSL_CERT_DIR: `/nonexistent:${directory}` });
  await directoryOnly.create(database, inputs);
  await directoryOnly.delete(database, id, state);
});

test('tls "true" refuses an unknown authority and another name; "skip-verify" takes both', async () => {
  const inputs = { name: "tls_two", defaultCharacterSet: "utf8mb4", defaultCollation: "utf8mb4_bin" };
  const untrusting = await pluginFor({ tls: "true" });
  await assert.rejects(untrusting.create(database, inputs), {
    message:
      "1 error occurred:\n\t* Could not connect to server: tls: failed to verify certificate: x509: certificate signed by unknown authority\n\n",
  });
  const misnamed = await pluginFor({ tls: "true", endpoint: `localhost:${server.port}` }, { SSL_CERT_FILE: caFile });
  await assert.rejects(misnamed.create(database, inputs), /x509: certificate is valid for db\.example, not localhost/);
  await server.query("CREATE USER 'secure'@'127.0.0.1' IDENTIFIED BY 'p' REQUIRE SSL");
  await server.query("GRANT ALL ON *.* TO 'secure'@'127.0.0.1'");
  const account = { username: "secure", password: new Secret("p") };
  const plain = await pluginFor(account);
  await assert.rejects(plain.create(database, inputs), /Access denied/, "without TLS the account is refused");
  const careless = await pluginFor({ tls: "skip-verify", ...account });
  const { id, state } = await careless.create(database, inputs);
  await careless.delete(database, id, state);
});

test("a server that is down: tried until patience ends, then the reason, in the official words", async () => {
  const port = await freePort();
  const plugin = await pluginFor({ endpoint: `127.0.0.1:${port}` });
  const begin = performance.now();
  await assert.rejects(plugin.create(database, { name: "x", defaultCharacterSet: "a", defaultCollation: "b" }), {
    message: `1 error occurred:\n\t* Could not connect to server: dial tcp 127.0.0.1:${port}: connect: connection refused\n\n`,
  });
  assert.ok(performance.now() - begin >= 400, "it tried more than once");
});

test("patience is five minutes, also with a wrong password, and Cancel ends it", async () => {
  const plugin = await pluginFor({ password: new Secret("wrong") }, { K3S_HA_MYSQL_PATIENCE: "300" });
  const begin = performance.now();
  const created = assert.rejects(
    plugin.create(database, { name: "x", defaultCharacterSet: "a", defaultCollation: "b" }),
    /context canceled/,
  );
  setTimeout(() => void plugin.cancel(), 1500);
  await created;
  assert.ok(performance.now() - begin >= 1500, "it was still trying");
  const short = await pluginFor({ password: new Secret("wrong") });
  await assert.rejects(
    short.create(database, { name: "x", defaultCharacterSet: "a", defaultCollation: "b" }),
    /Could not connect to server: Error 1045 \(28000\): Access denied/,
  );
});

test("a silent server keeps the plugin waiting, and Cancel ends that too", async () => {
  const silent = await silentServer();
  const plugin = await pluginFor({ endpoint: `127.0.0.1:${silent.port}` });
  const created = assert.rejects(
    plugin.create(database, { name: "x", defaultCharacterSet: "a", defaultCollation: "b" }),
    /context canceled/,
  );
  setTimeout(() => void plugin.cancel(), 300);
  await created;
  silent.server.close();
});

test("every operation has a connection of its own, closed afterwards", async () => {
  const plugin = await pluginFor();
  const count = async (): Promise<number> =>
    Number((await server.query("SHOW GLOBAL STATUS LIKE 'Connections'"))[0]?.["Value"]);
  const begin = await count();
  const { id, state } = await plugin.create(database, {
    name: "counted",
    defaultCharacterSet: "utf8mb4",
    defaultCollation: "utf8mb4_bin",
  });
  // One for the statement, one for reading back, one for this count.
  assert.equal((await count()) - begin, 3);
  await plugin.delete(database, id, state);
  const left = await server.query("SELECT COUNT(*) AS n FROM information_schema.processlist WHERE user = 'admin'");
  assert.equal(Number(left[0]?.["n"]), 1, "only the connection that counts");
});

test("the provider's arguments: checked, from the environment when not given, a unix socket too", async () => {
  const plugin = await PluginProcess.start("mysql");
  running.push(plugin);
  const wrong = await plugin.checkConfig({ endpoint: "h:1", username: "u", tls: "maybe", version: "3.3.2" });
  assert.equal(wrong.failures[0]?.property, "tls");
  const missing = await plugin.checkConfig({ version: "3.3.2" });
  assert.deepEqual(
    missing.failures.map(({ property }) => property),
    ["endpoint", "username"],
  );
  const right = await plugin.checkConfig({
    endpoint: "h:1",
    username: "u",
    password: new Secret("p"),
    version: "3.3.2",
  });
  assert.deepEqual(right.inputs, { endpoint: "h:1", username: "u", password: new Secret("p"), version: "3.3.2" });
  const socket = await pluginFor({ endpoint: join(server.directory, "nothing") });
  await assert.rejects(
    socket.create(database, { name: "x", defaultCharacterSet: "a", defaultCollation: "b" }),
    /dial unix .*nothing: connect: no such file or directory/,
  );
});
