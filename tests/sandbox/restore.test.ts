/**
 * Proves that a backup brings a cluster back: over one that keeps running, after a restore that was killed, and on new
 * hosts when the database and all servers are gone and only the stack's state and the copies are left.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { restoreBackup } from "../../operations/restore.ts";
import { projectDirectory } from "../../operations/workspace.ts";
import { testImage } from "../../sandbox/k3s/images.ts";
import { sandboxKubectl } from "../../sandbox/kubectl.ts";
import { destroyHosts, down, exec, powerOff, up } from "../../sandbox/sandbox.ts";
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
import { eventually } from "../support/eventually.ts";
import { type CopyHost, makeCopyHost } from "../support/copyHost.ts";
import { buildInformer, directKubeconfig, Informer, knowledgeOf, waysToList } from "../support/informer.ts";
import { lookAt } from "../support/makeStatus.ts";

const version = "v1.35.0+k3s1";
const allReady = [`agent-1 ${version}`, `server-1 ${version}`, `server-2 ${version}`];

let directory: string;
let identityFile: string;
let identity: string;
let config: StackConfig;
let copyHost: CopyHost;
let stack: SandboxStack;
let kubeconfig: string;
let backupId: string;
let kept: Record<string, unknown>;
let informerPath: string;
let balancerFile: string;

before(async () => {
  informerPath = await buildInformer();
  directory = await mkdtemp(join(tmpdir(), "k3s-ha-restore-"));
  identity = (await execa("age-keygen")).stdout;
  identityFile = join(directory, "key.txt");
  await writeFile(identityFile, identity, { mode: 0o600 });
  await down();
  await up();
  copyHost = await makeCopyHost(directory);
  config = {
    ...(await devConfig()),
    backup: {
      // None but those that the tests ask for.
      schedule: "0 3 29 2 *",
      recipients: [recipientOf(identity)],
      copy: copyHost.copy,
    },
  };
  stack = await open();
  await stack.mustUp();
  kubeconfig = await stack.kubeconfig();
  balancerFile = join(directory, "kubeconfig");
  await writeFile(balancerFile, kubeconfig, { mode: 0o600 });
  await exec(
    "agent-1",
    "install -d /opt/informer && cat >/opt/informer/informer && chmod 0755 /opt/informer/informer",
    {
      input: await readFile(informerPath),
    },
  );
  await writeObjects();
  await writeOften("rewritten", 1);
  await onHost("db-1", "systemctl start k3s-ha-backup");
  backupId = await onHost("db-1", "k3s-ha-backup latest");
  kept = await objects();
  await kubectl(kubeconfig, ["create", "configmap", "too-late", "--from-literal=written=after the backup"]);
});

after(async () => {
  await down();
  await rm(directory, { recursive: true });
});

/** Waits until exactly these problems are reported: a moment after a change there may be more, or not yet all. */
function lookWithProblems(...problems: string[]) {
  return eventually(async () => {
    const { status, exitCode } = await lookAt("dev");
    assert.deepEqual(status.problems, problems);
    assert.equal(exitCode, problems.length === 0 ? 0 : 1);
    return status;
  });
}

function recipientOf(key: string): string {
  return /age1\w+/.exec(key)?.[0] ?? "";
}

async function open(): Promise<SandboxStack> {
  const opened = await SandboxStack.open("dev", config);
  await opened.setSecret("backupCopyCredentials", copyHost.privateKey);
  return opened;
}

async function writeObjects(): Promise<void> {
  const labels = { app: "worker" };
  const settings = Array.from({ length: 20 }, (_, index) => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: `settings-${index}` },
    data: { value: `${index} "quoted" \\ back ünïcode ${"x".repeat(index * 100)}` },
  }));
  const items = [
    ...settings,
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "reader" } },
    {
      apiVersion: "v1",
      kind: "Secret",
      type: "kubernetes.io/service-account-token",
      metadata: { name: "reader-token", annotations: { "kubernetes.io/service-account.name": "reader" } },
    },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "worker" },
      spec: {
        replicas: 2,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            terminationGracePeriodSeconds: 0,
            containers: [{ name: "worker", image: testImage, imagePullPolicy: "Never", command: ["sleep", "100000"] }],
          },
        },
      },
    },
  ];
  items.push(...(podsOfTheAgent() as typeof items));
  await kubectl(kubeconfig, ["apply", "--filename", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items }));
  await kubectl(kubeconfig, ["wait", "pod/informer", "--for=condition=Ready", "--timeout=120s"]);
  await kubectl(kubeconfig, ["rollout", "status", "daemonset/everywhere", "--timeout=120s"]);
  await kubectl(kubeconfig, ["rollout", "status", "deployment/worker", "--timeout=120s"]);
}

