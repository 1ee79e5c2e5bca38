/**
 * Proves that a backup brings a cluster back: over one that goes on running, after a restore that was killed, and on new
 * hosts when the database and all servers are gone and only the stack's state and the copies are left.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { execa } from "execa";
import { restoreBackup } from "../../operations/restore.ts";
import { projectDirectory } from "../../operations/workspace.ts";
import { testImage } from "../../sandbox/k3s/images.ts";
import { destroyHosts, down, exec, powerOff, up } from "../../sandbox/sandbox.ts";
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
import { lookAt } from "../support/makeStatus.ts";

const version = "v1.35.0+k3s1";
const allReady = [`agent-1 ${version}`, `server-1 ${version}`, `server-2 ${version}`];

let directory: string;
let identityFile: string;
let identity: string;
let config: StackConfig;
let sftpKey: string;
let stack: SandboxStack;
let kubeconfig: string;
let backupId: string;
let kept: Record<string, unknown>;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "k3s-ha-restore-"));
  identity = (await execa("age-keygen")).stdout;
  identityFile = join(directory, "key.txt");
  await writeFile(identityFile, identity, { mode: 0o600 });
  await execa("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(directory, "sftp")]);
  sftpKey = (await execa("cat", [join(directory, "sftp")])).stdout;
  const publicKey = (await execa("cat", [join(directory, "sftp.pub")])).stdout;
  await down();
  await up();
  // Where copies go: a host that a disaster of the others leaves alone.
  await onHost(
    "lb-1",
    `useradd --create-home --shell /bin/sh backup-copies; install -d -o backup-copies -m 0700 /home/backup-copies/.ssh
printf '%s\\n' '${publicKey}' >/home/backup-copies/.ssh/authorized_keys; chown backup-copies /home/backup-copies/.ssh/authorized_keys`,
  );
  const hostKeys = (await onHost("lb-1", "cat /etc/ssh/ssh_host_*_key.pub")).split("\n");
  config = {
    ...(await devConfig()),
    backup: {
      // None but those that the tests ask for.
      schedule: "0 3 29 2 *",
      recipients: [recipientOf(identity)],
      copy: {
        remote: { type: "sftp", host: addressOf("lb-1"), user: "backup-copies" },
        hostKeys: hostKeys.map((line) => line.split(" ").slice(0, 2).join(" ")),
        path: "cluster",
      },
    },
  };
  stack = await open();
  await stack.mustUp();
  kubeconfig = await stack.kubeconfig();
  await writeObjects();
  await onHost("db-1", "systemctl start k3s-ha-backup");
  backupId = await onHost("db-1", "k3s-ha-backup latest");
  kept = await objects();
  await kubectl(kubeconfig, ["create", "configmap", "too-late", "--from-literal=written=after the backup"]);
});

after(async () => {
  await down();
  await rm(directory, { recursive: true });
});

/** Looks until just these problems are told of: a moment after a change there may be more, or not yet all. */
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
  await opened.setSecret("backupCopyCredentials", sftpKey);
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
  await kubectl(kubeconfig, ["apply", "--filename", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items }));
  await kubectl(kubeconfig, ["rollout", "status", "deployment/worker", "--timeout=120s"]);
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

  test("is not restored without its key, nor unless somebody says so; nothing is stopped then", async () => {
    const starts = () => onHost("server-1", "systemctl show --property ExecMainPID,ActiveState k3s");
    const before = await starts();
    await assert.rejects(restoreBackup(stack.workspace, { backup: "latest", confirm: yes }), {
      message: /backup \S+ is encrypted to age1\w+, and this host holds no key that opens it/,
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
    assert.match(plan, /^What the cluster was told after \S+ is lost: up to \d+ revisions, from \d+ to \d+\.$/m);
    assert.ok(
      plan.endsWith(`What will happen:
  1. db-1 opens the backup and checks it. A wrong key or a damaged backup ends the restore here, with nothing stopped.
  2. K3s stops on server-1, server-2. From here until step 4 the API is down; pods go on running.
  3. What is in the datastore now is dumped on db-1, into /var/backups/k3s-ha-before-restore; the backup is imported beside it, and the two are exchanged.
  4. K3s starts again, one host after the other, each proved: server-1, server-2. Then agent-1 restarts.
Interrupted at any step, run the same again: it begins anew, and finishes.`),
      plan,
    );
    assert.equal(await starts(), before);
  });

  test("is not restored from its copy with a key of somebody else; nothing is stopped then either", async () => {
    const starts = () => onHost("server-1", "systemctl show --property ExecMainPID,ActiveState k3s");
    const before = await starts();
    const identityFile = join(directory, "other.txt");
    await writeFile(identityFile, (await execa("age-keygen")).stdout, { mode: 0o600 });
    await assert.rejects(
      restoreBackup(stack.workspace, { backup: backupId, fromCopy: true, identityFile, confirm: yes }),
      {
        message: `db-1: backup ${backupId} is encrypted to ${recipientOf(identity)}, and the key that was given is of none of them\nNothing was stopped or changed.`,
      },
    );
    assert.equal(await starts(), before);
    assert.equal(
      await onHost("db-1", "find /var/lib/k3s-ha/restore /var/backups -name 'kine.sql' -o -name 'before-*'"),
      "",
    );
  });

  test("comes back over a cluster that goes on running", async () => {
    await kubectl(kubeconfig, ["delete", "configmap/settings-3", "deployment/worker", "--wait=false"]);
    const start = performance.now();
    assert.ok(await restoreBackup(stack.workspace, { backup: backupId, identityFile, confirm: yes }));
    console.log(`restore over a running cluster: ${((performance.now() - start) / 1000).toFixed(1)} s`);
    await assertRestored();
    assert.match(
      await onHost("db-1", "ls -l /var/backups/k3s-ha-before-restore"),
      /-rw------- .* before-restore-\S+\.sql\.zst/,
    );
    assert.equal(await onHost("db-1", "ls /var/lib/k3s-ha/restore"), "", "the dump in the clear was left");
  });

  test("comes back by running the restore again after it was killed, at each of its steps, and lost a server", async () => {
    for (const step of ["Stop K3s", "Keep what is there", "Exchange the two", "Start server-1"]) {
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
    // The lost server's node came back with the backup, and goes.
    await stack.mustUp();
    assert.equal(await kubectl(kubeconfig, ["get", "node/server-2", "--ignore-not-found", "--output", "name"]), "");
    await assertRestored(allReady.filter((node) => !node.startsWith("server-2")));
    config = whole;
  });
});

describe("a disaster", () => {
  test("that takes the database and all servers ends with the workloads back, from the state and a copy", async () => {
    const start = performance.now();
    await destroyHosts(["db-1", "server-1", "server-2"]);
    await up();
    stack = await open();
    await stack.mustUp();
    const rebuilt = performance.now();
    assert.match(await onHost("db-1", "k3s-ha-backup copies"), new RegExp(`^${backupId}$`, "m"));
    assert.ok(await restoreBackup(stack.workspace, { backup: backupId, fromCopy: true, identityFile, confirm: yes }));
    console.log(
      `disaster: ${((rebuilt - start) / 1000).toFixed(1)} s to new hosts and an empty cluster, ${((performance.now() - rebuilt) / 1000).toFixed(1)} s to restore`,
    );
    await assertRestored();
    await stack.mustUp("--expect-no-changes");
  });
});

describe("drills on a timer", () => {
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
      'db-1: the last restore drill failed, so the backups may be of no use. See "journalctl --unit k3s-ha-restore-drill" there for the reason; when it is mended, run "systemctl start k3s-ha-restore-drill" there.',
      'db-1: the last restore drill that ended well was 3 days ago, more than two intervals of the schedule "47 4 * * *". See "journalctl --unit k3s-ha-restore-drill" there, and run "systemctl start k3s-ha-restore-drill" there.',
    );
    assert.match(
      await onHost("db-1", "journalctl --unit k3s-ha-restore-drill --output cat --lines 20"),
      new RegExp(
        `^k3s-ha-backup: backup ${next} is encrypted to ${recipientOf(identity)}, and the key that was given is of none of them$`,
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
