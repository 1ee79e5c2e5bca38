/**
 * Proves what becomes of the API, the nodes and the pods while servers and agents are restarted: a changed setting, one
 * that a server fails on, and an upgrade to a newer release, all on one cluster, with a client that asks all the time.
 */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { boot, exec, powerOff } from "../../sandbox/sandbox.ts";
import { devCluster } from "../support/devCluster.ts";
import { eventually } from "../support/eventually.ts";
import { killedWhen } from "../support/killedUp.ts";
import { long, runsLong } from "../support/long.ts";
import { endpointOf, failsNoRequest } from "../support/probe.ts";
import {
  addressOf,
  devConfig,
  kubectl,
  onHost,
  readyNodes,
  runPod,
  SandboxStack,
  type StackConfig,
} from "../support/sandboxCluster.ts";

const oldVersion = "v1.35.0+k3s1";
const newVersion = "v1.35.0+k3s3";
const nodes = ["agent-1", "server-1", "server-2"] as const;

let config: StackConfig;
let kubeconfig: string;

before(async () => {
  config = await devConfig();
  kubeconfig = await (await devCluster(runsLong ? [oldVersion, newVersion] : [oldVersion])).kubeconfig();
});

describe("a changed setting of the servers", () => {
  test("reaches one server after the other, and no request fails", async () => {
    const before = await starts();
    const changed = withK3s({ serverConfig: { ...serverConfig(), "kube-apiserver-arg": ["goaway-chance=0.001"] } });
    const weights = watchWeights();
    await failsNoRequest(endpointOf(kubeconfig), async () => (await SandboxStack.open("dev", changed)).mustUp());
    const seen = await weights.stop();
    const now = await starts();
    assert.ok(now["server-1"] > before["server-1"] && now["server-2"] > now["server-1"], JSON.stringify(now));
    assert.equal(now["agent-1"], before["agent-1"], "the agent was restarted for a setting of the servers");
    for (const server of ["server-1", "server-2"]) {
      assert.match(await onHost(server, "cat /etc/rancher/k3s/config.yaml"), /goaway-chance=0\.001/);
      assert.ok(seen.has(`${server} 0`), `HAProxy never had ${server} leave: ${[...seen].join(", ")}`);
    }
    assert.ok(!seen.has("none"), "HAProxy had no server to send clients to");
    config = changed;
  });

  test(
    "that the first server fails on stops there, says how to go on, and is healed by taking it back",
    long,
    async () => {
      const broken = withK3s({
        serverConfig: { ...serverConfig(), "kube-apiserver-arg": ["no-such-flag=x"] },
        readySeconds: 30,
      });
      const before = await starts();
      await failsNoRequest(endpointOf(kubeconfig), async () => {
        const { all, exitCode } = await (await SandboxStack.open("dev", broken)).up();
        assert.notEqual(exitCode, 0, all);
        assert.match(all, /unknown flag: --no-such-flag/);
        assert.match(
          all,
          /server-1: K3s is not ready after 30 s; its journal above gives the reason; it runs with its previous settings again\. Nothing was changed on the hosts after it\. Revert the change, or correct it, and run up again\./,
        );
      });
      assert.equal((await starts())["server-2"], before["server-2"]);
      await (await SandboxStack.open("dev", config)).mustUp("--expect-no-changes");
      assert.deepEqual(
        await readyNodes(kubeconfig),
        nodes.map((node) => `${node} ${oldVersion}`),
      );
    },
  );
});

