// Proves that real keepalived accepts the configuration for any addresses, that real nftables lets VRRP in from the
// peers alone, and what the check says of real HAProxy. Who then holds the address, and how fast, the sandbox proves.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { execa } from "execa";
import fc from "fast-check";
import { balancerCheck } from "../../components/balancer/balancerCheck.ts";
import { haproxySocket } from "../../components/balancer/haproxyConfig.ts";
import { type KeepalivedConfig, renderKeepalivedConfig } from "../../components/balancer/keepalivedConfig.ts";
import { renderVrrpFirewall } from "../../components/balancer/vrrpFirewall.ts";
import { loadedRules, ownNetwork } from "../support/nftables.ts";
import { eventually } from "../support/eventually.ts";
import { programPath } from "../support/programs.ts";
import { inTemporaryDirectory } from "../support/temporaryDirectory.ts";
import { TestBalancer } from "../support/testBalancer.ts";

/** Addresses that hosts can have, all of one family. */
const ipV4 = fc.ipV4().filter((address) => !/^(0|127|22[4-9]|2[3-5]\d)\./.test(address));
const ipV6 = fc.integer({ min: 1, max: 0xffff }).map((last) => `2001:db8::${last.toString(16)}`);
const configs: fc.Arbitrary<KeepalivedConfig> = fc
  .tuple(
    fc.oneof(
      fc.uniqueArray(ipV4, { minLength: 3, maxLength: 6 }),
      fc.uniqueArray(ipV6, { minLength: 3, maxLength: 6 }),
    ),
    fc.boolean(),
  )
  .map(([[virtualAddress = "", ownAddress = "", ...peerAddresses], hasNotify]) => ({
    hostName: "lb-1",
    virtualAddress,
    ownAddress,
    peerAddresses,
    // keepalived checks whether its scripts can be run.
    checkPath: "/bin/true",
    notify: hasNotify ? "/bin/true 203.0.113.35" : undefined,
  }));

describe("keepalived", () => {
  it("accepts the configuration for any addresses", async () => {
    // It looks for the interface too.
    const test = `ip link add eth9 type veth && ${programPath("keepalived")} --config-test --use-file "$1"`;
    await inTemporaryDirectory(async (directory) => {
      await fc.assert(
        fc.asyncProperty(configs, async (config) => {
          const path = join(directory, "keepalived.conf");
          await writeFile(path, `$INTERFACE=eth9\n${renderKeepalivedConfig(config)}`);
          const { exitCode, all } = await execa("unshare", [...ownNetwork(), "sh", "-ec", test, "sh", path], {
            reject: false,
            all: true,
          });
          assert.equal(exitCode, 0, all);
          assert.equal(all, "");
        }),
        { numRuns: 15 },
      );
    });
  });
});

describe("renderVrrpFirewall", () => {
  it("accepts VRRP from the peers only, and replaces its own earlier rules", async () => {
    const rules = [renderVrrpFirewall(["198.51.100.32"]), renderVrrpFirewall(["198.51.100.31", "2001:db8::31"])];
    const lines = (await loadedRules(...rules)).split("\n").map((line) => line.trim().replace("vrrp", "112"));
    assert.deepEqual(lines, [
      "table inet k3s_ha_112 {",
      "chain input {",
      "type filter hook input priority filter - 10; policy accept;",
      "meta l4proto 112 ip saddr 198.51.100.31 accept",
      "meta l4proto 112 ip6 saddr 2001:db8::31 accept",
      "meta l4proto 112 drop",
      "}",
      "}",
    ]);
  });
});

describe("the check", () => {
  let balancer: TestBalancer;
  before(async () => {
    balancer = await TestBalancer.start("0123456789abcdef");
    // Until a server has been checked, HAProxy takes it for ready.
    for (const name of ["ready", "unauthorized", "starting", "other-name", "other-ca", "other-clients"])
      await balancer.checked(name);
  });
  after(() => balancer.stop());

  /** Exit code of the check, asking at a socket. */
  const check = async (question: string, socket = balancer.socket) => {
    const script = balancerCheck.replace(haproxySocket, socket);
    const { exitCode } = await execa(programPath("bash"), ["-s", question], { input: script, reject: false });
    return exitCode;
  };

  it("passes shellcheck", async () => {
    const { exitCode, stdout } = await execa(programPath("shellcheck"), ["-"], { input: balancerCheck, reject: false });
    assert.equal(exitCode, 0, stdout);
  });

  it("is content with HAProxy that answers and sees a server ready", async () => {
    assert.equal(await check("answers"), 0);
    assert.equal(await check("ready"), 0);
  });

  it("is content with servers that live while none is ready: no other load balancer would be better off", async () => {
    Object.assign(balancer.backends["ready"] ?? {}, { status: 500, alive: 200 });
    await eventually(async () => {
      assert.match(await balancer.checked("ready"), /^NOLB/);
    }, 30);
    assert.equal(await check("ready"), 0);
    Object.assign(balancer.backends["ready"] ?? {}, { status: 200 });
  });

  it("tells HAProxy without a server from HAProxy that is gone", async () => {
    for (const backend of ["servers", "alive"]) await balancer.ask(`disable server ${backend}/ready`);
    assert.equal(await check("answers"), 0);
    assert.notEqual(await check("ready"), 0);
    assert.notEqual(await check("answers", "/nowhere/socket"), 0);
    assert.notEqual(await check("ready", "/nowhere/socket"), 0);
  });
});
