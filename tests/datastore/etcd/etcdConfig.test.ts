// Proves what a member of etcd is told, that real systemd takes its unit, and real nftables its rules. That etcd takes its
// settings, the sandbox proves.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { renderEtcdConfig, renderEtcdUnit } from "../../../components/datastore/etcd/etcdConfig.ts";
import { renderEtcdAccept, renderEtcdFirewall } from "../../../components/datastore/etcd/etcdFirewall.ts";
import { loadedRules } from "../../support/nftables.ts";
import { complaintsAboutUnits } from "../../support/systemdUnits.ts";

const config = { name: "etcd-1", address: "198.51.100.21", port: 2379, peerPort: 2380, quotaGibibytes: 2 };

/** The settings by their names. */
function settingsOf(text: string): Map<string, string> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}

describe("renderEtcdConfig", () => {
  it("listens on the host's address only, over TLS, for those with a certificate", () => {
    const settings = settingsOf(renderEtcdConfig(config));
    for (const [name, value] of settings)
      if (name.endsWith("_URLS")) assert.match(value, /^https:\/\/198\.51\.100\.21:23(79|80)$/);
    assert.equal(settings.get("ETCD_CLIENT_CERT_AUTH"), "true");
    assert.equal(settings.get("ETCD_PEER_CLIENT_CERT_AUTH"), "true");
    assert.equal(settings.get("ETCD_PEER_CERT_ALLOWED_CN"), "k3s-ha-etcd-member");
    assert.equal(settings.get("ETCD_QUOTA_BACKEND_BYTES"), "2147483648");
    assert.equal(settings.get("ETCD_EXPERIMENTAL_INITIAL_CORRUPT_CHECK"), "true");
  });

  it("puts an IPv6 address in brackets", () => {
    const settings = settingsOf(renderEtcdConfig({ ...config, address: "2001:db8::21" }));
    assert.equal(settings.get("ETCD_LISTEN_CLIENT_URLS"), "https://[2001:db8::21]:2379");
  });
});

describe("renderEtcdUnit", () => {
  it("is a unit that systemd takes", async () => {
    const path = "/etc/systemd/system/k3s-ha-etcd.service";
    const files = [
      { path, content: Buffer.from(renderEtcdUnit()), mode: "0644", owner: "root:root" },
      { path: "/usr/bin/etcd", content: Buffer.from(""), mode: "0755", owner: "root:root" },
    ];
    assert.equal(await complaintsAboutUnits(files), "");
  });
});

describe("renderEtcdFirewall", () => {
  it("closes both ports to all but the host itself and those whose rules are included", async () => {
    const rules = renderEtcdFirewall([2379, 2380], "198.51.100.21", "/nowhere/*.nft");
    const ruleset = await loadedRules(rules, rules);
    assert.deepEqual(
      ruleset.split("\n").map((line) => line.trim()),
      [
        "table inet k3s_ha_etcd {",
        "chain input {",
        "type filter hook input priority filter - 10; policy accept;",
        'iif "lo" accept',
        "tcp dport { 2379, 2380 } ip saddr 198.51.100.21 accept",
        "tcp dport { 2379, 2380 } drop",
        "}",
        "}",
      ],
    );
  });

  it("lets in by the address's own family", () => {
    assert.equal(renderEtcdAccept([2379], "198.51.100.11"), "tcp dport { 2379 } ip saddr 198.51.100.11 accept");
    assert.equal(renderEtcdAccept([2379], "2001:db8::11"), "tcp dport { 2379 } ip6 saddr 2001:db8::11 accept");
  });
});
