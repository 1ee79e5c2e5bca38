/** Proves that an update finds the plugins that the toolchain installed, in the versions that the packages ask for. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { inTemporaryProject } from "./temporaryProject.ts";

const program = `
  import { RandomPassword } from "@pulumi/random";
  import { PrivateKey } from "@pulumi/tls";
  import { local } from "@pulumi/command";
  const password = new RandomPassword("password", { length: 20, special: false });
  const key = new PrivateKey("key", { algorithm: "ED25519" });
  const said = new local.Command("said", { create: "cat", stdin: key.publicKeyOpenssh });
  export const result = password.result;
  export const publicKey = key.publicKeyOpenssh;
  export const echoed = said.stdout;
`;

it("creates, keeps and destroys resources of the random, tls and command plugins", async () => {
  await inTemporaryProject({ program }, async (project) => {
    await project.succeed("up", "--yes", "--skip-preview");

    const { result, publicKey, echoed } = await project.outputs();
    assert.match(String(result), /^[A-Za-z0-9]{20}$/);
    assert.match(String(publicKey), /^ssh-ed25519 /);
    assert.equal(String(echoed).trim(), String(publicKey).trim());
    await project.succeed("preview", "--expect-no-changes");
    assert.match(await project.succeed("destroy", "--yes", "--skip-preview"), /- 4 deleted/);
  });
});
