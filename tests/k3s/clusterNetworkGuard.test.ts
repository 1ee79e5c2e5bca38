// Proves what of a running cluster's networks may be changed, against the script that the program itself writes.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { networkFault, networkSettings, readEarlierNetworks } from "../../components/k3s/clusterNetworkGuard.ts";
import { renderHostScript } from "../../components/host/hostScript.ts";
import { renderK3sConfig } from "../../components/k3s/k3sConfig.ts";
import { hostScripts } from "../../components/host/scripts.ts";

/** The script that started a server, as releases without records wrote it. */
const earlier = (config: Readonly<Record<string, unknown>>) =>
  renderHostScript({
    body: hostScripts.packages,
    variables: { version: "v1.35.0+k3s1" },
    files: [{ path: "/etc/rancher/k3s/config.yaml", content: renderK3sConfig(config), mode: "0600" }],
  });

const started = networkSettings;

describe("networkFault", () => {
  it("finds the same settings in a script of a release without records", () => {
    const config = { "cluster-cidr": "10.52.0.0/16", "cluster-dns": ["10.43.0.11"], disable: ["traefik"] };
    assert.deepEqual(readEarlierNetworks(earlier(config)), networkSettings(config));
    assert.deepEqual(readEarlierNetworks(earlier({})), {});
    assert.equal(readEarlierNetworks("# The host is declared lost.\n"), undefined);
  });

  it("refuses another network, name server or domain of a running cluster, with how to move", () => {
    assert.equal(
      networkFault("server-1", started({}), { "service-cidr": "10.53.0.0/16" }),
      "server-1's cluster was created with service-cidr 10.43.0.0/16, but k3s-ha:k3s.serverConfig.service-cidr is now 10.53.0.0/16: K3s would restart and keep the old value for everything that exists. Revert the change. To move, create a second cluster with the new value, as another stack with another datastore, move the workloads there, and destroy this one, as docs/day-two.md describes.",
    );
    const changes: [string, unknown, unknown][] = [
      ["cluster-cidr", undefined, "10.52.0.0/16"],
      ["cluster-cidr", "10.52.0.0/16", undefined],
      ["cluster-dns", undefined, "10.43.0.11"],
      ["cluster-domain", undefined, "example.internal"],
      ["cluster-domain", "example.internal", "example.com"],
    ];
    for (const [setting, was, is] of changes) {
      const fault = networkFault("server-1", started({ [setting]: was }), { [setting]: is });
      assert.ok(fault?.startsWith(`server-1's cluster was created with ${setting} `), String(fault));
    }
  });

  it("has nothing against the same, written in another way, or said where it was the default", () => {
    const same: [was: Record<string, unknown>, is: Record<string, unknown>][] = [
      [{}, { "cluster-cidr": "10.42.0.0/16", "cluster-dns": "10.43.0.10", "cluster-domain": "cluster.local" }],
      [{ "service-cidr": "10.53.0.0/16" }, { "service-cidr": ["10.53.0.0/16"], "cluster-dns": "10.53.0.10" }],
      [{ disable: ["traefik"] }, { "node-label": ["a=b"] }],
    ];
    for (const [was, is] of same) assert.equal(networkFault("server-1", started(was), is), undefined);
  });

  it("has nothing against any of a server that never started", () => {
    assert.equal(networkFault("server-1", undefined, { "service-cidr": "10.53.0.0/16" }), undefined);
  });
});
