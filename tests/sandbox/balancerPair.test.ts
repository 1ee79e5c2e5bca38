/** Two load balancers with one address on real hosts: who holds it, what clients see when it moves, and new certificates. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { boot, down, exec, powerOff, up } from "../../sandbox/sandbox.ts";
import { eventually } from "../support/eventually.ts";
import { long } from "../support/long.ts";
import { openWatch } from "../support/openWatch.ts";
import { type Endpoint, endpointOf, failsNoRequest, probeDuring } from "../support/probe.ts";
import { addressOf, devConfig, onHost, readyNodes, SandboxStack, type StackConfig } from "../support/sandboxCluster.ts";

const balancers = ["lb-1", "lb-2"] as const;
const virtualAddress = addressOf("lb-1").replace(/\d+$/, "100");

let config: StackConfig;
let stack: SandboxStack;
let kubeconfig: string;

before(async () => {
  await down();
  await up({ hosts: ["db-1", ...balancers, "server-1", "server-2", "agent-1"] });
  const alone = withBalancers(await devConfig(), { hosts: { "lb-1": placed("lb-1") } });
  await (await SandboxStack.open("dev", alone)).mustUp();
  config = withBalancers(alone, {
    hosts: { "lb-1": placed("lb-1"), "lb-2": placed("lb-2") },
    virtualIp: { address: virtualAddress },
  });
  stack = await SandboxStack.open("dev", config);
  // The address of the first balancer answers while the second one comes.
  await failsNoRequest(await endpointAt("lb-1"), () => stack.mustUp());
  kubeconfig = await stack.kubeconfig();
});

const placed = (host: string) => ({ address: addressOf(host) });

function withBalancers(given: StackConfig, loadBalancer: object): StackConfig {
  return { ...given, loadBalancer: { ...(given["loadBalancer"] as object), virtualIp: undefined, ...loadBalancer } };
}

/** The API at the own address of a load balancer, whether or not it shares another. */
async function endpointAt(host: string): Promise<Endpoint> {
  return { ...endpointOf(await stack.kubeconfig()), server: `https://${addressOf(host)}:6443` };
}

after(() => down());

/** The load balancers whose interfaces have the address, of those given. */
async function holders(among: readonly string[] = balancers): Promise<string[]> {
  const held = await Promise.all(among.map((host) => onHost(host, `ip -oneline address show to ${virtualAddress}`)));
  return among.filter((_, index) => held[index] !== "");
}

/** The one that has the address, once there is exactly one: while it moves, both hosts or none may have it. */
function holder(): Promise<(typeof balancers)[number]> {
  return eventually(async () => {
    const [one, ...more] = await holders();
    assert.ok(one !== undefined && more.length === 0, `held by ${[one, ...more].join(" and ")}`);
    return one as (typeof balancers)[number];
  }, 30);
}

const otherThan = (host: string) => (host === "lb-1" ? "lb-2" : "lb-1");

describe("two load balancers", () => {
  test("have one address, which exactly one holds and which agents and the kubeconfig use", async () => {
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
    await eventually(async () => {
      assert.equal(await onHost(host, "systemctl is-active haproxy"), "active");
    }, 30);
  });

  test("gives the address up when HAProxy does not come back, and does not take it again", async () => {
    const host = await holder();
    await onHost(host, "systemctl stop haproxy");
    await eventually(async () => {
      assert.deepEqual(await holders(), [otherThan(host)]);
    }, 30);
    await onHost(host, "systemctl start haproxy");
    await sleep(4000);
    assert.equal(await holder(), otherThan(host));
  });

  test("has the address again within 3 s, or the other has it, when something else removes it", long, async () => {
    const card = `$(ip -oneline address show to ${virtualAddress} | awk '{ sub("@.*", "", $2); print $2 }')`;
    const removed = `ip address delete ${virtualAddress}/32 dev "${card}"`;
    const causes = {
      "address removed": removed,
      "address removed again": removed,
      // As a restart of systemd-networkd removes what it did not add.
      "all addresses of keepalived removed": `ip address flush dev "${card}" to ${virtualAddress}/32`,
      "keepalived killed": "systemctl kill --kill-whom=all --signal=KILL keepalived",
    };
    for (const [cause, command] of Object.entries(causes)) {
      const host = await holder();
      const { failed, samples, longestGap } = await probeDuring(
        endpointOf(kubeconfig),
        () => onHost(host, command),
        6000,
      );
      console.log(
        `${cause}: ${failed} of ${samples.length} failed, longest gap ${(longestGap / 1000).toFixed(2)} s, on ${host} before, on ${await holder()} now`,
      );
      assert.ok(longestGap <= 3000, `${cause}: ${longestGap} ms`);
    }
  });

  test("loses the address to a power cut within 2 s", async () => {
    const host = await holder();
    const { failed, samples, longestGap } = await probeDuring(endpointOf(kubeconfig), () => powerOff(host), 4000);
    console.log(
      `holder's power cut: ${failed} of ${samples.length} failed, longest gap ${(longestGap / 1000).toFixed(2)} s`,
    );
    assert.ok(longestGap <= 2000, `${longestGap} ms`);
    await boot(host);
    // Longer than one that is switched on would need to take it.
    await sleep(3000);
    assert.equal(await holder(), otherThan(host));
  });
});

