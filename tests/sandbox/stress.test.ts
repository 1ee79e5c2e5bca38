/**
 * What a cluster under stress lets its clients see, on real hosts: a datastore that hangs, other users of the hosts, a server
 * that leads and is stopped, flushed firewalls.
 */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { hostStatusScript } from "../../operations/status/hostFacts.ts";
import { testImage } from "../../sandbox/k3s/images.ts";
import { exec } from "../../sandbox/sandbox.ts";
import { devCluster } from "../support/devCluster.ts";
import { eventually } from "../support/eventually.ts";
import { long } from "../support/long.ts";
import { openWatch } from "../support/openWatch.ts";
import { type Endpoint, endpointOf, probeDuring, question } from "../support/probe.ts";
import { devConfig, kubectl, onHost, SandboxStack } from "../support/sandboxCluster.ts";

const servers = ["server-1", "server-2"] as const;
let kubeconfig: string;
let endpoint: Endpoint;

before(async () => {
  const stack = await devCluster();
  kubeconfig = await stack.kubeconfig();
  endpoint = endpointOf(kubeconfig);
});

/** HAProxy's word for each server: "UP", "NOLB", "DOWN". */
const states = () =>
  onHost(
    "lb-1",
    "echo 'show stat' | socat -t 2 - UNIX-CONNECT:/run/haproxy/k3s-ha.sock | awk -F , '$1 == \"servers\" && $2 != \"BACKEND\" { print $2, $18, $19 }'",
  );

describe("a user of the hosts who is not root", () => {
  test("cannot take a server out of the load balancers, nor hold up a run", async () => {
    for (const host of servers) {
      // As a script of an earlier release left it.
      await onHost(host, "touch /run/lock/k3s-ha.lock /run/k3s-ha/leaving /run/k3s-ha/leaving.lock");
      for (const lock of ["leaving", "leaving.lock", "host.lock"]) {
        const { stderr } = await exec(host, `su nobody -s /bin/sh -c 'flock --nonblock /run/k3s-ha/${lock} echo held'`);
        assert.match(stderr, /Permission denied/, `${host} ${lock}`);
      }
    }
    const holders = servers.map((host) =>
      exec(host, "su nobody -s /bin/sh -c 'flock /run/lock/k3s-ha.lock sleep 30'").then(() => true),
    );
    await sleep(2000);
    assert.match(await states(), /server-1 UP 1\nserver-2 UP 1/);
    const started = performance.now();
    // Runs the script of every node, and restarts nothing.
    const config = await devConfig();
    const k3s = { ...(config["k3s"] as object), readySeconds: 239 };
    await (await SandboxStack.open("dev", { ...config, k3s })).mustUp();
    console.log(`a run beside a stranger's lock: ${((performance.now() - started) / 1000).toFixed(1)} s`);
    await Promise.all(holders);
  });
});

describe("a datastore that hangs for 20 s", long, () => {
  test("cuts no watch, and no client is refused by the load balancer", async () => {
    const watch = openWatch(endpoint);
    await watch.isOpen();
    const { samples } = await probeDuring(
      endpoint,
      async () => {
        await onHost("db-1", "systemctl kill --kill-whom=main --signal=STOP mariadb");
        await sleep(15_000);
        const seen = await states();
        await sleep(5000);
        await onHost("db-1", "systemctl kill --kill-whom=main --signal=CONT mariadb");
        assert.match(seen, /server-1 NOLB .*\nserver-2 NOLB /, seen);
      },
      5000,
    );
    const failures = samples.flatMap(({ failure }) => failure ?? []);
    const kinds = Object.groupBy(failures, (failure) => failure);
    console.log(
      `datastore frozen for 20 s: ${samples.length} requests; without success: ${Object.entries(kinds)
        .map(([kind, of]) => `${of?.length ?? 0} ${kind}`)
        .join(", ")}`,
    );
    assert.ok(failures.length > 0, "nothing was seen of it");
    // An answer of the API, or none in time; but never a connection that was refused or closed.
    assert.deepEqual(
      failures.filter((failure) => !/^HTTP 5\d\d$|^timeout$/.test(failure)),
      [],
    );
    await eventually(() => kubectl(kubeconfig, ["create", "configmap", "after-the-freeze"]));
    await eventually(() => {
      assert.match(watch.seen(), /"after-the-freeze"/);
      return Promise.resolve();
    }, 30);
    assert.ok(!watch.hasEnded(), "the watch was cut");
    watch.end();
  });
});

