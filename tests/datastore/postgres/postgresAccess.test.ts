// Proves, on a real PostgreSQL, what each role may do: K3s creates and owns nothing of its own, another login can follow it, and
// the backup reads only.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { execa } from "execa";
import {
  type PostgresRoles,
  renderPostgresRoles,
  renderPostgresRolesRemoval,
} from "../../../components/datastore/postgres/postgresAccess.ts";
import { makeAuthority, makeCertificate } from "../../support/certificates.ts";
import { PostgresServer } from "../../support/postgresServer.ts";

const roles: PostgresRoles = {
  owner: "k3s_owner",
  k3s: { role: "k3s", password: "first" },
  backup: { role: "k3s_backup", password: "reader" },
};

/** What kine runs at every start. */
const setup = `CREATE TABLE IF NOT EXISTS kine (id BIGSERIAL PRIMARY KEY, name text COLLATE "C", value bytea);
CREATE INDEX IF NOT EXISTS kine_name_index ON kine (name);`;

let directory: string;
let server: PostgresServer;
let authority: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "postgres-access-"));
  const ca = await makeAuthority(directory, "ca");
  authority = ca.certificate;
  server = await PostgresServer.start({
    own: await makeCertificate(directory, "database", ca, "IP:127.0.0.1"),
    clientAuthority: ca,
  });
  await server.query("CREATE DATABASE k3s TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'");
  await server.query(renderPostgresRoles("k3s", roles));
});

after(async () => {
  await server.stop();
  await rm(directory, { recursive: true });
});

/** Runs SQL as a role, over verified TLS. */
function as(role: string, password: string, sql: string) {
  return execa("psql", ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"], {
    input: sql,
    reject: false,
    env: {
      PGHOST: "127.0.0.1",
      PGPORT: String(server.port),
      PGUSER: role,
      PGPASSWORD: password,
      PGDATABASE: "k3s",
      PGSSLMODE: "verify-full",
      PGSSLROOTCERT: authority,
    },
  });
}

async function must(role: string, password: string, sql: string): Promise<string> {
  const { stdout, stderr, exitCode } = await as(role, password, sql);
  assert.equal(exitCode, 0, stderr);
  return stdout;
}

describe("the roles of a managed PostgreSQL", () => {
  it("let K3s create its table at every start, which then belongs to the owner", async () => {
    await must("k3s", "first", setup);
    await must("k3s", "first", `${setup} INSERT INTO kine (name, value) VALUES ('a', 'b')`);
    const owners = "SELECT string_agg(DISTINCT pg_get_userbyid(relowner), ',') FROM pg_class";
    assert.equal(await server.query(`${owners} WHERE relnamespace = 'public'::regnamespace`, "k3s"), "k3s_owner");
  });

  it("let another login of the owner follow the first", async () => {
    await server.query(renderPostgresRoles("k3s", { ...roles, k3s: { role: "k3s_second", password: "second" } }));
    await must("k3s_second", "second", `${setup} INSERT INTO kine (name, value) VALUES ('c', 'd')`);
    await server.query('REVOKE ALL ON DATABASE k3s FROM "k3s_second"; DROP ROLE "k3s_second"');
  });

  it("let the backup read the table and its sequence, and change nothing", async () => {
    assert.equal(
      await must("k3s_backup", "reader", "SELECT count(*) > 0, (SELECT is_called FROM kine_id_seq) FROM kine"),
      "t|t",
    );
    for (const change of ["DELETE FROM kine", "CREATE TABLE other (id int)", "SET ROLE k3s_owner"]) {
      const { exitCode, stderr } = await as("k3s_backup", "reader", change);
      assert.notEqual(exitCode, 0);
      assert.match(stderr, /permission denied/);
    }
  });

  it("change nothing when they are created again, and take another password", async () => {
    await server.query(renderPostgresRoles("k3s", { ...roles, k3s: { role: "k3s", password: "changed" } }));
    await must("k3s", "changed", "SELECT 1");
    const { exitCode, stderr } = await as("k3s", "first", "SELECT 1");
    assert.notEqual(exitCode, 0);
    assert.match(stderr, /password authentication failed for user "k3s"/);
  });

  it("nobody logs in as after their removal, and the rows stay", async () => {
    // What a restore replaced has the rights that it had.
    await server.query("CREATE DATABASE k3s_replaced; GRANT CONNECT ON DATABASE k3s_replaced TO k3s, k3s_backup");
    await server.query(renderPostgresRolesRemoval(roles));
    assert.equal(
      await server.query("SELECT string_agg(rolname, ',') FROM pg_roles WHERE rolname LIKE 'k3s%'"),
      "k3s_owner",
    );
    assert.equal(await server.query("SELECT count(*) FROM kine", "k3s"), "2");
    // Removed again, as after a run that was killed.
    await server.query(renderPostgresRolesRemoval(roles));
  });
});