describe("a rotation of the datastore's credentials", long, () => {
  const rotated = (changes: object): StackConfig => {
    const datastore = config["datastore"] as { managed: object };
    return { ...config, datastore: { ...datastore, managed: { ...datastore.managed, ...changes } } };
  };
  const users = () =>
    onHost("db-1", "mariadb -N -e \"SELECT DISTINCT User FROM mysql.user WHERE User LIKE 'k3s%' ORDER BY 1\"").then(
      (text) => text.split("\n"),
    );

  test("gives each server a new user in its turn, drops those of before, and no request fails", async () => {
    const changed = rotated({ credentialRotation: "first" });
    const before = await users();
    await failsNoRequest(endpointOf(kubeconfig), async () => (await SandboxStack.open("dev", changed)).mustUp());
    const now = await users();
    assert.equal(now.length, 2);
    assert.ok(
      now.every((user) => !before.includes(user)),
      now.join(),
    );
    await onHost("db-1", "k3s-ha-backup run");
    await (await SandboxStack.open("dev", changed)).mustUp("--expect-no-changes");
    config = changed;
  });

  test("of leaked ones says before what it costs, and ends with every server on its new user", async () => {
    const changed = rotated({ credentialRotation: "second", credentialsLeaked: "second" });
    const stack = await SandboxStack.open("dev", changed);
    const { all, exitCode } = await stack.up();
    assert.equal(exitCode, 0, all);
    assert.match(
      all,
      /k3s-ha:datastore\.managed\.credentialsLeaked: the users of before are locked as soon as the new ones exist, and their connections end\. The Kubernetes API is down until the first server has restarted with its new user, and every other server until its turn; pods keep running\./,
    );
    assert.equal((await users()).length, 2);
    assert.deepEqual(
      await readyNodes(kubeconfig),
      nodes.map((node) => `${node} ${oldVersion}`),
    );
    config = rotated({ credentialRotation: "second" });
    await (await SandboxStack.open("dev", config)).mustUp();
  });
});

describe("an up that is killed while a changed setting reaches one server after the other", long, () => {
  test("is finished by the next, and no request fails in either", async () => {
    const changed = withK3s({ serverConfig: { ...serverConfig(), "kube-apiserver-arg": ["event-ttl=3h"] } });
    const stack = await SandboxStack.open("dev", changed);
    await failsNoRequest(endpointOf(kubeconfig), async () => {
      assert.ok(await killedWhen(stack, /servers-server-1-service updating/, 3000), "server-1 was never changed");
      await (await SandboxStack.open("dev", changed)).mustUp();
    });
    for (const server of ["server-1", "server-2"])
      assert.match(await onHost(server, "cat /etc/rancher/k3s/config.yaml"), /event-ttl=3h/);
    assert.deepEqual(
      await readyNodes(kubeconfig),
      nodes.map((node) => `${node} ${oldVersion}`),
    );
    await (await SandboxStack.open("dev", changed)).mustUp("--expect-no-changes");
    config = changed;
  });
});

describe("a changed setting while a server is off", long, () => {
  test("restarts nothing and writes nothing anywhere, and the one sentence names that server", async () => {
    const alive = ["server-1", "agent-1", "lb-1", "db-1"];
    const trace = () =>
      Promise.all(
        alive.map((host) =>
          onHost(
            host,
            `systemctl show --property ExecMainStartTimestampMonotonic --value k3s k3s-agent haproxy mariadb
find /etc/rancher /etc/haproxy /etc/mysql /etc/systemd/system /usr/local/bin -type f -printf '%p %T@\\n' 2>/dev/null | sort`,
          ),
        ),
      );
    await powerOff("server-2");
    const before = await trace();
    const changed = withK3s({ serverConfig: { ...serverConfig(), "kube-apiserver-arg": ["goaway-chance=0.002"] } });
    const { all, exitCode } = await (await SandboxStack.open("dev", changed)).up();
    assert.notEqual(exitCode, 0, all);
    const summary = all.slice(all.indexOf("Diagnostics:"));
    const sentences = summary.match(/k3s-ha:servers\.server-2 \(\S+\): the host cannot be reached over SSH .*/g);
    assert.equal(sentences?.length, 1, all);
    assert.deepEqual(await trace(), before);
    await boot("server-2");
    await eventually(async () => {
      assert.ok((await readyNodes(kubeconfig)).includes(`server-2 ${oldVersion}`));
    });
    await (await SandboxStack.open("dev", config)).mustUp("--expect-no-changes");
  });
});

