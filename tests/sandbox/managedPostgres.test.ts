/**
 * Proves on real hosts a cluster whose datastore is a PostgreSQL that this program installs: who may log in and with which rights, what
 * restarts it, backups and a restore, a power cut of its host, and that destroying the stack leaves the data.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { restoreBackup } from "../../operations/restore.ts";
import { boot, down, powerOff, up } from "../../sandbox/sandbox.ts";
import { eventually } from "../support/eventually.ts";
import { lookAt } from "../support/makeStatus.ts";
import { long } from "../support/long.ts";
import {
  addressOf,
  devConfig,
  kubectl,
  onHost,
  readyNodes,
  SandboxStack,
  type StackConfig,
} from "../support/sandboxCluster.ts";

const version = "v1.35.0+k3s1";
const hba = "/etc/k3s-ha/postgres/pg_hba.conf";

const sql = (statement: string, database = "k3s") =>
  onHost(
    "db-1",
    `cd /; runuser -u postgres -- psql -X -q -t -A -v ON_ERROR_STOP=1 -d ${database} <<'END'\n${statement};\nEND`,
  );

/** Lines of the list of clients, without its heading. */
const clients = async () => (await onHost("db-1", `grep -v '^#' ${hba}`)).split("\n");

const startedAt = () => sql("SELECT pg_postmaster_start_time()");