/** A pod on the agent with an informer for each way to list, and a pod of a DaemonSet: what has to outlive the servers. */
function podsOfTheAgent(): object[] {
  const named = { metadata: { name: "informer" } };
  const spec = {
    nodeName: "agent-1",
    serviceAccountName: "informer",
    terminationGracePeriodSeconds: 0,
    volumes: [{ name: "program", hostPath: { path: "/opt/informer" } }],
    containers: Object.entries(waysToList).map(([way, value]) => ({
      name: way.toLowerCase(),
      image: testImage,
      imagePullPolicy: "Never",
      command: ["sh", "-c", `exec /opt/informer/informer watch >/opt/informer/${way}`],
      env: [{ name: "KUBE_FEATURE_WatchListClient", value }],
      volumeMounts: [{ name: "program", mountPath: "/opt/informer" }],
    })),
  };
  const everywhere = { app: "everywhere" };
  const container = { name: "everywhere", image: testImage, imagePullPolicy: "Never", command: ["sleep", "100000"] };
  return [
    { apiVersion: "v1", kind: "ServiceAccount", ...named },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "RoleBinding",
      ...named,
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" },
      subjects: [{ kind: "ServiceAccount", name: "informer", namespace: "default" }],
    },
    { apiVersion: "v1", kind: "Pod", ...named, spec },
    {
      apiVersion: "apps/v1",
      kind: "DaemonSet",
      metadata: { name: "everywhere" },
      spec: {
        selector: { matchLabels: everywhere },
        template: {
          metadata: { labels: everywhere },
          spec: { terminationGracePeriodSeconds: 0, containers: [container] },
        },
      },
    },
  ];
}

/** Sets a watched ConfigMap to 1, 2, … through the load balancer, a revision each. */
async function writeOften(name: string, times: number): Promise<void> {
  await execa(informerPath, ["write", name, String(times)], { env: { KUBECONFIG: balancerFile } });
}

/** Makes watched ConfigMaps, all at once. */
async function createWatched(names: readonly string[]): Promise<void> {
  const items = names.map((name) => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, labels: { watched: "yes" } },
    data: { value: "1" },
  }));
  await kubectl(kubeconfig, ["create", "--filename", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items }));
}

const deleteWatched = (names: readonly string[]) => kubectl(kubeconfig, ["delete", "configmap", ...names]);

/** What the informers in the pod have printed. */
const printedInPod = (way: string) => onHost("agent-1", `cat /opt/informer/${way}`);

/** Waits until an informer has exactly these objects, and returns in how many seconds it did. */
async function assertKnows(what: string, printed: () => Promise<string>, names: readonly string[]): Promise<number> {
  const start = performance.now();
  await eventually(async () => {
    const text = await printed();
    const { values } = knowledgeOf(text);
    const last = `${what}:\n${text.split("\n").slice(-60).join("\n")}`;
    assert.deepEqual([...values.keys()].toSorted(), ["rewritten", ...names].toSorted(), last);
    assert.equal(values.get("rewritten"), "1", `holds a value that was lost: ${last}`);
    // client-go waits up to half a minute before it asks an API again that was down.
  }, 75);
  return (performance.now() - start) / 1000;
}