describe("a changed setting of an agent that is to be drained", long, () => {
  test("finds it cordoned and empty, and leaves it uncordoned", async () => {
    await runPod(kubeconfig, "mover", "agent-1");
    const drained = withPool({ drainSeconds: 40 }, { "kubelet-arg": ["max-pods=77"] });
    await (await SandboxStack.open("dev", drained)).mustUp();
    assert.equal(await kubectl(kubeconfig, ["get", "pod", "mover", "--ignore-not-found"]), "");
    assert.equal(await unschedulable("agent-1"), "");
    assert.match(await onHost("agent-1", "cat /etc/rancher/k3s/config.yaml"), /max-pods=77/);
    config = drained;
  });

  test("uncordons it also when the change fails", async () => {
    const broken = withPool({ drainSeconds: 40 }, { "kubelet-arg": ["no-such-flag=x"] }, { readySeconds: 30 });
    const { all, exitCode } = await (await SandboxStack.open("dev", broken)).up();
    assert.notEqual(exitCode, 0, all);
    assert.match(all, /agent-1: .*it runs with its previous settings again/);
    assert.equal(await unschedulable("agent-1"), "");
    await (await SandboxStack.open("dev", config)).mustUp();
  });

  test("leaves it cordoned if others had cordoned it, and continues after the time limit of pods that may not be evicted", async () => {
    await runPod(kubeconfig, "stayer", "agent-1");
    const budget = {
      apiVersion: "policy/v1",
      kind: "PodDisruptionBudget",
      metadata: { name: "stayer" },
      spec: { minAvailable: 1, selector: { matchLabels: { app: "stayer" } } },
    };
    await kubectl(kubeconfig, ["apply", "--filename", "-"], JSON.stringify(budget));
    await kubectl(kubeconfig, ["cordon", "agent-1"]);
    const changed = withPool({ drainSeconds: 3 }, { "kubelet-arg": ["max-pods=78"] });
    await (await SandboxStack.open("dev", changed)).mustUp();
    assert.equal(await unschedulable("agent-1"), "true");
    assert.equal(
      await kubectl(kubeconfig, ["get", "pod", "stayer", "--output", "jsonpath={.status.phase}"]),
      "Running",
    );
    await kubectl(kubeconfig, ["uncordon", "agent-1"]);
    config = changed;
  });
});

describe("an upgrade", long, () => {
  test("that skips a minor version, or takes agents before servers, is refused in the preview", async () => {
    await assertPreviewRefuses(
      { version: "v1.37.0+k3s1" },
      /server-1 runs K3s v1\.35\.0\+k3s1, but k3s-ha:k3s\.version is v1\.37\.0\+k3s1: Kubernetes must not skip a minor version\. Upgrade to the latest v1\.36 first/,
    );
    await assertPreviewRefuses(
      { agentVersion: newVersion },
      /k3s-ha:k3s\.agentVersion is v1\.35\.0\+k3s3, which is newer than the servers' v1\.35\.0\+k3s1/,
    );
  });

  test("that the second server fails on stops there, with a dump, and cannot be taken back on what the first has written", async () => {
    // Only the new release does not start.
    await onHost(
      "server-2",
      `cat >/etc/systemd/system/k3s.service.d/99-broken.conf <<'UNIT'
[Service]
ExecStartPre=/bin/sh -c 'readlink /usr/local/bin/k3s | grep ${oldVersion.replace("+", "[+]")}'
UNIT`,
    );
    await failsNoRequest(endpointOf(kubeconfig), async () => {
      // Long enough for the first server, which has to prove itself.
      const { all, exitCode } = await (
        await SandboxStack.open("dev", withK3s({ version: newVersion, readySeconds: 60 }))
      ).up();
      assert.notEqual(exitCode, 0, all);
      assert.match(all, /server-2: K3s .*; it runs with its previous settings again/);
    });
    assert.deepEqual(await readyNodes(kubeconfig), [
      `agent-1 ${oldVersion}`,
      `server-1 ${newVersion}`,
      `server-2 ${oldVersion}`,
    ]);
    const manifest = await onHost("db-1", "grep -l pre-upgrade /var/backups/k3s-ha/*/manifest.json | xargs cat");
    assert.match(manifest, new RegExp(`"k3sVersion": "${oldVersion.replace("+", "\\+")}"`));
    await assertPreviewRefuses(
      { version: oldVersion },
      /server-1 runs K3s v1\.35\.0\+k3s3, but k3s-ha:k3s\.version is v1\.35\.0\+k3s1, which is older: .*docs\/day-two\.md/,
    );
  });

  test("continues from where it stopped, servers before agents, and no request fails", async () => {
    await onHost("server-2", "rm /etc/systemd/system/k3s.service.d/99-broken.conf; systemctl daemon-reload");
    const before = await starts();
    config = withK3s({ version: newVersion });
    await failsNoRequest(endpointOf(kubeconfig), async () => (await SandboxStack.open("dev", config)).mustUp());
    const now = await starts();
    assert.equal(now["server-1"], before["server-1"], "server-1 had been upgraded already");
    assert.ok(now["agent-1"] > now["server-2"] && now["server-2"] > before["server-2"], JSON.stringify(now));
    assert.deepEqual(
      await readyNodes(kubeconfig),
      nodes.map((node) => `${node} ${newVersion}`),
    );
    for (const node of nodes) assert.equal(await onHost(node, "ls /usr/local/lib/k3s-ha/k3s"), newVersion);
    await (await SandboxStack.open("dev", config)).mustUp("--expect-no-changes");
  });
});

