// Proves which network interface a node uses for pod traffic, with interfaces and routes of the test.
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { renderHostScript } from "../../components/host/hostScript.ts";
import { hostScripts } from "../../components/host/scripts.ts";
import { k3sScripts } from "../../components/k3s/scripts.ts";
import { bashOutput } from "../support/bash.ts";
import { definitionsOf } from "../support/hostFiles.ts";
import { inTemporaryDirectory } from "../support/temporaryDirectory.ts";

/** A host with a public network interface, which has the default route, and a private one. */
const twoCards = (route = "default via 203.0.113.1 dev eth0 proto dhcp metric 100") => `ip() {
  case "$*" in
    *" address show to 203.0.113.11") echo '2: eth0    inet 203.0.113.11/24 scope global eth0' ;;
    *" address show to 10.0.0.11") echo '3: eth1@if7    inet 10.0.0.11/24 scope global eth1' ;;
    *" address show to 10.0.0.99") echo '1: lo    inet 10.0.0.99/32 scope global lo' ;;
    "-4 "*" route show default") echo '${route}' ;;
    "-6 "*" route show default") echo 'default via fe80::1 dev eth0' ;;
    *" address show to fd00::11") echo '3: eth1    inet6 fd00::11/64 scope global' ;;
  esac
}
`;

interface Node {
  address: string;
  programs?: string;
  chooses?: boolean | "always";
  /** What stands on the host already. */
  proved?: boolean;
  config?: string;
  written?: string;
}

/** What the host's own settings for the network of pods are once it has chosen; empty when there are none. */
function chosen({ address, programs = twoCards(), chooses = true, ...before }: Node): Promise<string> {
  return inTemporaryDirectory(async (directory) => {
    const at = (name: string) => join(directory, name);
    await mkdir(at("state"));
    if (before.proved === true) await writeFile(at("state/k3s.proved"), "x\n");
    if (before.config !== undefined) await writeFile(at("config.yaml"), before.config);
    if (before.written !== undefined) await writeFile(at("pod-network.yaml"), before.written);
    const script = renderHostScript({
      body: k3sScripts.podNetwork,
      parts: [hostScripts.originals],
      variables: {
        unit: "k3s",
        node_address: address,
        chooses_pod_card: String(chooses),
        config_path: at("config.yaml"),
        pod_network_path: at("pod-network.yaml"),
      },
    });
    await bashOutput(`${definitionsOf(script)}${programs}state_directory=${at("state")}\nchoose_pod_card\n`);
    return readFile(at("pod-network.yaml"), "utf8").catch(() => "");
  });
}

const eth1 = '# Written by k3s-ha; changes made here are overwritten.\nflannel-iface: "eth1"\n';
const running = (address: string, more = "") => ({ proved: true, config: `${more}node-ip: "${address}"\n` });

describe("the network interface for pod traffic", () => {
  it("is that of the node address if the default route uses another", async () => {
    assert.equal(await chosen({ address: "10.0.0.11" }), eth1);
    assert.equal(await chosen({ address: "fd00::11" }), eth1);
  });

  it("is configured even without a default route, because flannel would find none", async () => {
    assert.equal(await chosen({ address: "10.0.0.11", programs: twoCards("") }), eth1);
  });

  it("is left to flannel if the default route uses that of the node address", async () => {
    assert.equal(await chosen({ address: "203.0.113.11" }), "");
    assert.equal(await chosen({ address: "203.0.113.11", written: eth1 }), "");
  });

  it("is always configured for addresses of both families, for which flannel uses that of the IPv4 default route", async () => {
    const eth0 = eth1.replace("eth1", "eth0");
    assert.equal(await chosen({ address: "203.0.113.11", chooses: "always" }), eth0);
    assert.equal(await chosen({ address: "fd00::11", chooses: "always" }), eth1);
    assert.equal(await chosen({ address: "10.0.0.99", chooses: "always" }), "");
    assert.equal(await chosen({ address: "10.0.0.11", chooses: "always", ...running("10.0.0.11,fd00::11") }), "");
  });

  it("is left to flannel if the node address is on the loopback, or on no interface", async () => {
    assert.equal(await chosen({ address: "10.0.0.99" }), "");
    assert.equal(await chosen({ address: "192.0.2.1" }), "");
  });

  it("stays on a running node, so that it still reaches nodes that have not changed", async () => {
    assert.equal(await chosen({ address: "10.0.0.11", ...running("10.0.0.11") }), "");
    assert.equal(await chosen({ address: "10.0.0.11", ...running("10.0.0.11"), written: eth1 }), eth1);
  });

  it("is chosen again for another node address, and when the settings no longer name one", async () => {
    assert.equal(await chosen({ address: "10.0.0.11", ...running("203.0.113.11") }), eth1);
    assert.equal(await chosen({ address: "203.0.113.11", ...running("10.0.0.11"), written: eth1 }), "");
    assert.equal(await chosen({ address: "10.0.0.11", ...running("10.0.0.11", 'flannel-iface: "eth0"\n') }), eth1);
  });

  it("is left to settings that name one, or that need none", async () => {
    assert.equal(await chosen({ address: "10.0.0.11", chooses: false }), "");
    assert.equal(await chosen({ address: "10.0.0.11", chooses: false, written: eth1 }), "");
  });
});