/** Id and start of every container that runs on the agent, by the pod's uid and the container's name. */
async function containersOnAgent(): Promise<Map<string, string>> {
  interface Inspected {
    status: { id: string; startedAt: string; metadata: { name: string }; labels: Record<string, string> };
  }
  const told = await onHost(
    "agent-1",
    "for id in $(k3s crictl ps --quiet); do k3s crictl inspect $id; printf '\\0'; done",
  );
  return new Map(
    told
      .split("\0")
      .filter((text) => text.trim() !== "")
      .map((text) => {
        const found = JSON.parse(text) as Inspected | [Inspected];
        return Array.isArray(found) ? found[0] : found;
      })
      .map(({ status: { id, startedAt, metadata, labels } }) => [
        `${labels["io.kubernetes.pod.uid"]}/${metadata.name}`,
        `${id} ${startedAt}`,
      ]),
  );
}

/** That the pods of the agent have the containers that they had, among them those that have to outlive the servers. */
async function assertRunOn(before: ReadonlyMap<string, string>): Promise<void> {
  const { items } = JSON.parse(
    await kubectl(kubeconfig, [
      ...["get", "pods", "--all-namespaces", "--field-selector=spec.nodeName=agent-1", "--output", "json"],
    ]),
  ) as { items: { metadata: { name: string; uid: string } }[] };
  const now = await containersOnAgent();
  const survivors = [...before].flatMap(([key, container]) => {
    const pod = items.find(({ metadata }) => key.startsWith(`${metadata.uid}/`));
    return pod === undefined ? [] : [{ key, name: pod.metadata.name, container }];
  });
  for (const { key, name, container } of survivors) {
    console.log(`| ${name}/${key.split("/")[1]} | ${container} | ${now.get(key)} |`);
    assert.equal(now.get(key), container, `${name} was restarted`);
  }
  const names = survivors.map(({ name }) => name.replace(/-.*/, ""));
  for (const name of ["informer", "everywhere"]) assert.ok(names.includes(name), `${name} is gone`);
}

/** Everything that was written, by kind and name, without what changes by itself. */
async function objects(): Promise<Record<string, unknown>> {
  const text = await kubectl(kubeconfig, [
    ...["get", "configmaps,secrets,serviceaccounts,deployments", "--namespace", "default", "--output", "json"],
  ]);
  const { items } = JSON.parse(text) as {
    items: { kind: string; metadata: { name: string; uid: string }; data?: unknown; spec?: unknown }[];
  };
  return Object.fromEntries(
    items.map(({ kind, metadata: { name, uid }, data, spec }) => [`${kind}/${name}`, { uid, data, spec }]),
  );
}

/** That the objects are those of the backup, one by one, that the pods run, and that old tokens are good. */
async function assertRestored(ready = allReady): Promise<void> {
  assert.deepEqual(await readyNodes(kubeconfig), ready);
  assert.deepEqual(await objects(), kept);
  await kubectl(kubeconfig, ["rollout", "status", "deployment/worker", "--timeout=120s"]);
  const { data } = kept["Secret/reader-token"] as { data: { token: string } };
  const token = Buffer.from(data.token, "base64").toString();
  const review = await kubectl(
    kubeconfig,
    ["create", "--filename", "-", "--output", "jsonpath={.status.authenticated} {.status.user.username}"],
    JSON.stringify({ apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec: { token } }),
  );
  assert.equal(review, "true system:serviceaccount:default:reader");
}

const yes = () => Promise.resolve(true);

