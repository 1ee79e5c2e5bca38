/**
 * Proves on real hosts the backups of an etcd of three members that this program installed: drills, a restore over the running
 * cluster, which no watch misses a revision of, and a restore from a copy once the hosts of all members are gone.
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

const members = ["db-1", "db-2", "db-3"];
const hosts = [...members, "lb-1", "server-1", "server-2", "agent-1"];
const version = "v1.35.0+k3s1";
const allReady = [`agent-1 ${version}`, `server-1 ${version}`, `server-2 ${version}`];
const yes = () => Promise.resolve(true);

describe("backups of an etcd of three members", long, () => {
  let directory: string;
  let identity: string;
  let identityFile: string;
  let copyHost: CopyHost;
  let config: StackConfig;
  let stack: SandboxStack;
  let kubeconfig: string;
  let backupId: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "k3s-ha-etcd-"));
    identity = (await execa("age-keygen")).stdout;
    identityFile = join(directory, "key.txt");
    await writeFile(identityFile, identity, { mode: 0o600 });
    await down();
    await up({ hosts });
    copyHost = await makeCopyHost(directory);
    const at = (name: string): [string, unknown] => [name, { address: addressOf(name) }];
    config = {
      ...(await devConfig()),
      datastore: { managed: { engine: "etcd", hosts: Object.fromEntries(members.map(at)) } },
      backup: {
        // None but those that the tests ask for.
        schedule: "0 3 29 2 *",
        recipients: [/age1\w+/.exec(identity)?.[0] ?? ""],
        copy: copyHost.copy,
      },
    };
    stack = await open();
    await stack.mustUp();
    kubeconfig = await stack.kubeconfig();
  });

  after(async () => {
    await down();
    await rm(directory, { recursive: true });
  });

  async function open(): Promise<SandboxStack> {
    const opened = await SandboxStack.open("dev", config);
    await opened.setSecret("backupCopyCredentials", copyHost.privateKey);
    return opened;
  }

  const configMaps = () =>
    kubectl(kubeconfig, ["get", "configmaps", "--output", "name"]).then((text) => text.split("\n").toSorted());

  const revision = async (name: string) =>
    Number(await kubectl(kubeconfig, ["get", "configmap", name, "--output", "jsonpath={.metadata.resourceVersion}"]));

  /** Names of the members that vote, as this one tells. */
  async function voters(host: string): Promise<string[]> {
    const tls = "--cacert ca.crt --cert member.crt --key member.key";
    const list = `etcdctl ${tls} --endpoints https://${addressOf(host)}:2379 member list --write-out simple`;
    return (await onHost(host, `cd /etc/k3s-ha/etcd; ETCDCTL_API=3 ${list}`))
      .split("\n")
      .map((line) => line.split(", "))
      .filter(([, status, , , , learner]) => status === "started" && learner === "false")
      .map(([, , name = ""]) => name)
      .sort();
  }

  async function assertHealthy(): Promise<void> {
    assert.deepEqual(await readyNodes(kubeconfig), allReady);
    for (const member of members) assert.deepEqual(await voters(member), members);
    await eventually(async () => {
      assert.deepEqual((await lookAt("dev")).status.problems, []);
    }, 180);
    await stack.mustUp("--expect-no-changes");
  }

  test("are taken by the first member, and a drill opens the cluster's keys with the escrowed token", async () => {
    await kubectl(kubeconfig, ["create", "configmap", "kept", "--from-literal=value=1"]);
    await onHost("db-1", "systemctl start k3s-ha-backup");
    backupId = await onHost("db-1", "k3s-ha-backup latest");
    const manifest = JSON.parse(await onHost("db-1", "k3s-ha-backup latest --json")) as Record<string, unknown>;
    assert.deepEqual([manifest["engine"], manifest["file"]], ["etcd", "etcd.snapshot.zst.age"]);
    assert.ok(Number(manifest["rows"]) > 100, String(manifest["rows"]));
    const { stdout, stderr, exitCode } = await exec("db-1", "k3s-ha-backup drill --identity <(cat)", {
      input: identity,
    });
    assert.equal(exitCode, 0, stderr);
    assert.match(
      stdout,
      new RegExp(`^drill: backup ${backupId} restored to \\d+ rows at revision \\d+, and its keys opened`, "m"),
    );
    assert.equal(await onHost("db-1", "pgrep --count --exact etcd"), "1");
  });

  test("are restored over the running cluster, and who watches is told to list again", async (t) => {
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
      const before = await revision("too-late");
      const start = performance.now();
      assert.equal(await restoreBackup(stack.workspace, { backup: backupId, identityFile, confirm: yes }), true);
      t.diagnostic(`restore: ${((performance.now() - start) / 1000).toFixed(1)} s`);
      assert.deepEqual(await configMaps(), ["configmap/kept", "configmap/kube-root-ca.crt"]);
      await kubectl(kubeconfig, ["create", "configmap", "later", "--from-literal=value=1"]);
      assert.ok((await revision("later")) > before, "revisions went back");
      // The label came after the backup, so it has to be set again, and to be seen.
      await kubectl(kubeconfig, ["label", "configmap", "later", "watched=yes"]);
      await eventually(() => {
        assert.deepEqual([...knowledgeOf(informer.printed).values.keys()], ["later"], informer.printed);
        return Promise.resolve();
        // client-go waits up to half a minute before it asks an API again that was down.
      }, 75);
    } finally {
      await informer.stop();
    }
    for (const member of members)
      assert.match(await onHost(member, "ls /var/lib/k3s-ha-etcd"), /^data-before-restore-/m);
    await assertHealthy();
  });

  test("are restored from a copy once the hosts of all members are gone", async (t) => {
    await destroyHosts(members);
    await up({ hosts });
    stack = await open();
    const { all, exitCode } = await stack.up();
    assert.notEqual(exitCode, 0);
    assert.match(all, /db-1: the data of etcd are gone from this host, and no other member is left\. Restore a backup/);
    const start = performance.now();
    const restored = { backup: backupId, fromCopy: true, identityFile, confirm: yes };
    assert.equal(await restoreBackup(stack.workspace, restored), true);
    t.diagnostic(`restore from a copy, onto new hosts: ${((performance.now() - start) / 1000).toFixed(1)} s`);
    assert.deepEqual(await configMaps(), ["configmap/kept", "configmap/kube-root-ca.crt"]);
    await stack.mustUp();
    await assertHealthy();
  });
});