describe("a cluster on a managed PostgreSQL", long, () => {
  let config: StackConfig;
  let stack: SandboxStack;
  let kubeconfig: string;
  let refusal: Awaited<ReturnType<SandboxStack["up"]>>;

  async function change(changes: StackConfig): Promise<void> {
    config = { ...config, ...changes };
    stack = await SandboxStack.open("dev", config);
    await stack.mustUp();
  }

  before(async () => {
    await down();
    await up({ hosts: ["db-1", "lb-1", "server-1", "server-2"] });
    config = {
      ...(await devConfig()),
      agentPools: {},
      // None but those that the tests ask for.
      backup: { schedule: "0 3 29 2 *" },
      datastore: { managed: { engine: "postgres", name: "db-1", host: { address: addressOf("db-1") } } },
    };
    stack = await SandboxStack.open("dev", config);
    // PostgreSQL was on the host before, for others.
    await onHost(
      "db-1",
      "apt-get -qq update && apt-get -qq --yes --no-install-recommends install postgresql >/dev/null 2>&1 && cd / && runuser -u postgres -- createdb shop",
    );
    refusal = await stack.up();
    await onHost("db-1", "cd / && runuser -u postgres -- dropdb shop");
    await stack.mustUp();
    kubeconfig = await stack.kubeconfig();
  });

  after(() => down());

  test("is refused a host whose PostgreSQL has databases of others", () => {
    assert.notEqual(refusal.exitCode, 0);
    assert.ok(
      refusal.all
        .replaceAll(/\s+/g, " ")
        .includes(
          `k3s-ha:datastore.managed.host (${addressOf("db-1")}): has a PostgreSQL with databases of others (shop), which would get other settings: one address and port, TLS for every client, and a firewall. It cannot be shared: use another host, or, if they are not needed, drop them there and run up again.`,
        ),
      refusal.all,
    );
  });

  test("has every server Ready, and objects that the load balancer shows", async () => {
    assert.deepEqual(await readyNodes(kubeconfig), [`server-1 ${version}`, `server-2 ${version}`]);
    await kubectl(kubeconfig, ["create", "configmap", "kept", "--from-literal=written=on PostgreSQL"]);
    const rows = await sql("SELECT count(*) FROM kine WHERE name = '/registry/configmaps/default/kept'");
    assert.ok(Number(rows) >= 1);
  });

  test("is up to date after its first up", async () => {
    await stack.mustUp("--expect-no-changes");
  });

  test("lets exactly the servers and the backup log in, over TLS, as a role that owns nothing", async () => {
    const [db, one, two] = ["db-1", "server-1", "server-2"].map(addressOf);
    assert.deepEqual(
      (await clients()).toSorted(),
      [
        `hostssl "k3s" "k3s" ${one}/32 scram-sha-256`,
        `hostssl "k3s" "k3s" ${two}/32 scram-sha-256`,
        `hostssl "k3s" "k3s_backup" ${db}/32 scram-sha-256`,
        "local all postgres peer",
      ].toSorted(),
    );
    const owners = "SELECT string_agg(DISTINCT pg_get_userbyid(relowner), ',') FROM pg_class";
    assert.equal(await sql(`${owners} WHERE relnamespace = 'public'::regnamespace`), "k3s_owner");
    assert.equal(await sql("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'k3s'"), "k3s_owner");
    assert.equal(
      await sql(
        "SELECT bool_and(ssl), count(*) > 0 FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'k3s'",
      ),
      "t|t",
    );
    assert.equal(await sql("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'k3s_owner'"), "f");
    assert.equal(await sql("SHOW data_checksums"), "on");
    assert.equal(
      await sql(
        "SELECT collname FROM pg_collation JOIN pg_attribute ON attcollation = pg_collation.oid WHERE attrelid = 'kine'::regclass AND attname = 'name'",
      ),
      "C",
    );
    assert.equal(await sql("SHOW max_connections"), "500");
    assert.equal(await sql("SELECT count(*) FROM pg_settings WHERE pending_restart"), "0");
  });

  test("reports PostgreSQL, with its dead rows and its oldest transaction", async () => {
    const { status } = await lookAt("dev");
    assert.deepEqual(status.problems, []);
    const { engine, version: release, deadRows, oldestTransactionSeconds } = status.datastore ?? {};
    assert.deepEqual([engine, typeof deadRows, typeof oldestTransactionSeconds], ["PostgreSQL", "number", "number"]);
    assert.match(release ?? "", /^1\d\.\d+$/);
  });

  test("takes backups that are restored and checked, and drills", async () => {
    const id = await onHost("db-1", "k3s-ha-backup run >&2 && k3s-ha-backup latest");
    const manifest = JSON.parse(await onHost("db-1", `k3s-ha-backup show ${id}`)) as Record<string, unknown>;
    assert.deepEqual([manifest["engine"], manifest["file"]], ["postgres", "kine.pgdump.zst"]);
    assert.match(await onHost("db-1", "k3s-ha-backup drill"), new RegExp(`drill: backup ${id} restored to`));
  });

  test("comes back from a backup, with its owner, and keeps what was replaced", async () => {
    await kubectl(kubeconfig, ["create", "configmap", "too-late", "--from-literal=written=after the backup"]);
    await kubectl(kubeconfig, ["delete", "configmap", "kept"]);
    const newest = Number(await sql("SELECT max(id) FROM kine"));
    assert.equal(
      await restoreBackup(stack.workspace, { backup: "latest", confirm: async () => Promise.resolve(true) }),
      true,
    );
    assert.deepEqual(await readyNodes(kubeconfig), [`server-1 ${version}`, `server-2 ${version}`]);
    const names = (await kubectl(kubeconfig, ["get", "configmaps", "--output", "name"])).split("\n");
    assert.deepEqual([names.includes("configmap/kept"), names.includes("configmap/too-late")], [true, false]);
    assert.ok(Number(await sql("SELECT max(id) FROM kine")) >= newest + 1000);
    const owners = "SELECT string_agg(DISTINCT pg_get_userbyid(relowner), ',') FROM pg_class";
    assert.equal(await sql(`${owners} WHERE relnamespace = 'public'::regnamespace`), "k3s_owner");
    assert.equal(await sql("SELECT count(*) FROM pg_database WHERE datname LIKE 'k3s_replaced_%'"), "1");
    await stack.mustUp("--expect-no-changes");
  });

  test("takes a new certificate and the end of a server without a restart", async () => {
    const before = await startedAt();
    const certificate = () => onHost("db-1", "sha256sum </etc/k3s-ha/postgres/server.crt");
    const earlier = await certificate();
    await change({
      servers: { "server-1": { address: addressOf("server-1") } },
      datastore: {
        managed: {
          engine: "postgres",
          name: "db-1",
          host: { address: addressOf("db-1") },
          certificateRotation: "second",
        },
      },
    });
    assert.notEqual(await certificate(), earlier);
    assert.equal(await startedAt(), before);
    assert.ok((await clients()).every((line) => !line.includes(addressOf("server-2"))));
    await eventually(async () => {
      assert.deepEqual(await readyNodes(kubeconfig), [`server-1 ${version}`]);
    });
  });

  test("keeps every acknowledged write through a power cut of its host", async () => {
    for (let index = 0; index < 20; index++)
      await kubectl(kubeconfig, ["create", "configmap", `before-${index}`, "--from-literal=a=b"]);
    await powerOff("db-1");
    await boot("db-1");
    await eventually(async () => {
      const names = await kubectl(kubeconfig, ["get", "configmaps", "--output", "name"]);
      for (let index = 0; index < 20; index++) assert.ok(names.split("\n").includes(`configmap/before-${index}`));
      await kubectl(kubeconfig, ["create", "configmap", `after-${Date.now()}`, "--from-literal=a=b"]);
    }, 300);
    assert.equal(
      await onHost("db-1", "systemctl is-active k3s-ha-datastore-firewall postgresql@17-main"),
      "active\nactive",
    );
  });

  test("leaves the data when it is destroyed, and lets nobody in any more", async () => {
    const { exitCode, all } = await stack.destroy();
    assert.equal(exitCode, 0, all);
    assert.ok(Number(await sql("SELECT count(*) FROM kine")) > 100);
    assert.deepEqual(await clients(), ["local all postgres peer"]);
    assert.equal(await sql("SELECT string_agg(rolname, ',') FROM pg_roles WHERE rolname LIKE 'k3s%'"), "k3s_owner");
  });
});
