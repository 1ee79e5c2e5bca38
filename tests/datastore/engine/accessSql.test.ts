// Proves with a real MariaDB what the SQL leaves behind: which accounts, with which rights, and who gets in.
import assert from "node:assert/strict";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { setTimeout } from "node:timers/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { execa } from "execa";
import {
  backupPrivileges,
  type DatastoreUser,
  k3sPrivileges,
  renderAccessSql,
} from "../../../components/datastore/engine/accessSql.ts";
import { TestDatastore } from "../../backup/program/testDatastore.ts";
import { assertGolden } from "../../support/golden.ts";

const k3s: DatastoreUser = {
  user: "k3s",
  password: "(password)",
  addresses: ["198.51.100.11", "198.51.100.12"],
  privileges: k3sPrivileges,
};
const backup: DatastoreUser = {
  user: "k3s_backup",
  password: "(another password)",
  addresses: ["198.51.100.20"],
  privileges: backupPrivileges,
};

describe("renderAccessSql", () => {
  let root = "";
  let datastore: TestDatastore;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), "k3s-ha-test-"));
    // MariaDB does not run as root, and has to get through to its own directory.
    await chmod(root, 0o711);
    datastore = await TestDatastore.create(join(root, "mariadb"));
  });
  after(async () => {
    await datastore.stop();
    await rm(root, { recursive: true });
  });

  const apply = (...users: DatastoreUser[]) => datastore.sql(renderAccessSql("k3s", users));
  const accounts = async () =>
    (await datastore.sql("SELECT CONCAT(User, '@', Host) FROM mysql.user WHERE User LIKE 'k3s%' ORDER BY 1")).split(
      "\n",
    );
  const grants = (account: string) => datastore.sql(`SHOW GRANTS FOR ${account}`);
  /** All but the second in which a password was last set: the same one is set again. */
  const everything = () =>
    datastore.sql(
      "SELECT Host, User, JSON_REMOVE(Priv, '$.password_last_changed') FROM mysql.global_priv ORDER BY 1, 2; SELECT * FROM mysql.db ORDER BY 1, 2, 3",
    );

  /** Logs in over TLS from 127.0.0.1, and returns the failure, if any. */
  const logIn = async (user: string, password: string, ...options: string[]) => {
    const { stderr, exitCode } = await execa(
      "mariadb",
      [
        ...["--no-defaults", "--host=127.0.0.1", `--port=${datastore.port}`, `--user=${user}`],
        ...(options.length === 0 ? [`--ssl-ca=${datastore.caPath}`, "--ssl-verify-server-cert"] : options),
        ...["k3s", "--execute=SELECT 1"],
      ],
      { reject: false, env: { MYSQL_PWD: password } },
    );
    return exitCode === 0 ? undefined : stderr;
  };

  it("reads like this", () => {
    assertGolden("datastore-access.sql", renderAccessSql("k3s", [k3s, backup]));
  });

  it("makes the schema and one account for each address, with these rights on this schema only", async () => {
    await apply(k3s, backup);
    assert.deepEqual(await accounts(), ["k3s@198.51.100.11", "k3s@198.51.100.12", "k3s_backup@198.51.100.20"]);
    assert.match(
      await grants("k3s@198.51.100.11"),
      /^GRANT USAGE ON \*\.\* TO \S+ IDENTIFIED BY PASSWORD '\*[0-9A-F]{40}' REQUIRE SSL\nGRANT SELECT, INSERT, UPDATE, DELETE, CREATE, INDEX ON `k3s`\.\* TO \S+$/,
    );
    assert.match(await grants("k3s_backup@198.51.100.20"), /REQUIRE SSL\nGRANT SELECT ON `k3s`\.\* TO \S+$/);
    assert.match(await datastore.sql("SHOW CREATE DATABASE k3s"), /utf8mb4 COLLATE utf8mb4_unicode_ci/);
  });

  it("changes nothing the second time", async () => {
    await apply(k3s, backup);
    const before = await everything();
    await setTimeout(1100);
    await apply(k3s, backup);
    assert.equal(await everything(), before);
  });

  it("drops no account, of no address and of no user: its client may still be at work", async () => {
    await datastore.sql("CREATE USER IF NOT EXISTS k3s_of_others@'198.51.100.11'");
    await apply({ ...k3s, addresses: ["198.51.100.12", "198.51.100.13"] }, { ...backup, addresses: ["198.51.100.21"] });
    assert.deepEqual(await accounts(), [
      "k3s@198.51.100.11",
      "k3s@198.51.100.12",
      "k3s@198.51.100.13",
      "k3s_backup@198.51.100.20",
      "k3s_backup@198.51.100.21",
      "k3s_of_others@198.51.100.11",
    ]);
  });

  it("lets users in over TLS only, with any password", async () => {
    for (const password of ["plain", `it's "a" \\ b`, "\\' OR 1=1 -- ", "ä€😀 %_"]) {
      await apply({ ...k3s, password, addresses: ["127.0.0.1"] });
      assert.equal(await logIn("k3s", password), undefined);
      assert.match(String(await logIn("k3s", password, "--skip-ssl")), /ERROR (1045|3159|4151)/);
      assert.match(String(await logIn("k3s", `${password}!`)), /ERROR 1045/);
    }
  });
});
