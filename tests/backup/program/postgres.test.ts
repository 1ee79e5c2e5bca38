/**
 * Proves, on a real PostgreSQL with kine's table, that a backup of it is verified by restoring it, what is refused, and what the
 * exchange of a restore does: the owner stays, and no revision that a client may have seen comes again.
 */
import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { execa } from "execa";
import { renderBackupProgram } from "../../../components/backup/backupProgram.ts";
import { renderBackupProgramSettings } from "../../../components/backup/backupProgramSettings.ts";
import { postgresBackupFunctions, renderServiceFile } from "../../../components/datastore/engine/postgresBackup.ts";
import { engineScripts } from "../../../components/datastore/engine/scripts.ts";
import { renderPostgresRoles } from "../../../components/datastore/postgres/postgresAccess.ts";
import { postgresScripts } from "../../../components/datastore/postgres/scripts.ts";
import { renderHostScript } from "../../../components/host/hostScript.ts";
import { manifestKey, tokenFingerprint } from "../../../components/identity/tokenFingerprint.ts";
import { makeAuthority, makeCertificate } from "../../support/certificates.ts";
import { PostgresServer } from "../../support/postgresServer.ts";
import { kineRows } from "./kineRows.ts";

const token = "a-token-of-the-cluster-0123456789abcdef";
const password = `p"a's#s\\w/o%r d;`;
const rows = kineRows(token);

/** kine's own schema for PostgreSQL. */
const schema = `CREATE TABLE kine (id BIGSERIAL PRIMARY KEY, name text COLLATE "C", created INTEGER, deleted INTEGER,
  create_revision BIGINT, prev_revision BIGINT, lease INTEGER, value bytea, old_value bytea);
CREATE INDEX kine_name_index ON kine (name);
CREATE UNIQUE INDEX kine_name_prev_revision_uindex ON kine (name, prev_revision);`;

const bytes = (value: Buffer | null) => (value === null ? "NULL" : `'\\x${value.toString("hex")}'`);

const inserts = rows
  .map(
    ({ id, name, created, deleted, createRevision, prevRevision, value, oldValue }) =>
      `INSERT INTO kine VALUES (${id}, '${name}', ${created}, ${deleted}, ${createRevision ?? "NULL"}, ${prevRevision}, 0, ${bytes(value)}, ${bytes(oldValue)});`,
  )
  .join("\n");

let root: string;
let server: PostgresServer;
let ca: string;
let host: string;
let backups: string;

before(async () => {
  root = await mkdtemp(join(tmpdir(), "k3s-ha-backup-"));
  // The verification server, which is not root, has to get to its directory.
  await chmod(root, 0o711);
  const authority = await makeAuthority(root, "ca");
  ca = authority.certificate;
  server = await PostgresServer.start({
    own: await makeCertificate(root, "database", authority, "IP:127.0.0.1"),
    clientAuthority: authority,
  });
});

after(async () => {
  await server.stop();
  await rm(root, { recursive: true });
});

beforeEach(async () => {
  const left = await server.query("SELECT datname FROM pg_database WHERE datname LIKE 'k3s%'");
  for (const name of left.split("\n").filter(Boolean)) await server.query(`DROP DATABASE "${name}" WITH (FORCE)`);
  await server.query("CREATE DATABASE k3s TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'");
  await server.query(
    renderPostgresRoles("k3s", {
      owner: "k3s_owner",
      k3s: { role: "k3s", password: "k3s" },
      backup: { role: "k3s_backup", password: password.replaceAll("'", "''") },
    }),
  );
  await server.query(`SET ROLE k3s_owner; ${schema} ${inserts} SELECT setval('kine_id_seq', ${rows.length});`, "k3s");
  host = await mkdtemp(join(root, "host-"));
  await chmod(host, 0o711);
  backups = join(host, "backups");
  await mkdir(backups, { mode: 0o711 });
  await mkdir(join(host, "restore"), { mode: 0o700 });
  await mkdir(join(host, "metrics"));
  await configure();
});

