/**
 * Proves on real hosts a cluster on an etcd of three members that this program installed: that the API survives the loss of
 * any member's host, that `make status` reports it, that members change one at a time, and that a lost one is replaced.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { boot, destroyHosts, down, powerOff, up } from "../../sandbox/sandbox.ts";
import { hostKey } from "../config/stack.ts";
import { eventually } from "../support/eventually.ts";
import { long } from "../support/long.ts";
import { lookAt } from "../support/makeStatus.ts";
import { type Endpoint, endpointOf, probeDuring, question } from "../support/probe.ts";
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
const hosts = [...members, "lb-1", "server-1", "server-2"];

describe("an etcd of three members", long, () => {
  let base: StackConfig;
  let kubeconfig: string;
  let last: StackConfig;

  before(async () => {
    await down();
    await up({ hosts });
    base = await devConfig();
    await bringUp();
    kubeconfig = await (await SandboxStack.open("dev", cluster())).kubeconfig();
  });

  after(() => down());

  /** The cluster with these members; "NAME lost" is one that is declared lost. */
  function cluster(names: readonly string[] = members, managed: Record<string, unknown> = {}): StackConfig {
    const entries = names.map((text): [string, unknown] => {
      const [name = "", lost] = text.split(" ");
      return [name, { address: addressOf(name), ...(lost === undefined ? {} : { lost: true }) }];
    });
    return {
      ...base,
      // None but those that the tests ask for.
      backup: { schedule: "0 3 29 2 *" },
      servers: { "server-1": { address: addressOf("server-1") }, "server-2": { address: addressOf("server-2") } },
      agentPools: {},
      datastore: { managed: { engine: "etcd", hosts: Object.fromEntries(entries), ...managed } },
    };
  }

  async function bringUp(config = cluster()): Promise<string> {
    return (await SandboxStack.open("dev", config)).mustUp();
  }

  /** etcd's own words, from a member's host. */
  function ask(host: string, command: string): Promise<string> {
    const tls = "--cacert ca.crt --cert member.crt --key member.key";
    return onHost(
      host,
      `cd /etc/k3s-ha/etcd; ETCDCTL_API=3 etcdctl ${tls} --endpoints https://${addressOf(host)}:2379 ${command}`,
    );
  }

  async function voters(host: string): Promise<string[]> {
    const lines = (await ask(host, "member list --write-out simple")).split("\n").map((line) => line.split(", "));
    return lines
      .filter(([, status, , , , learner]) => status === "started" && learner === "false")
      .map(([, , name = ""]) => name)
      .sort();
  }

  async function leader(): Promise<string> {
    for (const member of members)
      if ((await ask(member, "endpoint status --write-out simple")).split(", ")[4] === "true") return member;
    throw new Error("no member is the leader");
  }

  /** Creates objects one after the other, on a connection each, for a while. */
  async function writeDuring(endpoint: Endpoint, milliseconds: number) {
    let [written, refused, longestWait] = [0, 0, 0];
    const started = performance.now();
    let last = started;
    for (let index = 0; performance.now() - started < milliseconds; index++) {
      const metadata = { name: `during-${index}`, labels: { written: "during" } };
      const body = { apiVersion: "v1", kind: "ConfigMap", metadata };
      const { status } = await question(endpoint, {
        method: "POST",
        path: "/api/v1/namespaces/default/configmaps",
        body,
      });
      if (status !== 201) refused++;
      else {
        written++;
        longestWait = Math.max(longestWait, performance.now() - last);
        last = performance.now();
      }
      await sleep(100);
    }
    return { written, refused, longestWait: Math.max(longestWait, performance.now() - last) };
  }

  const starts = async (names: readonly string[], unit: string) =>
    Promise.all(names.map((name) => onHost(name, `systemctl show --property MainPID,NRestarts ${unit}`)));

  test("keeps a cluster, and a second up changes nothing", async () => {
    assert.deepEqual(await readyNodes(kubeconfig), ["server-1 v1.35.0+k3s1", "server-2 v1.35.0+k3s1"]);
    for (const member of members) assert.deepEqual(await voters(member), members);
    await (await SandboxStack.open("dev", cluster())).preview("--expect-no-changes");
    const { status } = await lookAt("dev");
    assert.deepEqual(status.problems, []);
    assert.equal(status.etcd?.quorum.healthy.length, 3);
  });

  test("lets nobody in without a certificate, or from elsewhere", async () => {
    const url = `https://${addressOf("db-1")}:2379/health`;
    const alone = `curl --silent --max-time 5 --cacert /etc/rancher/k3s/datastore-ca.crt ${url}`;
    assert.equal(await onHost("server-1", `${alone} && exit 1; echo refused`), "refused");
    const login = "--cert /etc/rancher/k3s/datastore-client.crt --key /etc/rancher/k3s/datastore-client.key";
    assert.match(await onHost("server-1", `${alone} ${login}`), /"health":"true"/);
    assert.equal(await onHost("lb-1", `curl --silent --insecure --max-time 3 ${url}; echo $?`), "28");
    assert.equal(
      await onHost("server-1", `curl --silent --insecure --max-time 3 https://${addressOf("db-1")}:2380; echo $?`),
      "28",
    );
  });

  test("goes on when the host of its leader loses power, and status says what one more loss would do", async (t) => {
    const lost = await leader();
    const endpoint = endpointOf(kubeconfig);
    const writes = writeDuring(endpoint, 32_000);
    const { longestGap, failed, samples } = await probeDuring(endpoint, () => powerOff(lost), 30_000);
    t.diagnostic(
      `leader's host without power: longest gap ${longestGap.toFixed(0)} ms, ${failed} of ${samples.length}`,
    );
    assert.ok(longestGap < 5000, `${longestGap} ms`);
    const { longestWait, refused, written } = await writes;
    t.diagnostic(
      `writes meanwhile: ${written} acknowledged, ${refused} refused, longest time without one ${longestWait.toFixed(0)} ms`,
    );
    // A request that was with the lost member is only over when its client, here after 5 s, gives it up.
    assert.ok(refused <= 2 && longestWait < 7000, `${refused} refused, ${longestWait} ms`);
    const kept = (
      await kubectl(kubeconfig, ["get", "configmaps", "--selector", "written=during", "--output", "name"])
    ).split("\n");
    assert.ok(kept.length >= written, `${kept.length} of ${written} acknowledged writes are there`);
    await kubectl(kubeconfig, ["create", "configmap", "written-without-a-member"]);
    const { status } = await lookAt("dev");
    assert.ok(
      status.problems.some((problem) =>
        /^2 of etcd's 3 members are healthy: one more loss takes the API down\. /.test(problem),
      ),
      status.problems.join("\n"),
    );
    const { all, exitCode } = await (await SandboxStack.open("dev", cluster(members, { quotaGibibytes: 4 }))).up();
    assert.notEqual(exitCode, 0, all);
    assert.match(all, new RegExp(`k3s-ha:datastore\\.managed\\.hosts\\.${lost} .* cannot be reached over SSH`));
    await boot(lost);
    await eventually(async () => {
      assert.deepEqual((await lookAt("dev")).status.problems, []);
    }, 120);
  });

  test("changes a setting one member after the other, without a failed request", async (t) => {
    const before = await starts(members, "k3s-ha-etcd");
    const servers = await starts(["server-1", "server-2"], "k3s");
    const { failed, longestGap } = await probeDuring(
      endpointOf(kubeconfig),
      () => bringUp(cluster(members, { quotaGibibytes: 4 })),
      5000,
    );
    t.diagnostic(`changed setting: ${failed} failed, longest gap ${longestGap.toFixed(0)} ms`);
    assert.ok(longestGap < 5000, `${longestGap} ms`);
    const after = await starts(members, "k3s-ha-etcd");
    for (const [index, each] of after.entries()) assert.notEqual(each, before[index]);
    assert.deepEqual(await starts(["server-1", "server-2"], "k3s"), servers);
  });

  test("refuses to restart a member while another one is not healthy", async () => {
    await onHost("db-3", "systemctl stop k3s-ha-etcd");
    const { all, exitCode } = await (await SandboxStack.open("dev", cluster(members, { quotaGibibytes: 2 }))).up();
    assert.notEqual(exitCode, 0, all);
    assert.match(
      all,
      /db-1: etcd's member db-3 at https:\S+ is not healthy, and without db-1 as well etcd could lose its majority\. Nothing was stopped\./,
    );
    await onHost("db-3", "systemctl start k3s-ha-etcd");
    await bringUp(cluster(members, { quotaGibibytes: 2 }));
  });

  test("refuses to take two members out together", async () => {
    const { all, exitCode } = await (await SandboxStack.open("dev", cluster(["db-1"]))).up();
    assert.notEqual(exitCode, 0, all);
    assert.match(all, /db-2 and db-3 would leave the etcd of db-1, db-2, db-3 at the same time/);
    assert.deepEqual(await voters("db-1"), members);
  });

  test("has a lost member's host replaced by an empty one", async (t) => {
    await powerOff("db-2");
    const { failed, longestGap } = await probeDuring(
      endpointOf(kubeconfig),
      () => bringUp(cluster(["db-1", "db-2 lost", "db-3"])),
      1000,
    );
    t.diagnostic(`declared lost: ${failed} failed, longest gap ${longestGap.toFixed(0)} ms`);
    assert.deepEqual(await voters("db-1"), ["db-1", "db-3"]);
    await destroyHosts(["db-2"]);
    await up({ hosts });
    await bringUp();
    assert.deepEqual(await voters("db-2"), members);
    assert.equal(
      await kubectl(kubeconfig, ["get", "configmap", "written-without-a-member", "--output", "name"]),
      "configmap/written-without-a-member",
    );
    await (await SandboxStack.open("dev", cluster())).preview("--expect-no-changes");
    assert.deepEqual((await lookAt("dev")).status.problems, []);
  });

  test("goes on from the member that is left when the majority is lost, by the commands of docs/day-two.md", async () => {
    const text = await readFile(join(import.meta.dirname, "../../docs/day-two.md"), "utf8");
    const commands = /\*\*The majority is lost\*\*.*?```sh\n(.*?)```/s.exec(text)?.[1] ?? assert.fail("no commands");
    await kubectl(kubeconfig, ["create", "configmap", "before-the-loss"]);
    await destroyHosts(["db-2", "db-3"]);
    for (const server of ["server-1", "server-2"]) await onHost(server, "systemctl stop k3s");
    await onHost("db-1", `set -e\n${commands}`);
    for (const server of ["server-1", "server-2"]) await onHost(server, "systemctl start --no-block k3s");
    await up({ hosts });
    // Nobody dials the address of a lost host; in this sandbox the new hosts have those of the old ones.
    const lost = {
      "db-2": { address: "192.0.2.2", hostKey, lost: true },
      "db-3": { address: "192.0.2.3", hostKey, lost: true },
    };
    const living = {
      "db-1": { address: addressOf("db-1") },
      "db-4": { address: addressOf("db-2") },
      "db-5": { address: addressOf("db-3") },
    };
    const of = (entries: object, managed: object = {}): StackConfig => ({
      ...cluster(),
      datastore: { managed: { engine: "etcd", hosts: entries, ...managed } },
    });
    await bringUp(of({ ...living, ...lost }, { majorityLost: true }));
    assert.deepEqual(await voters("db-1"), Object.keys(living));
    assert.equal(
      await kubectl(kubeconfig, ["get", "configmap", "before-the-loss", "--output", "name"]),
      "configmap/before-the-loss",
    );
    last = of(living);
    await bringUp(last);
    await eventually(async () => {
      assert.deepEqual((await lookAt("dev")).status.problems, []);
    }, 120);
  });

  test("leaves its data when the stack is destroyed", async () => {
    const { exitCode, all } = await (await SandboxStack.open("dev", last)).destroy();
    assert.equal(exitCode, 0, all);
    assert.deepEqual(await voters("db-1"), ["db-1"]);
    assert.match(await ask("db-1", "get --prefix --keys-only /bootstrap/"), /^\/bootstrap\/[0-9a-f]{12}$/m);
  });
});