describe("a server's power cut", () => {
  test("ends the connections to that server alone, and costs the API no more than 1.5 s", async () => {
    const watches = [1, 2, 3, 4, 5, 6].map(() => openWatch(endpointOf(kubeconfig)));
    for (const watch of watches) await watch.isOpen();
    const { longestGap } = await probeDuring(endpointOf(kubeconfig), () => powerOff("server-2"), 5000);
    const ended = watches.filter((watch) => watch.hasEnded()).length;
    console.log(`a server's power cut: ${ended} of 6 watches ended, longest gap ${(longestGap / 1000).toFixed(2)} s`);
    // HAProxy gives each server as many connections as the other.
    assert.ok(ended > 0 && ended < 6, `${ended} of 6 watches ended`);
    assert.ok(longestGap <= 1500, `${longestGap} ms`);
    for (const watch of watches) watch.end();
    await boot("server-2");
    await eventually(async () => {
      assert.equal((await readyNodes(kubeconfig)).length, 3);
    }, 180);
  });
});

describe("new certificates", long, () => {
  test("of K3s, the load balancers and the database are served after an up that no client notices", async () => {
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
    await failsNoRequest(endpointOf(kubeconfig), () => stack.mustUp());
    const now = await served();
    for (const [name, serial] of Object.entries(now)) {
      assert.match(serial, /^serial=/, name);
      assert.notEqual(serial, before[name as keyof typeof before], name);
    }
    assert.equal(await started(), mariadb);
    await stack.mustUp("--expect-no-changes");
  });
});

describe("the certificate for readiness checks", long, () => {
  test("is renewed near its end by an up that no client notices", async () => {
    const certificate = async () => {
      const text = await onHost(
        "lb-1",
        "openssl x509 -noout -serial -startdate -enddate -in /etc/haproxy/k3s-ha/health.pem",
      );
      const value = (name: string) => new RegExp(`^${name}=(.*)$`, "m").exec(text)?.[1] ?? "";
      return { serial: value("serial"), end: Date.parse(value("notAfter")), text };
    };
    const hour = 3_600_000;
    // Of one that is good for an hour, renewal is due from the beginning on.
    stack = await SandboxStack.open(
      "dev",
      withBalancers(config, { ...(config["loadBalancer"] as object), certificateHours: 1 }),
    );
    await stack.mustUp();
    const short = await certificate();
    assert.ok(short.end > Date.now() && short.end <= Date.now() + hour, short.text);
    await failsNoRequest(endpointOf(kubeconfig), () => stack.mustUp());
    const renewed = await certificate();
    assert.notEqual(renewed.serial, short.serial);
    assert.ok(renewed.end > short.end, `${renewed.text} after ${short.text}`);
    // HAProxy asks with it: the servers take no other.
    await eventually(async () => {
      assert.match(
        await onHost("lb-1", "echo 'show stat' | socat -t 2 - UNIX-CONNECT:/run/haproxy/k3s-ha.sock"),
        /^servers,server-1,(?:[^,]*,){15}UP,/m,
      );
    });
  });
});

describe("a reload that HAProxy refuses", long, () => {
  test("is an error that says so, and the load balancer works as before", async () => {
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

describe("a pair that loses a load balancer", long, () => {
  test("continues without a host that is declared lost, without a connection to it, and the address stays", async () => {
    await powerOff("lb-2");
    // It may have been the holder.
    await holds("lb-1");
    const keepalived = () =>
      onHost("lb-1", "systemctl show --property ExecMainPID keepalived; cat /etc/keepalived/keepalived.conf");
    const before = await keepalived();
    stack = await SandboxStack.open(
      "dev",
      withBalancers(config, {
        hosts: { "lb-1": placed("lb-1"), "lb-2": { ...placed("lb-2"), lost: true } },
        virtualIp: { address: virtualAddress },
      }),
    );
    await failsNoRequest(endpointOf(kubeconfig), () => stack.mustUp());
    // Its place is kept: the one that replaces it has its address, and a restart of keepalived would cost clients seconds.
    assert.equal(await keepalived(), before);
    assert.match(before, new RegExp(`unicast_peer \\{\\s+${addressOf("lb-2")}\\s`));
    assert.deepEqual(await holders(["lb-1"]), ["lb-1"]);
  });

  test("becomes a single one, whose own address is the API's, and the shared one is gone", async () => {
    await failsNoRequest(await endpointAt("lb-1"), async () => {
      stack = await SandboxStack.open("dev", withBalancers(config, { hosts: { "lb-1": placed("lb-1") } }));
      await stack.mustUp();
    });
    const own = `https://${addressOf("lb-1")}:6443`;
    assert.equal(endpointOf(await stack.kubeconfig()).server, own);
    assert.equal(await onHost("agent-1", "sed -n 's/^server: //p' /etc/rancher/k3s/config.yaml"), `"${own}"`);
    assert.deepEqual(await holders(["lb-1"]), []);
    assert.equal(
      await onHost(
        "lb-1",
        "ls /etc/keepalived/k3s-ha /etc/keepalived/keepalived.conf 2>/dev/null; systemctl is-active keepalived; true",
      ),
      "inactive",
    );
    await stack.mustUp("--expect-no-changes");
  });
});

/** Waits until a host has the address. */
function holds(host: string): Promise<void> {
  return eventually(async () => {
    assert.deepEqual(await holders([host]), [host]);
  }, 30);
}
