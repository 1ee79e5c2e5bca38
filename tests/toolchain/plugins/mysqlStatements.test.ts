/**
 * The SQL of the drop-in mysql plugin for MySQL 5.7, 8 and 9.7. What the official plugin does there needs a server that
 * answers `innodb_version`, and the newest Debian release has none; so the statements are compared to the letter, with
 * the server's version as an argument, instead of being run.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createUserSql,
  databaseSql,
  grantSql,
  inSetOrder,
  passwordSql,
  revokeSql,
} from "../../../toolchain/plugins/mysql/statements.ts";

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