describe("a backup", () => {
  test("opens in a drill: rows, revision, the escrowed token, and the cluster's keys with it", async () => {
    const { stdout, stderr, exitCode } = await exec("db-1", "k3s-ha-backup drill --identity <(cat)", {
      input: identity,
    });
    assert.equal(exitCode, 0, stderr);
    assert.match(
      stdout,
      new RegExp(`^drill: backup ${backupId} restored to \\d+ rows at revision \\d+, and its keys opened`, "m"),
    );
    assert.doesNotMatch(stdout, /were not decrypted/);
    assert.equal((await onHost("db-1", "cat /var/backups/k3s-ha/.drilled")).split("\n")[1], backupId);
  });

  test("is not restored without its key, nor without confirmation; nothing is stopped then", async () => {
    const starts = () => onHost("server-1", "systemctl show --property ExecMainPID,ActiveState k3s");
    const before = await starts();
    await assert.rejects(restoreBackup(stack.workspace, { backup: "latest", confirm: yes }), {
      message: /backup \S+ is encrypted to age1\w+, but this host has no key that opens it/,
    });
    let plan = "";
    const confirm = (text: string) => {
      plan = text;
      return Promise.resolve(false);
    };
    assert.equal(await restoreBackup(stack.workspace, { backup: backupId, identityFile, confirm }), false);
    assert.match(
      plan,
      new RegExp(`^Restore backup ${backupId} of K3s v1\\.35\\.0\\+k3s1: \\d+ rows up to revision \\d+, read at `),
    );
    assert.match(plan, /read at \S+Z, \d+ min ago\.$/m);
    assert.match(plan, /^Every change to the cluster after \S+ is lost: up to \d+ revisions, from \d+ to \d+\.$/m);
    assert.ok(
      plan.endsWith(`Steps:
  1. db-1 opens the backup and checks it. A wrong key or a damaged backup ends the restore here, before anything is stopped.
  2. K3s stops on server-1, server-2. From here until step 4 the API is down; pods keep running.
  3. The current content of the datastore is dumped on db-1, into /var/backups/k3s-ha-before-restore; the backup is imported beside it, and the two are exchanged.
  4. K3s starts again, one host after the other, each verified: server-1, server-2. Then agent-1 restarts.
If a step is interrupted, run the same command again: it starts over and finishes.`),
      plan,
    );
    assert.equal(await starts(), before);
  });

  test("is not restored from its copy with another key; nothing is stopped then either", async () => {
    const starts = () => onHost("server-1", "systemctl show --property ExecMainPID,ActiveState k3s");
    const before = await starts();
    const identityFile = join(directory, "other.txt");
    await writeFile(identityFile, (await execa("age-keygen")).stdout, { mode: 0o600 });
    await assert.rejects(
      restoreBackup(stack.workspace, { backup: backupId, fromCopy: true, identityFile, confirm: yes }),
      {
        message: `db-1: backup ${backupId} is encrypted to ${recipientOf(identity)}, but the key belongs to none of them\nNothing was stopped or changed.`,
      },
    );
    assert.equal(await starts(), before);
    assert.equal(
      await onHost("db-1", "find /var/lib/k3s-ha/restore /var/backups -name 'kine.sql' -o -name 'before-*'"),
      "",
    );
  });

  test("is restored over a running cluster, and watches receive everything that is written afterwards", async () => {
    const directFile = join(directory, "direct");
    await writeFile(directFile, directKubeconfig(kubeconfig, addressOf("server-1")), { mode: 0o600 });
    const outside = (Object.keys(waysToList) as (keyof typeof waysToList)[]).flatMap((way) => [
      { what: `balancer, ${way}`, informer: Informer.start(informerPath, balancerFile, way) },
      { what: `direct, ${way}`, informer: Informer.start(informerPath, directFile, way) },
    ]);
    const watchers = [
      ...outside.map(({ what, informer }) => ({ what, printed: () => Promise.resolve(informer.printed) })),
      ...Object.keys(waysToList).map((way) => ({ what: `pod, ${way}`, printed: () => printedInPod(way) })),
    ];
    const watch = new AbortController();
    let watched = "";
    const { path, argv0 } = await sandboxKubectl();
    const kubectlWatch = execa(path, ["get", "configmaps", "--watch"], {
      argv0,
      env: { KUBECONFIG: balancerFile },
      reject: false,
      cancelSignal: watch.signal,
    });
    kubectlWatch.stdout.on("data", (data: Buffer) => (watched += data.toString()));
    try {
      await writeOften("rewritten", 500);
      await createWatched(["lost"]);
      await kubectl(kubeconfig, ["delete", "configmap/settings-3", "deployment/worker", "--wait=false"]);
      await eventually(async () => {
        for (const { what, printed } of watchers) {
          const { values } = knowledgeOf(await printed());
          assert.deepEqual([values.get("rewritten"), values.has("lost")], ["500", true], what);
        }
      });
      const start = performance.now();
      assert.ok(await restoreBackup(stack.workspace, { backup: backupId, identityFile, confirm: yes }));
      console.log(`restore over a running cluster: ${((performance.now() - start) / 1000).toFixed(1)} s`);
      const names = Array.from({ length: 30 }, (_, index) => `after-${index}`);
      await createWatched(names);
      const seconds = await Promise.all(watchers.map(({ what, printed }) => assertKnows(what, printed, names)));
      for (const [index, { what, printed }] of watchers.entries()) {
        const { values, errors } = knowledgeOf(await printed());
        const seen = names.filter((name) => values.has(name)).length;
        console.log(
          `| ${what} | ${seen} of ${names.length} | ${seconds[index]?.toFixed(1)} s | ${errors.join("; ")} |`,
        );
      }
      // kubectl ends when its watch does; what it must not do is to go on and show nothing.
      const isOver = await Promise.race([kubectlWatch.then(() => true), sleep(1000).then(() => false)]);
      console.log(`kubectl get --watch ${isOver ? `ended with ${(await kubectlWatch).exitCode}` : "continues"}`);
      assert.ok(isOver || watched.includes("after-29"), "kubectl get --watch continues, but shows nothing");
      await deleteWatched(names);
    } finally {
      watch.abort();
      await Promise.all([kubectlWatch, ...outside.map(({ informer }) => informer.stop())]);
    }
    await assertRestored();
    assert.match(
      await onHost("db-1", "ls -l /var/backups/k3s-ha-before-restore"),
      /-rw------- .* before-restore-\S+\.sql\.zst/,
    );
    assert.equal(await onHost("db-1", "ls /var/lib/k3s-ha/restore"), "", "the dump in the clear was left");
  });

  test(
    "comes back by running the restore again after it was killed, at each of its steps, and lost a server",
    long,
    async () => {
      for (const step of ["Stop K3s", "Dump the current content", "Exchange the two tables", "Start server-1"]) {
        const run = spawn(
          process.execPath,
          [
            ...["--disable-warning=ExperimentalWarning", join(projectDirectory, "operations/main.ts"), "restore"],
            ...["--backup", backupId, "--identity", identityFile, "--yes"],
          ],
          { stdio: ["ignore", "ignore", "pipe"] },
        );
        let said = "";
        const gone = once(run, "exit");
        run.stderr.on("data", (data: Buffer) => {
          said += data.toString();
          if (said.includes(`▸ ${step}`)) run.kill("SIGKILL");
        });
        await gone;
        assert.match(said, new RegExp(`▸ ${step}`));
      }
      await powerOff("server-2");
      const whole = config;
      const servers = config["servers"] as Record<string, object>;
      config = { ...config, servers: { ...servers, "server-2": { ...servers["server-2"], lost: true } } };
      stack = await open();
      assert.ok(await restoreBackup(stack.workspace, { backup: backupId, identityFile, confirm: yes }));
      // The lost server's node came back with the backup, and is removed.
      await stack.mustUp();
      assert.equal(await kubectl(kubeconfig, ["get", "node/server-2", "--ignore-not-found", "--output", "name"]), "");
      await assertRestored(allReady.filter((node) => !node.startsWith("server-2")));
      config = whole;
    },
  );
});

