/** Two balancers with one address on real hosts: who holds it, what clients see when it moves, and new certificates. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { boot, down, exec, powerOff, up } from "../../sandbox/sandbox.ts";
import { endpointOf, probeDuring } from "../support/probe.ts";
import { addressOf, devConfig, onHost, SandboxStack, type StackConfig } from "../support/sandboxCluster.ts";

const balancers = ["lb-1", "lb-2"] as const;
const virtualAddress = addressOf("lb-1").replace(/\d+$/, "100");

let config: StackConfig;
let stack: SandboxStack;
let kubeconfig: string;

before(async () => {
  await down();
  await up({ hosts: ["db-1", ...balancers, "server-1", "server-2", "agent-1"] });
  config = {
    ...(await devConfig()),
    loadBalancer: {
      hosts: { "lb-1": { address: addressOf("lb-1") }, "lb-2": { address: addressOf("lb-2") } },
      virtualIp: { address: virtualAddress },
    },
  };
  stack = await SandboxStack.open("dev", config);
  await stack.mustUp();
  kubeconfig = await stack.kubeconfig();
});

after(() => down());

/** The balancers whose interfaces have the address, of those given. */
async function holders(among: readonly string[] = balancers): Promise<string[]> {
  const held = await Promise.all(among.map((host) => onHost(host, `ip -oneline address show to ${virtualAddress}`)));
  return among.filter((_, index) => held[index] !== "");
}

async function holder(): Promise<(typeof balancers)[number]> {
  const [one, ...more] = await holders();
  assert.ok(one !== undefined && more.length === 0, `held by ${[one, ...more].join(" and ")}`);
  return one as (typeof balancers)[number];
}

const otherThan = (host: string) => (host === "lb-1" ? "lb-2" : "lb-1");

describe("two balancers", () => {
  test("have one address, which just one holds and which agents and the kubeconfig use", async () => {
    await holder();
    assert.equal(endpointOf(kubeconfig).server, `https://${virtualAddress}:6443`);
    assert.equal(
      await onHost("agent-1", "sed -n 's/^server: //p' /etc/rancher/k3s/config.yaml"),
      `"https://${virtualAddress}:6443"`,
    );
  });

  test("show statistics and metrics to themselves only", async () => {
    assert.match(await onHost("lb-1", "curl --silent http://127.0.0.1:8404/metrics"), /^haproxy_server_status/m);
    const { exitCode } = await exec("agent-1", `curl --silent --max-time 3 http://${addressOf("lb-1")}:8404/metrics`);
    assert.equal(exitCode, 7, "the port is not closed to others");
  });

  test("hear VRRP from each other alone", async () => {
    // An advertisement of highest priority from a stranger would take the address away.
    const dropped = "nft list table inet k3s_ha_vrrp | grep -c 'meta l4proto vrrp drop'";
    for (const host of balancers) assert.equal(await onHost(host, dropped), "1", host);
    const held = await holder();
    await onHost(held, "nft insert rule inet k3s_ha_vrrp input meta l4proto 112 counter");
    await onHost(
      held,
      "nft replace rule inet k3s_ha_vrrp input handle $(nft -a list table inet k3s_ha_vrrp | sed -nE 's/.*vrrp drop # handle ([0-9]+)/\\1/p') meta l4proto 112 counter drop",
    );
    await onHost("agent-1", `timeout 5 bash -c 'printf x | socat - IP4-SENDTO:${addressOf(held)}:112'`);
    const counted = await onHost(
      held,
      "nft list table inet k3s_ha_vrrp | sed -nE 's/.*counter packets ([0-9]+) bytes [0-9]+ drop/\\1/p'",
    );
    assert.ok(Number(counted) >= 1, `${counted} packets of a stranger were dropped`);
    assert.equal(await holder(), held);
    await onHost(held, "systemctl reload k3s-ha-vrrp-firewall");
  });
});

