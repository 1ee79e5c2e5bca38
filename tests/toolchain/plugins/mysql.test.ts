/**
 * Database, User and Grant of the drop-in mysql plugin against what the official one was observed to do: on a real
 * MariaDB, which is what Debian packages. User and Grant get no further there than the official plugin does; what they
 * do on MySQL is proven in mysqlStatements.test.ts.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { createUserSql, grantId } from "../../../toolchain/plugins/mysql/statements.ts";
import { reveal, Secret, textOf, unknown } from "../../../toolchain/plugins/provider/value.ts";
import { database, grant, MysqlFixture, user } from "./mysqlFixture.ts";

let on: MysqlFixture;

before(async () => {
  on = await MysqlFixture.start();
});

after(async () => {
  await on.stop();
});

test("Database: id is the name, defaults become inputs, changes in place, delete drops", async () => {
  const plugin = await on.pluginFor();
  const given = { name: "kine_one", defaultCharacterSet: "utf8mb4", defaultCollation: "utf8mb4_unicode_ci" };
  const { inputs } = await plugin.check(database, given);
  assert.deepEqual(inputs, { ...given, __defaults: [] });
  const { id, state } = await plugin.create(database, inputs);
  assert.equal(id, "kine_one");
  assert.deepEqual(state, { ...given, id });
  assert.equal((await plugin.diff(database, inputs, state, inputs)).some, false);
  const other = { ...inputs, defaultCollation: "utf8mb4_bin" };
  const change = await plugin.diff(database, inputs, state, other);
  assert.deepEqual([change.diffs, change.replaces], [["defaultCollation"], []]);
  const updated = await plugin.update(database, id, state, other);
  assert.equal(updated["defaultCollation"], "utf8mb4_bin");
  const shown = await on.server.query("SHOW CREATE DATABASE kine_one");
  assert.match(String(shown[0]?.["Create Database"]), /COLLATE utf8mb4_bin/);
  assert.deepEqual((await plugin.diff(database, inputs, state, { ...inputs, name: "x" })).replaces, ["name"]);
  await plugin.delete(database, id, updated);
  assert.deepEqual(await plugin.read(database, id, inputs, updated), { id: "", state: {} }, "a lost database is gone");
});

test("Database without a name gets one with a random suffix, and keeps it", async () => {
  const plugin = await on.pluginFor();
  const { inputs } = await plugin.check(database, {}, {}, "store");
  assert.match(textOf(inputs["name"]), /^store-[0-9a-f]{7}$/);
  assert.deepEqual(inputs["__defaults"], ["defaultCharacterSet", "defaultCollation", "name"]);
  assert.equal(inputs["defaultCharacterSet"], "utf8");
  assert.deepEqual((await plugin.check(database, {}, inputs, "store")).inputs, inputs);
});

test("Database on MariaDB: the default utf8 reads back as utf8mb3, which is a change at once", async () => {
  const plugin = await on.pluginFor();
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
  const plugin = await on.pluginFor();
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
  const plugin = await on.pluginFor();
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
  await on.server.query(sql);
  await assert.rejects(on.server.query(sql), /Operation CREATE USER failed for 'k9'@'192\.0\.2\.2'/);
  const plugin = await on.pluginFor();
  await plugin.delete(user, "k9@192.0.2.2", { user: "k9", host: "192.0.2.2" });
  assert.deepEqual(await on.server.query("SELECT User FROM mysql.user WHERE User = 'k9'"), []);
});

test("User: refresh looks for the name only", async () => {
  const plugin = await on.pluginFor();
  const state = { user: "admin", host: "somewhere.else" };
  assert.equal((await plugin.read(user, "admin@somewhere.else", {}, state)).id, "admin@somewhere.else");
  assert.equal((await plugin.read(user, "nobody@x", {}, { user: "nobody", host: "x" })).id, "");
});

test("Grant: defaults, id, `grant` false among the outputs, order of privileges does not count", async () => {
  const plugin = await on.pluginFor();
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