/** The backup program with all its files in one directory of the test. */
async function configure(changes: { user?: string; caPath?: string; token?: string } = {}): Promise<void> {
  const file = async (name: string, text: string) => {
    await writeFile(join(host, name), text, { mode: 0o600 });
    return join(host, name);
  };
  const service = renderServiceFile({
    addresses: [{ host: "127.0.0.1", port: server.port }],
    database: "k3s",
    user: changes.user ?? "k3s_backup",
    password,
  }).replace(/^sslrootcert=.*$/m, `sslrootcert=${changes.caPath ?? ca}`);
  await file("program", renderBackupProgram(postgresBackupFunctions));
  await file(
    "backup.conf",
    renderBackupProgramSettings({
      hostName: "backup-1",
      directory: backups,
      keep: 3,
      daily: 0,
      weekly: 0,
      monthly: 0,
      maxAgeSeconds: 7200,
      datastore: {
        database: "k3s",
        source: `127.0.0.1:${server.port}`,
        service_file: await file("service.conf", service),
      },
      tokenFingerprintFile: await file("fingerprint", `${tokenFingerprint(changes.token ?? token)}\n`),
      manifestKeyFile: await file("manifest.key", `${manifestKey(changes.token ?? token)}\n`),
      k3sVersion: "v1.35.0+k3s1",
      verifier: "nobody",
      recipients: [],
      tokenEscrow: undefined,
      copy: undefined,
      metricsDirectory: join(host, "metrics"),
      onFailure: undefined,
      webhookConfig: undefined,
      drillMaxAgeSeconds: undefined,
      drillRequired: false,
      drillIdentity: undefined,
    }),
  );
}

function program(...args: string[]) {
  return execa("bash", [join(host, "program"), ...args], {
    reject: false,
    all: true,
    env: { K3S_HA_BACKUP_CONFIG: join(host, "backup.conf") },
  });
}

async function takeBackup(): Promise<string> {
  const { all, exitCode } = await program("run");
  assert.equal(exitCode, 0, all);
  return /^backup (\S+):/m.exec(all)?.[1] ?? "";
}

async function phase(name: string, changes: Readonly<Record<string, string | number>> = {}) {
  const script = renderHostScript({
    body: postgresScripts.postgresRestore,
    parts: [engineScripts.raisedRevision, postgresScripts.postgresCluster],
    variables: {
      host_name: "db-1",
      port: server.port,
      database: "k3s",
      owner: "k3s_owner",
      k3s_role: "k3s",
      backup_role: "k3s_backup",
      safety_directory: join(host, "before"),
      started: "20261127T120000Z",
      phase: name,
      expected_rows: rows.length,
      expected_revision: rows.length,
      expected_at: new Date().toISOString(),
      expected_bytes: 4_000_000,
      packed_bytes: 2_000_000,
      token_fingerprint: tokenFingerprint(token),
      ...changes,
    },
  });
  const input = script
    .replace("state_directory=/var/lib/k3s-ha", `state_directory=${host}`)
    .replace("runtime_directory=/run/k3s-ha", `runtime_directory=${join(host, "run")}`)
    .replaceAll("/run/lock/k3s-ha.lock", join(host, "lock"))
    .replace(/^ {2}find_cluster$/m, `  data_directory=${join(server.directory, "data")}`);
  return execa("bash", ["-s", "apply"], { input, reject: false, env: { PGHOST: server.directory } });
}

async function must(name: string, changes: Readonly<Record<string, string | number>> = {}): Promise<string> {
  const { stdout, stderr, exitCode } = await phase(name, changes);
  assert.equal(exitCode, 0, stderr);
  return stdout;
}

async function extract(id: string): Promise<void> {
  const { all, exitCode } = await program("extract", id, join(host, "restore/kine.sql.zst"));
  assert.equal(exitCode, 0, all);
}

