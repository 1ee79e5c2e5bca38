/**
 * Proves a cluster whose K3s keeps its state in SQLite, on one server: up, nothing at the second up, status, backup, drill, a
 * restore over the running cluster and one on a new host, what is refused, and what destroy leaves.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { execa } from "execa";
import { restoreBackup } from "../../operations/restore.ts";
import { destroyHosts, down, exec, up } from "../../sandbox/sandbox.ts";
import { type CopyHost, makeCopyHost } from "../support/copyHost.ts";
import { eventually } from "../support/eventually.ts";
import { buildInformer, directKubeconfig, Informer, knowledgeOf } from "../support/informer.ts";
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
const allReady = [`agent-1 ${version}`, `server-1 ${version}`];
const database = "/var/lib/rancher/k3s/server/db/state.db";
const yes = () => Promise.resolve(true);

describe("a cluster on SQLite", long, () => {
  let directory: string;
  let identityFile: string;
  let identity: string;
  let copyHost: CopyHost;
  let config: StackConfig;
  let stack: SandboxStack;
  let kubeconfig: string;
  let backupId: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "k3s-ha-sqlite-"));
    identity = (await execa("age-keygen")).stdout;
    identityFile = join(directory, "key.txt");
    await writeFile(identityFile, identity, { mode: 0o600 });
    await down();
    await up({ hosts: ["lb-1", "server-1", "agent-1"] });
    copyHost = await makeCopyHost(directory);
    const { servers, ...others } = await devConfig();
    config = {
      ...others,
      servers: { "server-1": (servers as Record<string, unknown>)["server-1"] },
      datastore: { embedded: { engine: "sqlite" } },
      backup: {
        // None but those that the tests ask for.
        schedule: "0 3 29 2 *",
        recipients: [/age1\w+/.exec(identity)?.[0] ?? ""],
        copy: copyHost.copy,
      },
    };
    stack = await open(config);
    await stack.mustUp();
    kubeconfig = await stack.kubeconfig();
  });

  after(async () => {
    await down();
    await rm(directory, { recursive: true });
  });

  async function open(settings: StackConfig): Promise<SandboxStack> {
    const opened = await SandboxStack.open("dev", settings);
    await opened.setSecret("backupCopyCredentials", copyHost.privateKey);
    return opened;
  }

  const configMaps = () =>
    kubectl(kubeconfig, ["get", "configmaps", "--output", "name"]).then((text) => text.split("\n").toSorted());

  test("comes up with K3s's own database, encrypted secrets and a verified backup", async () => {
    assert.deepEqual(await readyNodes(kubeconfig), allReady);
    assert.doesNotMatch(
      await onHost("server-1", "cat /etc/rancher/k3s/config.yaml /etc/rancher/k3s/config.yaml.d/*"),
      /datastore|cluster-init/,
    );
    assert.equal(await onHost("server-1", `head --bytes 15 ${database}`), "SQLite format 3");
    const [, ...rows] = (await onHost("server-1", "k3s-ha-backup list")).split("\n");
    assert.equal(rows.length, 1);
    assert.match(rows[0] ?? "", /^\d{8}T\d{6}Z\S* +\S+ +\d{3,} +\S+ +yes +yes /);
  });

  test("is not touched by a second up", async () => {
    const started = () => onHost("server-1", "systemctl show --property ExecMainStartTimestampMonotonic k3s");
    const before = await started();
    await stack.mustUp("--expect-no-changes");
    assert.equal(await started(), before);
  });

  test("is healthy by make status, which shows the database's size and that of its log", async () => {
    const { datastore } = await eventually(async () => {
      const { status, exitCode } = await lookAt("dev");
      assert.deepEqual([status.problems, exitCode], [[], 0]);
      return status;
    });
    assert.deepEqual([datastore?.engine, datastore?.host], ["SQLite", "server-1"]);
    assert.ok((datastore?.rows ?? 0) > 100);
    assert.ok((datastore?.bytes ?? 0) > 100_000);
    assert.ok((datastore?.logBytes ?? 0) > 0);
  });

  test("is backed up while K3s writes, and a drill opens the cluster's keys with the escrowed token", async () => {
    await kubectl(kubeconfig, ["create", "configmap", "kept", "--from-literal=value=1"]);
    await onHost("server-1", "systemctl start k3s-ha-backup");
    backupId = await onHost("server-1", "k3s-ha-backup latest");
    const { stdout, stderr, exitCode } = await exec("server-1", "k3s-ha-backup drill --identity <(cat)", {
      input: identity,
    });
    assert.equal(exitCode, 0, stderr);
    assert.match(
      stdout,
      new RegExp(`^drill: backup ${backupId} restored to \\d+ rows at revision \\d+, and its keys opened`, "m"),
    );
    assert.doesNotMatch(stdout, /were not decrypted/);
    assert.match(await onHost("server-1", `ls /var/backups/k3s-ha/${backupId}`), /^state\.db\.zst\.age$/m);
  });

  test("is restored over the running cluster, and who watches is told to list again", async () => {
    const program = await buildInformer();
    await kubectl(kubeconfig, ["create", "configmap", "too-late", "--from-literal=value=1"]);
    await kubectl(kubeconfig, ["label", "configmap", "kept", "too-late", "watched=yes"]);
    const file = join(directory, "kubeconfig");
    await writeFile(file, directKubeconfig(kubeconfig, addressOf("server-1")), { mode: 0o600 });
    const informer = Informer.start(program, file, "list");
    try {
      await eventually(() => {
        assert.deepEqual([...knowledgeOf(informer.printed).values.keys()].toSorted(), ["kept", "too-late"]);
        return Promise.resolve();
      });
      assert.equal(await restoreBackup(stack.workspace, { backup: backupId, identityFile, confirm: yes }), true);
      assert.deepEqual(await readyNodes(kubeconfig), allReady);
      assert.deepEqual(await configMaps(), ["configmap/kept", "configmap/kube-root-ca.crt"]);
      // The label came after the backup, so it has to be set again, and to be seen.
      await kubectl(kubeconfig, ["create", "configmap", "later", "--from-literal=value=1"]);
      await kubectl(kubeconfig, ["label", "configmap", "later", "watched=yes"]);
      await eventually(() => {
        assert.deepEqual([...knowledgeOf(informer.printed).values.keys()], ["later"], informer.printed);
        return Promise.resolve();
      });
    } finally {
      await informer.stop();
    }
    const [kept = ""] = (await onHost("server-1", "ls /var/backups/k3s-ha-before-restore")).split("\n");
    assert.match(await onHost("server-1", `ls /var/backups/k3s-ha-before-restore/${kept}`), /^state\.db$/m);
    await stack.mustUp("--expect-no-changes");
  });

  test("is restored over a damaged one, which is kept as it was", async () => {
    const sum = (path: string) => onHost("server-1", `sha256sum <${path}`);
    await onHost(
      "server-1",
      `systemctl stop k3s && rm -f ${database}-wal ${database}-shm && dd if=/dev/zero of=${database} bs=4096 count=4 conv=notrunc status=none`,
    );
    const damaged = await sum(database);
    assert.equal(await restoreBackup(stack.workspace, { backup: backupId, identityFile, confirm: yes }), true);
    assert.deepEqual(await readyNodes(kubeconfig), allReady);
    assert.deepEqual(await configMaps(), ["configmap/kept", "configmap/kube-root-ca.crt"]);
    const kept = (await onHost("server-1", "ls /var/backups/k3s-ha-before-restore")).split("\n").at(-1) ?? "";
    assert.equal(await sum(`/var/backups/k3s-ha-before-restore/${kept}/state.db`), damaged);
    await stack.mustUp("--expect-no-changes");
  });

  test("restarts its server once for a change of K3s's settings, with all that it has", async () => {
    const started = () => onHost("server-1", "systemctl show --property ExecMainStartTimestampMonotonic --value k3s");
    const before = await started();
    config = { ...config, k3s: { ...(config["k3s"] as object), serverConfig: { "node-label": ["changed=yes"] } } };
    stack = await open(config);
    await stack.mustUp();
    assert.notEqual(await started(), before);
    assert.deepEqual(await readyNodes(kubeconfig), allReady);
    assert.equal(
      await kubectl(kubeconfig, ["get", "nodes", "--selector", "changed=yes", "--output", "name"]),
      "node/server-1",
    );
    assert.equal(await kubectl(kubeconfig, ["get", "configmap", "kept", "--output", "name"]), "configmap/kept");
    await stack.mustUp("--expect-no-changes");
  });

  test("is refused another name of its server in the preview", async () => {
    const entry = (config["servers"] as Record<string, unknown>)["server-1"];
    const renamed = await (await open({ ...config, servers: { "server-9": entry } })).preview().catch(String);
    assert.ok(
      renamed.includes(
        "The cluster is in the SQLite database on server-1, but k3s-ha:servers now has server-9 instead, where K3s would make an empty cluster.",
      ),
      renamed,
    );
    stack = await open(config);
    await stack.mustUp("--expect-no-changes");
  });

  test("on a new host is not started empty, and is restored from a copy", async () => {
    await destroyHosts(["server-1"]);
    await up({ hosts: ["lb-1", "server-1", "agent-1"] });
    stack = await open(config);
    const { all, exitCode } = await stack.up();
    assert.notEqual(exitCode, 0);
    assert.ok(
      all.includes(
        `server-1: the SQLite database ${database} that held this stack's cluster is gone, as after the loss of this host. K3s was not started`,
      ),
      all,
    );
    assert.equal(
      await restoreBackup(stack.workspace, { backup: backupId, fromCopy: true, identityFile, confirm: yes }),
      true,
    );
    assert.deepEqual(await readyNodes(kubeconfig), allReady);
    assert.deepEqual(await configMaps(), ["configmap/kept", "configmap/kube-root-ca.crt"]);
    await stack.mustUp("--expect-no-changes");
  });

  test("leaves a copy of the database when it is destroyed, and nothing of K3s", async () => {
    const { exitCode, all } = await stack.destroy();
    assert.equal(exitCode, 0, all);
    const [removed = ""] = (await onHost("server-1", "ls /var/backups/k3s-ha-removed")).split("\n");
    assert.equal(
      await onHost(
        "server-1",
        `sqlite3 -readonly /var/backups/k3s-ha-removed/${removed}/state.db 'PRAGMA integrity_check'`,
      ),
      "ok",
    );
    assert.equal(await onHost("server-1", "ls /var/lib/rancher/k3s/server 2>/dev/null | wc -l"), "0");
  });
});