function assertPreviewRefuses(k3s: Record<string, unknown>, reason: RegExp): Promise<void> {
  return assertRefuses(withK3s(k3s), reason);
}

async function assertRefuses(changed: StackConfig, reason: RegExp): Promise<void> {
  const stack = await SandboxStack.open("dev", changed);
  await assert.rejects(stack.preview(), (error: { all?: string }) => {
    assert.match(String(error.all), reason);
    return true;
  });
}

describe("another schema for the datastore", long, () => {
  // A preview does not know the endpoint before the datastore has proved itself, so it is the run that refuses.
  test("is refused before any server is touched", async () => {
    const { managed } = config["datastore"] as { managed: object };
    const address = addressOf("db-1");
    const before = await starts();
    const changed = { ...config, datastore: { managed: { ...managed, database: "other" } } };
    const { all, exitCode } = await (await SandboxStack.open("dev", changed)).up();
    assert.notEqual(exitCode, 0, all);
    assert.ok(
      all.includes(
        `server-1 uses the datastore ${address}:3306/k3s, but k3s-ha:datastore is now ${address}:3306/other, `,
      ),
      all,
    );
    assert.match(all, /movingFrom/);
    assert.deepEqual(await starts(), before);
  });
});

/** Looks all the time at what weight HAProxy gives the servers; "none" where no server had any. */
function watchWeights(): { stop: () => Promise<ReadonlySet<string>> } {
  const watching = exec(
    "lb-1",
    `rm -f /tmp/watched; while [ ! -e /tmp/watched ]; do
  echo 'show stat' | socat -t 2 - UNIX-CONNECT:/run/haproxy/k3s-ha.sock | awk -F , '$1 == "servers" && $2 != "BACKEND" { seen = 1; print $2, $19; if ($18 ~ /^UP/) up += $19 } END { if (seen && up == 0) print "none" }'
  sleep 0.2
done | sort -u`,
  );
  return {
    stop: async () => {
      await onHost("lb-1", "touch /tmp/watched");
      return new Set((await watching).stdout.trim().split("\n"));
    },
  };
}

/** When K3s started on each node, in microseconds since the machine's boot, which all hosts share. */
async function starts(): Promise<Record<(typeof nodes)[number], number>> {
  const times = await Promise.all(
    nodes.map((node) =>
      onHost(
        node,
        "systemctl show --property ExecMainStartTimestampMonotonic --value k3s k3s-agent | grep -vx 0 | grep .",
      ),
    ),
  );
  return Object.fromEntries(nodes.map((node, index) => [node, Number(times[index])])) as Awaited<
    ReturnType<typeof starts>
  >;
}

function unschedulable(node: string): Promise<string> {
  return kubectl(kubeconfig, ["get", "node", node, "--output", "jsonpath={.spec.unschedulable}"]);
}

function withK3s(changes: Record<string, unknown>): StackConfig {
  return { ...config, k3s: { ...(config["k3s"] as object), ...changes } };
}

function serverConfig(): object {
  return (config["k3s"] as { serverConfig: object }).serverConfig;
}

/** The configuration with settings of the pool, of its agents' config.yaml, and more of K3s. */
function withPool(pool: object, agentSettings: object, k3s: object = {}): StackConfig {
  const { agentPools, k3s: given } = config as { agentPools: { workers: object }; k3s: { agentConfig: object } };
  return {
    ...config,
    agentPools: { workers: { ...agentPools.workers, ...pool } },
    k3s: {
      ...given,
      ...k3s,
      agentConfig: {
        ...given.agentConfig,
        "kubelet-arg+": (agentSettings as { "kubelet-arg": string[] })["kubelet-arg"],
      },
    },
  };
}