describe("a backup of PostgreSQL", () => {
  test("is restored and checked, described, and signed", async () => {
    const id = await takeBackup();
    const manifest = JSON.parse(await readFile(join(backups, id, "manifest.json"), "utf8")) as Record<string, unknown>;
    assert.deepEqual(
      [manifest["engine"], manifest["rows"], manifest["revision"], manifest["file"], manifest["source"]],
      ["postgres", rows.length, rows.length, "kine.pgdump.zst", `127.0.0.1:${server.port}/k3s`],
    );
    assert.deepEqual((await readdir(join(backups, id))).toSorted(), [
      "kine.pgdump.zst",
      "manifest.hmac",
      "manifest.json",
    ]);
    assert.match((await program("verify")).all, new RegExp(id));
    assert.equal((await execa("ps", ["-eo", "args"])).stdout.includes(`${backups}/.partial`), false);
  });

  test("is restored again by a drill, which opens the cluster's keys", async () => {
    const id = await takeBackup();
    const { all, exitCode } = await program("drill");
    assert.equal(exitCode, 0, all);
    assert.match(
      all,
      new RegExp(
        `^drill: backup ${id} restored to ${rows.length} rows at revision ${rows.length}, and its keys opened`,
        "m",
      ),
    );
  });

  test("has a name of its own for what is wrong", async () => {
    const source = `127.0.0.1:${server.port}`;
    const stranger = (await makeAuthority(host, "stranger")).certificate;
    const cases: [string, () => Promise<unknown>, RegExp][] = [
      [
        "another password",
        () => server.query("ALTER ROLE k3s_backup PASSWORD 'other'"),
        new RegExp(
          `^k3s-ha-backup: the datastore ${source} refused the backup user or its password; run pulumi up, which sets both: `,
        ),
      ],
      [
        "another CA",
        () => configure({ caPath: stranger }),
        new RegExp(
          `^k3s-ha-backup: the TLS certificate of the datastore ${source} could not be verified, so nothing was read from it: `,
        ),
      ],
      [
        "another token",
        () => configure({ token: "another" }),
        new RegExp(
          `^k3s-ha-backup: the datastore holds no cluster keys under /bootstrap/${tokenFingerprint("another")}: they belong to another server token`,
        ),
      ],
      [
        "no right to read",
        () => server.query("REVOKE pg_read_all_data FROM k3s_backup"),
        new RegExp(
          `^k3s-ha-backup: the backup user may not read the datastore ${source}; run pulumi up, which grants it: `,
        ),
      ],
      [
        "no table",
        () => server.query("DROP TABLE kine", "k3s"),
        new RegExp(`^k3s-ha-backup: the datastore ${source} holds no cluster, because K3s never started on it: `),
      ],
    ];
    for (const [what, breaks, message] of cases) {
      await breaks();
      const { all, exitCode } = await program("run");
      assert.equal(exitCode, 1, what);
      assert.match(all, message, what);
      assert.equal(all.trim().split("\n").length, 1, all);
      await configure();
      await server.query(
        `ALTER ROLE k3s_backup PASSWORD '${password.replaceAll("'", "''")}'; GRANT pg_read_all_data TO k3s_backup`,
      );
    }
  });

  test("whose sequence is behind its rows is refused", async () => {
    await server.query("SELECT setval('kine_id_seq', 3)", "k3s");
    const { all, exitCode } = await program("run");
    assert.equal(exitCode, 1);
    assert.equal(
      all,
      `k3s-ha-backup: the restored copy ends at revision ${rows.length}, but its sequence at 3: K3s could not write after a restore`,
    );
  });

  test("replaces nothing by the command for existing databases", async () => {
    const id = await takeBackup();
    const { all, exitCode } = await program("replace", id, "--login", "/dev/null");
    assert.equal(exitCode, 1);
    assert.equal(
      all,
      "k3s-ha-backup: a PostgreSQL that the stack installed is restored by make restore; for any other, extract a backup and use pg_restore, as docs/restore.md describes. Nothing was changed",
    );
  });
});