describe("a disaster", long, () => {
  test("that takes the database and all servers ends with the cluster back, from the state and a copy, and pods that ran run on", async () => {
    const before = await containersOnAgent();
    const start = performance.now();
    await destroyHosts(["db-1", "server-1", "server-2"]);
    await up();
    stack = await open();
    // An empty cluster would end every pod that it does not know.
    const refused = await stack.up();
    assert.notEqual(refused.exitCode, 0);
    assert.match(
      refused.all,
      /db-1: the schema "k3s" that held this stack's cluster is gone, .* make restore FROM=copy/,
    );
    assert.equal(await onHost("server-1", "systemctl is-active k3s || :"), "inactive");
    const rebuilt = performance.now();
    assert.ok(await restoreBackup(stack.workspace, { backup: backupId, fromCopy: true, identityFile, confirm: yes }));
    console.log(
      `disaster: ${((rebuilt - start) / 1000).toFixed(1)} s to new hosts and the refusal, ${((performance.now() - rebuilt) / 1000).toFixed(1)} s to restore`,
    );
    await assertRestored();
    await assertRunOn(before);
    // Nor do those that went on watching stay behind.
    const written = Array.from({ length: 10 }, (_, index) => `rebuilt-${index}`);
    await createWatched(written);
    for (const way of Object.keys(waysToList)) await assertKnows(`pod, ${way}`, () => printedInPod(way), written);
    await deleteWatched(written);
    await stack.mustUp("--expect-no-changes");
  });

  test("that takes the database's host alone ends so as well, without an up before", async () => {
    const before = await containersOnAgent();
    await destroyHosts(["db-1"]);
    await up();
    stack = await open();
    const start = performance.now();
    assert.ok(await restoreBackup(stack.workspace, { backup: backupId, fromCopy: true, identityFile, confirm: yes }));
    console.log(`the database's host alone: ${((performance.now() - start) / 1000).toFixed(1)} s to restore`);
    await assertRestored();
    await assertRunOn(before);
    await stack.mustUp("--expect-no-changes");
  });
});