describe("the holder", () => {
  test("brings HAProxy back by itself when all of it is killed, again and again, within 1.5 s", async () => {
    const host = await holder();
    const { failed, samples, longestGap } = await probeDuring(
      endpointOf(kubeconfig),
      () => onHost(host, "systemctl kill --kill-whom=all --signal=KILL haproxy"),
      4000,
    );
    console.log(
      `haproxy killed: ${failed} of ${samples.length} failed, longest gap ${(longestGap / 1000).toFixed(2)} s`,
    );
    assert.ok(longestGap <= 1500, `${longestGap} ms`);
    // More often than systemd would let it by default.
    await onHost(
      host,
      "for _ in 1 2 3 4 5 6 7; do systemctl kill --kill-whom=all --signal=KILL haproxy; sleep 0.7; done",
    );
    assert.equal(await onHost(host, "sleep 1; systemctl is-active haproxy"), "active");
  });

  test("gives the address up when HAProxy does not come back, and does not take it again", async () => {
    const host = await holder();
    await onHost(host, "systemctl stop haproxy");
    await sleep(3000);
    assert.deepEqual(await holders(), [otherThan(host)]);
    await onHost(host, "systemctl start haproxy");
    await sleep(4000);
    assert.deepEqual(await holders(), [otherThan(host)]);
  });

  test("loses the address to a power cut within 2 s", async () => {
    const host = await holder();
    const { failed, samples, longestGap } = await probeDuring(endpointOf(kubeconfig), () => powerOff(host), 4000);
    console.log(
      `holder's power cut: ${failed} of ${samples.length} failed, longest gap ${(longestGap / 1000).toFixed(2)} s`,
    );
    assert.ok(longestGap <= 2000, `${longestGap} ms`);
    await boot(host);
    await sleep(3000);
    assert.deepEqual(await holders(), [otherThan(host)]);
  });
});

describe("new certificates", () => {
  test("of K3s, the balancers and the database are served after an up that no client notices", async () => {
    const served = async () => ({
      k3s: await onHost(
        "server-1",
        "openssl s_client -connect 127.0.0.1:6443 </dev/null 2>/dev/null | openssl x509 -noout -serial",
      ),
      kubelet: await onHost("agent-1", "openssl x509 -noout -serial -in /var/lib/rancher/k3s/agent/client-kubelet.crt"),
      health: await onHost("lb-2", "openssl x509 -noout -serial -in /etc/haproxy/k3s-ha/health.pem"),
      datastore: await onHost(
        "db-1",
        "openssl s_client -unix /run/mysqld/mysqld.sock -starttls mysql </dev/null 2>/dev/null | openssl x509 -noout -serial",
      ),
    });
    const started = () => onHost("db-1", "systemctl show --property ExecMainPID,NRestarts mariadb");
    const [before, mariadb] = [await served(), await started()];
    const rotated = structuredClone(config) as Record<string, Record<string, unknown>>;
    for (const section of [rotated["k3s"], rotated["loadBalancer"], rotated["datastore"]?.["managed"]])
      (section as Record<string, unknown>)["certificateRotation"] = "first";
    stack = await SandboxStack.open("dev", rotated);
    const { failed, samples } = await probeDuring(endpointOf(kubeconfig), () => stack.mustUp(), 3000);
    console.log(`rotating every certificate: ${failed} of ${samples.length} failed`);
    assert.equal(failed, 0, JSON.stringify(samples.filter(({ failure }) => failure)));
    const now = await served();
    for (const [name, serial] of Object.entries(now)) {
      assert.match(serial, /^serial=/, name);
      assert.notEqual(serial, before[name as keyof typeof before], name);
    }
    assert.equal(await started(), mariadb);
    await stack.mustUp("--expect-no-changes");
  });
});

describe("a reload that HAProxy refuses", () => {
  test("is an error that says so, and the balancer goes on as before", async () => {
    const loadBalancer = { ...(config["loadBalancer"] as object), statsAddresses: { "lb-1": "203.0.113.9" } };
    const { all, exitCode } = await (await SandboxStack.open("dev", { ...config, loadBalancer })).up();
    assert.notEqual(exitCode, 0, all);
    assert.match(
      all,
      /lb-1: HAProxy still serves its old configuration; .*; it serves its previous configuration again/,
    );
    assert.match(await onHost("lb-1", "curl --silent http://127.0.0.1:8404/metrics"), /^haproxy_server_status/m);
  });
});