describe("a restore of PostgreSQL", () => {
  /** Restores a backup after `meanwhile` happened; returns what "lock" reported. */
  async function restore(meanwhile: () => Promise<unknown>): Promise<string> {
    const id = await takeBackup();
    await must("room");
    await extract(id);
    await meanwhile();
    const current = await must("lock");
    await must("prepare");
    await must("swap");
    await must("open");
    return current;
  }

  test("brings every row back, above every revision that a client may have seen", async () => {
    const next = rows.length + 50;
    const current = await restore(() =>
      server.query(
        `INSERT INTO kine SELECT n, '/registry/late/' || n, 1, 0, 0, 0, 0, NULL, NULL FROM generate_series(${rows.length + 1}, ${next}) n; DELETE FROM kine WHERE id = 5; SELECT setval('kine_id_seq', ${next});`,
        "k3s",
      ),
    );
    assert.deepEqual(current.split("\t").map(Number), [next - 1, next]);
    const raised = next + 1000;
    assert.equal(
      await server.query(`SELECT count(*) FROM kine WHERE id <= ${rows.length}`, "k3s"),
      String(rows.length),
    );
    assert.equal(
      await server.query(
        "SELECT string_agg(name, ',') FROM kine WHERE name LIKE '/registry/late/%' OR id > 100000",
        "k3s",
      ),
      "",
    );
    assert.equal(
      await server.query("SELECT max(id), max(name) FILTER (WHERE name LIKE 'gap-%') FROM kine", "k3s"),
      `${raised}|gap-${raised}`,
    );
    assert.equal(
      await server.query("SELECT prev_revision FROM kine WHERE name = 'compact_rev_key'", "k3s"),
      String(raised),
    );
    assert.equal(await server.query("SELECT nextval('kine_id_seq')", "k3s"), String(raised + 1));
    const owners = "SELECT string_agg(DISTINCT pg_get_userbyid(relowner), ',') FROM pg_class";
    assert.equal(await server.query(`${owners} WHERE relnamespace = 'public'::regnamespace`, "k3s"), "k3s_owner");
    assert.equal(
      await server.query("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'k3s'"),
      "k3s_owner",
    );
    // What was there is kept, twice, and the logins work again.
    assert.equal(await server.query("SELECT count(*) FROM kine", "k3s_replaced_20261127t120000z"), String(next - 1));
    assert.deepEqual(await readdir(join(host, "before")), ["before-restore-20261127T120000Z.pgdump.zst"]);
    assert.equal(await server.query("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'k3s'"), "t");
    assert.equal((await program("run")).exitCode, 0);
  });

  test("keeps the servers out until the databases are exchanged", async () => {
    const id = await takeBackup();
    await must("room");
    await extract(id);
    await must("lock");
    assert.equal(await server.query("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'k3s'"), "f");
    await must("prepare");
    await must("swap");
    assert.equal(await server.query("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'k3s'"), "f");
    await must("open");
    assert.equal(await server.query("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'k3s'"), "t");
  });

  test("into a server without the database and the roles makes both, for the owner", async () => {
    const current = await restore(async () => {
      await server.query("DROP DATABASE k3s; DROP ROLE k3s; DROP ROLE k3s_backup");
    });
    assert.equal(current, "");
    assert.equal(await server.query("SELECT count(*) FROM kine", "k3s"), String(rows.length + 1));
    assert.equal(
      await server.query("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'k3s'"),
      "k3s_owner",
    );
  });

  test("may be repeated from its beginning at any step", async () => {
    const id = await takeBackup();
    const phases = ["room", "lock", "prepare", "swap", "open"];
    for (let until = 1; until <= phases.length; until++) {
      await extract(id);
      for (const name of phases.slice(0, until)) {
        if (name === "lock") await extract(id);
        await must(name, { started: `20261127T12000${until}Z` });
      }
    }
    assert.equal(
      await server.query(`SELECT count(*) FROM kine WHERE id <= ${rows.length}`, "k3s"),
      String(rows.length),
    );
  });

  test("refuses what is not the backup, and changes nothing", async () => {
    const id = await takeBackup();
    await must("room");
    await extract(id);
    const before = await server.query("SELECT count(*), max(id) FROM kine", "k3s");
    const refused = async (changes: Readonly<Record<string, string | number>>, message: string) => {
      const { stderr, exitCode } = await phase("prepare", changes);
      assert.equal(exitCode, 1);
      assert.equal(stderr, message);
    };
    await refused(
      { expected_rows: 7 },
      `db-1: the import has ${rows.length} rows up to revision ${rows.length}, but the backup 7 up to ${rows.length}; the datastore is unchanged`,
    );
    await refused(
      { token_fingerprint: "0123456789ab" },
      "db-1: the backup holds no keys of this cluster's token; the datastore is unchanged",
    );
    const { stderr } = await phase("swap", { database: "other" });
    assert.equal(stderr, "db-1: there is no import to exchange; run the restore again from its beginning");
    assert.equal(await server.query("SELECT count(*), max(id) FROM kine", "k3s"), before);
  });
});
