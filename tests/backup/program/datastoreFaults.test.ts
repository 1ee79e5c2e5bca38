// Proves that a run which the datastore, or the way to it, spoils tells why in one sentence, and costs no earlier backup.
import assert from "node:assert/strict";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { execa } from "execa";
import { tokenFingerprint } from "../../../components/identity/tokenFingerprint.ts";
import { asRoot, assertFails, copyBackup, datastore, host, rows, token, useBackupHost } from "./fixture.ts";

useBackupHost();

describe("a run that fails says why, and leaves the earlier backups as they were", { timeout: 600_000 }, () => {
  let earlier: Record<string, string>;
  beforeEach(async () => {
    // One is kept: a retention that ran after a failure would show.
    await host.configure({ keep: 1 });
    const id = await host.takeBackup();
    await copyBackup(id, "20200101T000000Z-7", (manifest) => manifest);
    earlier = await host.content();
  });
  afterEach(async () => {
    assert.deepEqual(await host.content(), earlier);
  });

  it("when the datastore is down", async () => {
    await datastore.stop();
    try {
      await assertFails(
        /the datastore 127\.0\.0\.1:\d+ does not answer; check that it runs and accepts this host: .*2002/,
      );
    } finally {
      await datastore.start();
    }
  });

  it("when the datastore fails during the dump", async () => {
    await host.shim("mariadb-dump", `kill -KILL $(cat ${datastore.directory}/pid); real "$@"`);
    try {
      await assertFails(/the datastore 127\.0\.0\.1:\d+ does not answer/);
    } finally {
      await datastore.stop();
      await datastore.start();
    }
  });

  it("when the password is wrong", async () => {
    await host.configure({ password: "another" });
    await assertFails(/refused the backup user or its password; run pulumi up, which sets both: .*1045/);
  });

  it("when the user may not read the schema", async () => {
    await host.configure({ user: "nobody" });
    await assertFails(/the backup user may not read the datastore .*1044/);
  });

  it("when the datastore's certificate is of another CA", async () => {
    const other = join(host.root, "other-ca.crt");
    await execa(
      "openssl",
      `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=other -keyout /dev/null -out ${other}`.split(
        " ",
      ),
    );
    await host.configure({ caPath: other });
    await assertFails(
      /the TLS certificate of the datastore \S+ could not be verified, so nothing was read from it: .*2026/,
    );
  });

  it("when the datastore's certificate is for another name", async () => {
    await host.configure({ address: "localhost" });
    await assertFails(
      /the TLS certificate of the datastore \S+ could not be verified, so nothing was read from it: .*2026/,
    );
  });

  it("when K3s has never started on the datastore", async () => {
    await datastore.sql("DROP TABLE kine", "k3s");
    await assertFails(/holds no cluster, because K3s never started on it: .*1146/);
  });

  it("when the dump is cut short", async () => {
    await host.shim(
      "mariadb-dump",
      `real "$@"; truncate --size=-200 ${join(host.settings.directory, ".partial/kine.sql")}`,
    );
    await assertFails(/the dump is incomplete: its last line is not "-- Dump completed"/);
  });

  it("when the dump is empty", async () => {
    await host.shim("mariadb-dump", `: >${join(host.settings.directory, ".partial/kine.sql")}`);
    await assertFails(/the dump is incomplete/);
  });

  it("when the dump looks complete, but lacks rows", async () => {
    await host.shim("mariadb-dump", `real "$@" --where='id NOT BETWEEN 100 AND 110'`);
    await assertFails(
      new RegExp(
        `the restored copy has ${rows.length - 11} rows, but the datastore had ${rows.length} before the dump`,
      ),
    );
  });

  it("when the dump is of an earlier time", async () => {
    await host.shim(
      "mariadb-dump",
      `real "$@" --where='id < ${rows.length}'; ${asRoot("INSERT INTO kine(name) VALUES ('x')")}`,
    );
    await assertFails(/the restored copy has \d+ rows, but the datastore had \d+ before the dump/);
  });

  it("when the dump cannot be restored", async () => {
    const dump = join(host.settings.directory, ".partial/kine.sql");
    await host.shim("mariadb-dump", `real "$@"; sed -i 's/^INSERT INTO .kine. VALUES/INSERT INTO kin VALUES/' ${dump}`);
    await assertFails(/the dump cannot be restored: ERROR 1100/);
  });

  it("when the cluster's keys are of another token", async () => {
    await host.configure({ token: "a token that was mixed up" });
    await assertFails(
      new RegExp(
        `no cluster keys under /bootstrap/${tokenFingerprint("a token that was mixed up")}: they belong to another server token`,
      ),
    );
    await host.configure({ token });
  });

  it("when the cluster's keys are only locked yet", async () => {
    await datastore.sql("DELETE FROM kine WHERE name LIKE '/bootstrap/%' AND LENGTH(value) > 0", "k3s");
    await assertFails(
      /does not hold the cluster's keys \(\/bootstrap\/\) yet: K3s has not finished its first start on it/,
    );
  });

  it("when there are no cluster keys", async () => {
    await datastore.sql("DELETE FROM kine WHERE name LIKE '/bootstrap/%'", "k3s");
    await assertFails(
      /does not hold the cluster's keys \(\/bootstrap\/\) yet: K3s has not finished its first start on it/,
    );
  });

  it("when the table is not a whole datastore", async () => {
    await datastore.sql("DELETE FROM kine WHERE name = 'compact_rev_key'", "k3s");
    await assertFails(/has 0 rows compact_rev_key where K3s keeps 1/);
    await datastore.sql(
      `INSERT INTO kine(name, prev_revision) VALUES ('compact_rev_key', 0); DELETE FROM kine WHERE name LIKE '/registry/namespaces/%'`,
      "k3s",
    );
    await assertFails(/holds no namespace/);
  });
});
