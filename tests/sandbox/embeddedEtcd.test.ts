/**
 * Proves a cluster whose K3s keeps its state in its own etcd: servers join one by one as voters, a rolling change keeps the quorum, no
 * change costs it, the server that began the cluster is replaced, and so is a lost one; backups, drills, a restore over the running
 * cluster, which no watch misses a revision of, and one from a copy once all servers are gone.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { execa } from "execa";
import { restoreBackup } from "../../operations/restore.ts";
import { destroyHosts, down, exec, powerOff, up } from "../../sandbox/sandbox.ts";
import { type CopyHost, makeCopyHost } from "../support/copyHost.ts";
import { eventually } from "../support/eventually.ts";
import { buildInformer, directKubeconfig, Informer, knowledgeOf } from "../support/informer.ts";
import { long } from "../support/long.ts";
import { lookAt } from "../support/makeStatus.ts";
import { endpointOf, probeDuring } from "../support/probe.ts";
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
const hosts = ["lb-1", "server-1", "server-2", "server-3", "server-4"];
const first = ["server-1", "server-2", "server-3"];
const later = ["server-2", "server-3", "server-4"];
const yes = () => Promise.resolve(true);

describe("a cluster on K3s's own etcd", long, () => {
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
    config = {
      ...(await devConfig()),
      agentPools: {},
      datastore: { embedded: { engine: "etcd" } },
      backup: {
        // None but those that the tests ask for.
        schedule: "0 3 29 2 *",
        recipients: [/age1\w+/.exec(identity)?.[0] ?? ""],
        copy: copyHost.copy,
      },
    };
    stack = await open(first);
    await stack.mustUp();
    kubeconfig = await stack.kubeconfig();
  });

  after(async () => {
    await down();
    await rm(directory, { recursive: true });
  });

  /** The stack with these servers; "NAME lost" is one that is declared lost. */
  async function open(servers: readonly string[]): Promise<SandboxStack> {
    const entries = servers.map((text): [string, unknown] => {
      const [name = "", lost] = text.split(" ");
      return [name, { address: addressOf(name), ...(lost === undefined ? {} : { lost: true }) }];
    });
    const opened = await SandboxStack.open("dev", { ...config, servers: Object.fromEntries(entries) });
    await opened.setSecret("backupCopyCredentials", copyHost.privateKey);
    return opened;
  }

  /** The members of etcd, as a server's own tells: "server-1 started", or "server-1 learner". */
  async function members(host: string): Promise<string[]> {
    const tls = "/var/lib/rancher/k3s/server/tls/etcd";
    const options = `--cacert ${tls}/server-ca.crt --cert ${tls}/client.crt --key ${tls}/client.key`;
    return (await onHost(host, `etcdctl --endpoints https://127.0.0.1:2379 ${options} member list`))
      .split("\n")
      .map((line) => line.split(", "))
      .map(([, state = "", name = "", , , learner = ""]) =>
        [name.replace(/-[0-9a-f]+$/, ""), learner === "true" ? "learner" : state].join(" "),
      )
      .toSorted();
  }

  async function assertHealthy(servers: readonly string[]): Promise<void> {
    assert.deepEqual(
      await readyNodes(kubeconfig),
      servers.map((name) => `${name} ${version}`),
    );
    for (const server of servers)
      assert.deepEqual(
        await members(server),
        servers.map((name) => `${name} started`),
      );
    await eventually(async () => {
      assert.deepEqual((await lookAt("dev")).status.problems, []);
    }, 180);
  }

  const configMaps = () =>
    kubectl(kubeconfig, ["get", "configmaps", "--output", "name"]).then((text) => text.split("\n").toSorted());

  const revision = async (name: string) =>
    Number(await kubectl(kubeconfig, ["get", "configmap", name, "--output", "jsonpath={.metadata.resourceVersion}"]));

  test("has every server as a voter, and status shows them", async () => {
    await assertHealthy(first);
    const { status } = await lookAt("dev");
    assert.equal(status.etcd?.quorum.healthy.length, 3);
    assert.equal(status.etcd.members.filter(({ isLeader }) => isLeader).length, 1);
    await stack.mustUp("--expect-no-changes");
  });

  test("is backed up by a server, and a drill opens the cluster's keys with the escrowed token", async () => {
    await kubectl(kubeconfig, ["create", "configmap", "kept", "--from-literal=value=1"]);
    await onHost("server-1", "systemctl start k3s-ha-backup");
    backupId = await onHost("server-1", "k3s-ha-backup latest");
    const manifest = JSON.parse(await onHost("server-1", "k3s-ha-backup latest --json")) as Record<string, unknown>;
    assert.deepEqual([manifest["engine"], manifest["file"]], ["etcd", "etcd.snapshot.zst.age"]);
    assert.ok(Number(manifest["rows"]) > 100, String(manifest["rows"]));
    const { stdout, stderr, exitCode } = await exec("server-1", "k3s-ha-backup drill --identity <(cat)", {
      input: identity,
    });
    assert.equal(exitCode, 0, stderr);
    assert.match(
      stdout,
      new RegExp(`^drill: backup ${backupId} restored to \\d+ rows at revision \\d+, and its keys opened`, "m"),
    );
  });

  test("is restored over the running cluster, and who watches is told to list again", async (t) => {
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
    await assertHealthy(first);
    for (const server of first)
      assert.match(await onHost(server, "ls /var/lib/rancher/k3s/server/db"), /^etcd-before-restore-/m);
    await stack.mustUp("--expect-no-changes");
  });

  test("changes a setting on all servers without losing its quorum", async (t) => {
    config = { ...config, k3s: { ...(config["k3s"] as object), serverConfig: { "node-label": ["changed=yes"] } } };
    stack = await open(first);
    const { failed, longestGap } = await probeDuring(endpointOf(kubeconfig), () => stack.mustUp(), 2000);
    t.diagnostic(`changed setting: ${failed} failed, longest gap ${longestGap.toFixed(0)} ms`);
    assert.ok(longestGap < 15_000, `${longestGap} ms`);
    await assertHealthy(first);
  });

  test("refuses to restart a server while another one is down", async () => {
    await onHost("server-3", "systemctl stop k3s");
    const unchanged = config;
    config = { ...config, k3s: { ...(config["k3s"] as object), serverConfig: { "node-label": ["changed=again"] } } };
    const { all, exitCode } = await (await open(first)).up();
    config = unchanged;
    assert.notEqual(exitCode, 0, all);
    assert.match(
      all,
      /server-1: K3s was not restarted: of etcd's 3 voters, \S+ do not answer, so without this server the rest would have no quorum/,
    );
    const { status } = await lookAt("dev");
    assert.ok(
      status.problems.some((problem) => problem.startsWith("2 of etcd's 3 members are healthy: one more loss")),
      status.problems.join("\n"),
    );
    await onHost("server-3", "systemctl start k3s");
    stack = await open(first);
    await stack.mustUp();
    await assertHealthy(first);
  });

  test("goes on without the server that began it, and another takes its place", async () => {
    stack = await open(later);
    await stack.mustUp();
    await assertHealthy(later);
    assert.equal(await onHost("server-1", "ls /var/lib/rancher/k3s/server 2>/dev/null | wc -l"), "0");
    await stack.mustUp("--expect-no-changes");
  });

  test("goes on when a server loses power, and has it replaced by an empty host", async (t) => {
    await powerOff("server-3");
    const lost = await open(["server-2", "server-3 lost", "server-4"]);
    const { failed, longestGap } = await probeDuring(endpointOf(kubeconfig), () => lost.mustUp(), 2000);
    t.diagnostic(`declared lost: ${failed} failed, longest gap ${longestGap.toFixed(0)} ms`);
    await eventually(async () => {
      assert.deepEqual(await members("server-2"), ["server-2 started", "server-4 started"]);
    }, 60);
    await destroyHosts(["server-3"]);
    await up({ hosts });
    stack = await open(later);
    await stack.mustUp();
    await assertHealthy(later);
  });

  test("is restored from a copy once the hosts of all servers are gone", async (t) => {
    await destroyHosts(later);
    await up({ hosts });
    stack = await open(later);
    const { all, exitCode } = await stack.up();
    assert.notEqual(exitCode, 0);
    assert.match(all, /server-2: this host has no member of the cluster's etcd, and no other server answers/);
    const start = performance.now();
    const restored = { backup: backupId, fromCopy: true, identityFile, confirm: yes };
    assert.equal(await restoreBackup(stack.workspace, restored), true);
    t.diagnostic(`restore from a copy, onto new hosts: ${((performance.now() - start) / 1000).toFixed(1)} s`);
    assert.deepEqual(await configMaps(), ["configmap/kept", "configmap/kube-root-ca.crt"]);
    await stack.mustUp();
    await assertHealthy(later);
  });

  test("leaves a copy of the data when the stack is destroyed", async () => {
    const { exitCode, all } = await stack.destroy();
    assert.equal(exitCode, 0, all);
    const kept = await Promise.all(
      later.map((server) => onHost(server, "find /var/backups/k3s-ha-removed -name db 2>/dev/null || test $? = 1")),
    );
    assert.ok(
      kept.some((path) => path.endsWith("/etcd/member/snap/db")),
      kept.join(" "),
    );
  });
});
