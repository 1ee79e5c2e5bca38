// Proves how settings come from Pulumi's SDK, without an engine: the configuration is set as the language host sets it.
import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { loadSettings } from "../../components/config/loadSettings.ts";
import { smallStack, valuesOf } from "./stack.ts";

const privateKey = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";

describe("loadSettings", () => {
  beforeEach(async () => {
    const nothing = { newResource: () => ({ id: "", state: {} }), call: () => ({}) };
    await pulumi.runtime.setMocks(nothing, "k3s-ha", "dev");
  });

  it("reads the configuration of the current stack", async () => {
    pulumi.runtime.setAllConfig(valuesOf({ ...smallStack, sshPrivateKey: privateKey }), ["k3s-ha:sshPrivateKey"]);
    const settings = await loadSettings();
    assert.deepEqual(Object.keys(settings.hosts), ["server-1", "server-2", "lb-1", "db-1"]);
    assert.ok(pulumi.Output.isInstance(settings.servers["server-1"]?.privateKey));
  });

  it("fails once, with everything that is wrong", async () => {
    pulumi.runtime.setAllConfig(
      valuesOf({ ...smallStack, sshPrivateKey: privateKey, backup: { keep: 0 }, k3s: { version: "v1.35.0" } }),
      [],
    );
    await assert.rejects(loadSettings, (error) => {
      assert.ok(pulumi.RunError.isInstance(error));
      assert.equal(
        error.message,
        [
          'The configuration of the stack "dev" has 3 problems:',
          '- k3s-ha:sshPrivateKey is a secret in plain text in the stack\'s file: set it with "pulumi config set --secret k3s-ha:sshPrivateKey", and replace the secret, because it was exposed.',
          "- k3s-ha:backup.keep is 0, but has to be a whole number of at least 1: write the number of verified backups to keep.",
          '- k3s-ha:k3s.version is "v1.35.0", but has to be a K3s release with +k3s: write K3s\'s own number too, such as v1.35.0+k3s1.',
        ].join("\n"),
      );
      return true;
    });
  });
});