describe("drills on a timer", long, () => {
  test("begin with the first, follow every backup, and go with their key when they are taken back", async () => {
    const without = config;
    config = { ...config, backup: { ...(config["backup"] as object), drill: { afterBackup: true } } };
    stack = await open();
    await stack.setSecret("backupDrillIdentity", identity);
    await stack.mustUp();
    const newest = await onHost("db-1", "k3s-ha-backup latest");
    assert.equal((await onHost("db-1", "cat /var/backups/k3s-ha/.drilled")).split("\n")[1], newest);
    assert.equal(await onHost("db-1", "systemctl is-active k3s-ha-restore-drill.timer"), "active");
    assert.equal(await onHost("db-1", "stat --format '%a %U' /etc/k3s-ha/backup-drill.key"), "600 root");
    await onHost("db-1", "systemctl start k3s-ha-backup");
    const next = await onHost("db-1", "k3s-ha-backup latest");
    assert.notEqual(next, newest);
    assert.equal((await onHost("db-1", "cat /var/backups/k3s-ha/.drilled")).split("\n")[1], next);
    assert.match(await onHost("db-1", "k3s-ha-backup check"), /^OK: /);

    const { restoreDrill } = await lookWithProblems();
    assert.equal(restoreDrill?.backup, next);
    assert.ok((restoreDrill.ageSeconds ?? -1) >= 0 && (restoreDrill.ageSeconds ?? 600) < 300);
    // A key that opens nothing, and the last good drill three days ago.
    await onHost(
      "db-1",
      `age-keygen --output /root/other.key 2>/dev/null; cp --preserve=mode /etc/k3s-ha/backup-drill.key /root/drill.key
cat /root/other.key >/etc/k3s-ha/backup-drill.key; ! systemctl start k3s-ha-restore-drill
printf '%s\\n%s\\n' $(($(date +%s) - 3 * 86400)) ${next} >/var/backups/k3s-ha/.drilled`,
    );
    await lookWithProblems(
      'db-1: the last restore drill failed, so the backups may be useless. See "journalctl --unit k3s-ha-restore-drill" there for the reason; when the cause is corrected, run "systemctl start k3s-ha-restore-drill" there.',
      'db-1: the last successful restore drill was 3 days ago, more than two intervals of the schedule "47 4 * * *". See "journalctl --unit k3s-ha-restore-drill" there, and run "systemctl start k3s-ha-restore-drill" there.',
    );
    assert.match(
      await onHost("db-1", "journalctl --unit k3s-ha-restore-drill --output cat --lines 20"),
      new RegExp(
        `^k3s-ha-backup: backup ${next} is encrypted to ${recipientOf(identity)}, but the key belongs to none of them$`,
        "m",
      ),
    );
    await onHost("db-1", "cat /root/drill.key >/etc/k3s-ha/backup-drill.key; systemctl start k3s-ha-restore-drill");
    await lookWithProblems();

    config = without;
    stack = await open();
    await stack.mustUp();
    const left =
      "ls /etc/k3s-ha/backup-drill.key /etc/systemd/system/k3s-ha-restore-drill.timer 2>/dev/null || test $? = 2";
    assert.equal(await onHost("db-1", left), "");
  });
});
