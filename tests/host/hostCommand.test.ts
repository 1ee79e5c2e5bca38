// Proves what stands in process lists and errors when the program acts on a host, for root and for others.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { HostArgs } from "../../components/host/host.ts";
import { HostCommand } from "../../components/host/hostCommand.ts";
import { assertSafeCommands } from "../support/commandRules.ts";
import { deploy, resourceNamed } from "../support/deploy.ts";
import { valueOf } from "../support/outputs.ts";
import { sampleHost, sampleHostKey, sampleSshKey } from "../support/sampleHosts.ts";
import { isUnknown, reveal } from "../support/wire.ts";
import * as pulumi from "@pulumi/pulumi";

const run = (host: HostArgs, preview?: "first") =>
  deploy(
    () => new HostCommand("command", { host, script: "a script", applySeconds: 30, removeSeconds: 20 }),
    preview === undefined ? {} : { preview },
  );

describe("HostCommand", () => {
  it("runs as root, within a time", async () => {
    const deployment = await run(sampleHost(11));
    assertSafeCommands(deployment);
    const { inputs } = resourceNamed(deployment, "command");
    assert.equal(inputs["create"], "timeout --verbose --kill-after=10 30 bash -s apply");
    assert.equal(inputs["delete"], "timeout --verbose --kill-after=10 20 bash -s remove");
    assert.equal(inputs["stdin"], "a script");
  });

  it("uses the bastion, and verifies its key and the host's", async () => {
    const bastion = { address: "203.0.113.9", port: 2022, user: "jump", hostKey: sampleHostKey };
    const deployment = await run(
      sampleHost(11, { connectSeconds: 3, bastion: { ...bastion, privateKey: sampleSshKey } }),
    );
    assertSafeCommands(deployment);
    const { proxy } = reveal(resourceNamed(deployment, "command").inputs["connection"]) as { proxy: object };
    assert.deepEqual(proxy, {
      host: "203.0.113.9",
      port: 2022,
      user: "jump",
      hostKey: sampleHostKey,
      privateKey: sampleSshKey,
      dialErrorLimit: 12,
      perDialTimeout: 3,
    });
    const withoutKey = await run(sampleHost(11, { bastion }));
    const { proxy: byAgent } = reveal(resourceNamed(withoutKey, "command").inputs["connection"]) as { proxy: object };
    assert.ok(!("privateKey" in byAgent));
  });

  it("takes the host's own limit when it has none", async () => {
    const limit = async (host: HostArgs) => {
      const deployment = await deploy(() => new HostCommand("command", { host, script: "a script" }));
      return resourceNamed(deployment, "command").inputs["create"];
    };
    assert.equal(
      await limit(sampleHost(11, { commandSeconds: 900 })),
      "timeout --verbose --kill-after=10 900 bash -s apply",
    );
    assert.equal(await limit(sampleHost(11)), "timeout --verbose --kill-after=10 600 bash -s apply");
  });

  it("becomes root through sudo, which must not ask", async () => {
    const deployment = await run(sampleHost(11, { user: "deploy" }));
    assertSafeCommands(deployment);
    const { inputs } = resourceNamed(deployment, "command");
    assert.equal(inputs["create"], "sudo -n timeout --verbose --kill-after=10 30 bash -s apply");
  });

  it("connects with the pinned key of the host, and gives up after a time", async () => {
    const { inputs } = resourceNamed(await run(sampleHost(11, { port: 2222 })), "command");
    assert.deepEqual(reveal(inputs["connection"]), {
      host: "198.51.100.11",
      port: 2222,
      user: "root",
      hostKey: sampleHostKey,
      privateKey: sampleSshKey,
      dialErrorLimit: 4,
      perDialTimeout: 10,
    });
  });

  it("logs in with the SSH agent's keys when it has none", async () => {
    const { inputs } = resourceNamed(await run(sampleHost(11, { privateKey: undefined })), "command");
    assert.equal(Object.hasOwn(reveal(inputs["connection"]) as object, "privateKey"), false);
  });

  it("tells the revision that the script printed, which is no secret", async () => {
    const { result } = await run(sampleHost(11));
    assert.equal(await valueOf(result.revision), "revision-of-command");
    assert.equal(await pulumi.isSecret(result.revision), false);
    assert.equal(await pulumi.isSecret(result.stdout), true);
  });

  it("can be previewed for a host whose address is not known yet", async () => {
    const deployment = await deploy(
      () => {
        const other = new HostCommand("other", { host: sampleHost(11), script: "" });
        return new HostCommand("command", { host: sampleHost(12, { address: other.stdout }), script: "a script" });
      },
      { preview: "first" },
    );
    const { inputs } = resourceNamed(deployment, "command");
    assert.ok(isUnknown(inputs["connection"]) || isUnknown((reveal(inputs["connection"]) as { host: unknown }).host));
    assert.equal(inputs["stdin"], "a script");
  });
});
