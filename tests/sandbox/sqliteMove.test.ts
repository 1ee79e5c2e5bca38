/**
 * Proves that a cluster moves from K3s's own SQLite to a managed MariaDB by a change of the configuration: nothing is lost or changed,
 * watches continue, a move that fails or is killed ends where it began or is finished by the next up, and a second server joins.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { down, up } from "../../sandbox/sandbox.ts";
import { eventually } from "../support/eventually.ts";
import { buildInformer, directKubeconfig, Informer, knowledgeOf } from "../support/informer.ts";
import { killedWhen } from "../support/killedUp.ts";
import { long } from "../support/long.ts";
import { lookAt } from "../support/makeStatus.ts";
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
const databases = "/var/lib/rancher/k3s/server/db";
/** Kinds whose objects nothing in the cluster changes by itself. */
const kinds =
  "namespaces,configmaps,secrets,serviceaccounts,services,roles,rolebindings,clusterroles,clusterrolebindings,priorityclasses,customresourcedefinitions";

interface KubernetesObject {
  kind: string;
  metadata: { uid: string; name: string; namespace?: string; resourceVersion?: string; managedFields?: unknown };
}

describe("a cluster on SQLite that moves to MariaDB", long, () => {
  let directory: string;
  let onSqlite: StackConfig;
  let onMariadb: StackConfig;
  let kubeconfig: string;
  let informer: Informer;
  let objects: Map<string, KubernetesObject>;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "k3s-ha-move-"));
    await down();
    await up({ hosts: ["db-1", "lb-1", "server-1", "server-2", "agent-1"] });
    const { servers, datastore, ...others } = await devConfig();
    const common = {
      ...others,
      servers: { "server-1": (servers as Record<string, unknown>)["server-1"] },
      backup: { schedule: "0 3 29 2 *" },
    };
    onSqlite = { ...common, datastore: { embedded: { engine: "sqlite" } } };
    onMariadb = { ...common, datastore: { ...(datastore as object), movingFrom: "sqlite" } };
    const stack = await SandboxStack.open("dev", onSqlite);
    await stack.mustUp();
    kubeconfig = await stack.kubeconfig();
    for (const name of ["first", "second"]) await create(name);
    const file = join(directory, "kubeconfig");
    await writeFile(file, directKubeconfig(kubeconfig, addressOf("server-1")), { mode: 0o600 });
    informer = Informer.start(await buildInformer(), file, "list");
    await knows("first", "second");
  });

  after(async () => {
    await informer.stop();
    await down();
    await rm(directory, { recursive: true });
  });

  async function create(name: string): Promise<void> {
    await kubectl(kubeconfig, ["create", "configmap", name, `--from-literal=value=ä'"\\${name}`]);
    await kubectl(kubeconfig, ["label", "configmap", name, "watched=yes"]);
  }

  const knows = (...names: string[]) =>
    eventually(() => {
      assert.deepEqual([...knowledgeOf(informer.printed).values.keys()].toSorted(), names.toSorted(), informer.printed);
      return Promise.resolve();
    }, 60);

  /** Every object by its UID, without what a restart of K3s may write again. */
  async function everyObject(): Promise<Map<string, KubernetesObject>> {
    const list = JSON.parse(await kubectl(kubeconfig, ["get", kinds, "--all-namespaces", "--output", "json"])) as {
      items: KubernetesObject[];
    };
    return new Map(
      list.items.map((object) => {
        const { managedFields, resourceVersion, ...metadata } = object.metadata;
        assert.ok(managedFields === undefined);
        const isOwn = ["first", "second", "third"].includes(metadata.name);
        return [metadata.uid, { ...object, metadata: isOwn ? { ...metadata, resourceVersion } : metadata }] as const;
      }),
    );
  }

  const started = () => onHost("server-1", "systemctl show --property ExecMainStartTimestampMonotonic --value k3s");
  const revision = () => onHost("db-1", "mariadb -N -e 'SELECT MAX(id) FROM k3s.kine'").then(Number);
  const isOnSqlite = () =>
    eventually(async () => {
      assert.deepEqual(await readyNodes(kubeconfig), [`agent-1 ${version}`, `server-1 ${version}`]);
      assert.equal(await onHost("server-1", `stat --format %F ${databases}/state.db`), "regular file");
      assert.doesNotMatch(await onHost("server-1", "cat /etc/rancher/k3s/config.yaml.d/*"), /datastore/);
    }, 120);

  test("is refused another datastore without a confirmation, and K3s is not touched", async () => {
    const before = await started();
    const unconfirmed = { ...onMariadb, datastore: { ...(onMariadb["datastore"] as object), movingFrom: undefined } };
    const { all, exitCode } = await (await SandboxStack.open("dev", unconfirmed)).up();
    assert.notEqual(exitCode, 0);
    assert.ok(
      all.includes("or, if it is this stack's own, set k3s-ha:datastore.movingFrom to sqlite, with a managed MariaDB."),
      all,
    );
    assert.equal(await started(), before);
    await isOnSqlite();
  });

  test("goes on with SQLite when its move fails at its last step, with every row copied", async () => {
    await onHost("server-1", `touch ${databases}/before-move`);
    const { all, exitCode } = await (await SandboxStack.open("dev", onMariadb)).up();
    assert.notEqual(exitCode, 0);
    assert.match(all, /The cluster moves from the SQLite database on server-1 to the configured MariaDB/);
    assert.match(all, /server-1: the move was taken back: K3s starts on its SQLite database again/);
    assert.ok((await revision()) > 100);
    await isOnSqlite();
    await onHost("server-1", `rm ${databases}/before-move`);
    // The copy of before lacks it.
    await create("third");
    await knows("first", "second", "third");
  });

  test("is moved by the next up after one that was killed while it copied", async () => {
    objects = await everyObject();
    const stack = await SandboxStack.open("dev", onMariadb);
    assert.ok(await killedWhen(stack, /datastore-move-server-1 creating/, 2500), "the move never began");
    const before = Date.now();
    await (await SandboxStack.open("dev", onMariadb)).mustUp();
    console.log(`up after the killed one: ${((Date.now() - before) / 1000).toFixed(0)} s`);
    // Its node may be not Ready for some seconds after K3s has started again.
    await eventually(async () => {
      assert.deepEqual(await readyNodes(kubeconfig), [`agent-1 ${version}`, `server-1 ${version}`]);
    }, 60);
    assert.match(await onHost("server-1", "cat /etc/rancher/k3s/config.yaml.d/*"), /datastore-endpoint/);
  });

  test("has every object as it was, and a watch of before goes on", async () => {
    const now = await everyObject();
    for (const [uid, object] of objects) assert.deepEqual(now.get(uid), object);
    console.log(`${objects.size} objects compared`);
    await knows("first", "second", "third");
    await create("fourth");
    await knows("first", "second", "third", "fourth");
    assert.deepEqual(
      knowledgeOf(informer.printed).errors.filter((line) => /expired|too old|Gone/i.test(line)),
      [],
    );
    // Rows and revisions are those of the old database, byte by byte, and go on from there.
    const old = await onHost(
      "server-1",
      `sqlite3 -readonly ${databases}/before-move/state.db 'SELECT MAX(id) FROM kine'`,
    );
    assert.ok((await revision()) > Number(old));
    assert.equal(await onHost("server-1", `stat --format %a ${databases}/before-move/state.db`), "400");
    assert.equal(
      await onHost("server-1", `readlink ${databases}/state.db`),
      `/moved-to/${addressOf("db-1")}:3306/k3s/state.db`,
    );
  });

  test("is healthy, with backups of the new datastore, and stays as it is", async () => {
    await eventually(async () => {
      const { status } = await lookAt("dev");
      assert.deepEqual(status.problems, []);
      assert.equal(status.datastore?.engine, "MariaDB");
    }, 60);
    assert.match(await onHost("db-1", "k3s-ha-backup list"), /^\d{8}T\d{6}Z/m);
    await (await SandboxStack.open("dev", onMariadb)).mustUp("--expect-no-changes");
  });

  test("gets a second server, and needs the confirmation no more", async () => {
    const { servers, datastore } = await devConfig();
    const larger = { ...onMariadb, servers, datastore };
    await (await SandboxStack.open("dev", larger)).mustUp();
    assert.deepEqual(
      await readyNodes(kubeconfig),
      ["agent-1", "server-1", "server-2"].map((name) => `${name} ${version}`),
    );
    await knows("first", "second", "third", "fourth");
    await (await SandboxStack.open("dev", larger)).mustUp("--expect-no-changes");
  });
});