describe("a server that leads and is restarted", long, () => {
  test("gives up what it led, so that new pods find a place within seconds", async () => {
    await leadersAreFresh();
    const leader = await leaderOf("kube-scheduler");
    const waits = await placedDuring(() => onHost(leader, "systemctl restart k3s"), 12);
    console.log(
      `a leader's restart: ${waits.length} pods, longest until one had a node ${Math.max(...waits).toFixed(1)} s`,
    );
    console.log(await onHost(leader, "journalctl --unit k3s --output cat | grep 'gave up' | tail -n 8; true"));
    assert.ok(Math.max(...waits) < 10, `${Math.max(...waits)} s`);
    assert.notEqual(await leaderOf("kube-scheduler"), leader);
  });
});

const leaderOf = async (lease: string) =>
  (
    await kubectl(kubeconfig, [
      "get",
      "lease",
      lease,
      "--namespace=kube-system",
      "--output=jsonpath={.spec.holderIdentity}",
    ])
  ).replace(/_.*/, "");

/** Waits until the scheduler has a leader. */
function leadersAreFresh(): Promise<void> {
  return eventually(async () => {
    const time = await kubectl(kubeconfig, [
      "get",
      "lease",
      "kube-scheduler",
      "--namespace=kube-system",
      "--output=jsonpath={.spec.renewTime}",
    ]);
    assert.ok(Date.now() - Date.parse(time) < 10_000, time);
  });
}

/** Makes a pod a second while `event` happens and for `seconds` after it; how long each waited for a node, in seconds. */
async function placedDuring(event: () => Promise<unknown>, seconds: number): Promise<number[]> {
  const namespace = `placing-${Date.now()}`;
  await kubectl(kubeconfig, ["create", "namespace", namespace]);
  const path = `/api/v1/namespaces/${namespace}/pods`;
  await eventually(() => kubectl(kubeconfig, ["get", "serviceaccount", "default", `--namespace=${namespace}`]));
  const made = new Map<string, number>();
  const placed = new Map<string, number>();
  let end = Infinity;
  const happening = event().then(() => (end = performance.now() + seconds * 1000));
  for (let next = 0; performance.now() < end || placed.size < made.size;) {
    const now = performance.now();
    if (now >= next && now < end) {
      next = now + 1000;
      const name = `pod-${made.size}`;
      const { failure } = await question(endpoint, {
        method: "POST",
        path,
        body: {
          apiVersion: "v1",
          kind: "Pod",
          metadata: { name },
          spec: { containers: [{ name: "c", image: testImage, imagePullPolicy: "Never", command: ["sleep", "1"] }] },
        },
      });
      if (failure === undefined) made.set(name, now);
    }
    const { body, failure } = await question(endpoint, { path });
    if (failure === undefined)
      for (const { metadata, spec } of (
        JSON.parse(body) as { items: { metadata: { name: string }; spec: { nodeName?: string } }[] }
      ).items)
        if (spec.nodeName !== undefined && !placed.has(metadata.name)) placed.set(metadata.name, performance.now());
    await sleep(200);
  }
  await happening;
  return [...made].map(([name, at]) => ((placed.get(name) ?? Infinity) - at) / 1000);
}

describe("the datastore's firewall", () => {
  const rules = "/etc/k3s-ha/datastore-firewall.nft";
  const loaded = "nft list table inet k3s_ha_datastore | grep -c 'dport 3306'";

  test("is back a moment after another tool flushed all rules, and the host reports it", async () => {
    const before = await onHost("db-1", loaded);
    await onHost("db-1", "nft flush ruleset");
    await eventually(async () => {
      assert.equal(await onHost("db-1", loaded), before);
    }, 30);
    assert.match(await statusOfDatabase(), /^put-back\tk3s-ha-datastore-firewall\t\d{10}$/m);
  });

  test("that cannot be loaded keeps MariaDB from starting", async () => {
    await onHost("db-1", `cp -a ${rules} ${rules}.good; echo nonsense >>${rules}`);
    const { exitCode } = await exec("db-1", "systemctl restart mariadb");
    const state = await exec("db-1", "systemctl is-active mariadb");
    await onHost("db-1", `mv ${rules}.good ${rules}; systemctl reset-failed mariadb; systemctl start mariadb`);
    assert.notEqual(exitCode, 0);
    assert.notEqual(state.stdout.trim(), "active");
    await eventually(() => kubectl(kubeconfig, ["get", "--raw", "/readyz"]));
  });
});

/** What "make status" hears of the database's host. */
function statusOfDatabase(): Promise<string> {
  const script = hostStatusScript(
    "datastore",
    { managedDatabase: { engine: "mariadb", name: "k3s" }, datastoreEndpoints: [], virtualAddress: undefined },
    [],
  );
  return onHost("db-1", `bash -s apply <<'SCRIPT'\n${script}\nSCRIPT`);
}
