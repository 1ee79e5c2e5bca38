/**
 * The plugins under the real Pulumi CLI: what the engine makes of their answers. What it shows, stores, replaces and in
 * which order was observed with the official plugins.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { isSecret } from "../../support/wire.ts";
import { isEncrypted, configure, inPulumiProject, stored, up } from "./pulumiProject.ts";
import { MysqlFixture } from "./mysqlFixture.ts";
import { SshServer } from "./sshServer.ts";

let ssh: SshServer;

before(async () => {
  ssh = await SshServer.start();
});

after(async () => {
  await ssh.stop();
});

/** Lines of an `up --diff` without indentation. */
function lines(output: string): string[] {
  return output.split("\n").map((line) => line.trim());
}

test("commands, random values and certificates under the CLI, from the first up to destroy", async () => {
  await inPulumiProject("commands", {}, async (project) => {
    const log = join(ssh.directory, "steps");
    const steps = async (): Promise<string> => (await readFile(log, "utf8")).replaceAll("\n", "");
    const { port, user, privateKey, hostKey } = await ssh.connection();
    await configure(project, {
      log,
      port: String(port),
      user: String(user),
      hostKey: String(hostKey),
      privateKey: [String(privateKey)],
    });

    const preview = await project.succeed("preview");
    assert.match(preview, /certificate: \[unknown\]/);
    assert.match(preview, /\+ 8 to create/);

    const first = await project.succeed("up", "--yes", "--skip-preview");
    assert.match(first, /command:remote:Command step creating \(\d+s\) shown/, "lines are shown under the resource");
    assert.match(first, /hidden +: \[secret\]/);
    assert.equal(await steps(), "c");
    const created = await stored(project);
    const step = created.get("Command/step");
    assert.match(step.id, /^step[0-9a-f]{8}$/);
    assert.ok(isEncrypted(step.outputs["connection"]) && isEncrypted(step.outputs["stdin"]));
    const revealed = (await stored(project, "--show-secrets")).get("Command/step");
    for (const { connection } of [revealed.inputs, revealed.outputs]) {
      const { privateKey, hostKey } = JSON.parse((connection as { plaintext: string }).plaintext) as Record<
        string,
        unknown
      >;
      assert.ok(
        isSecret(privateKey),
        "the key is a secret of its own in the secret connection, as the official plugin has it",
      );
      assert.equal(typeof hostKey, "string");
    }
    assert.equal(step.outputs["stdout"], "hello");
    assert.ok(isEncrypted(created.get("Command/dependent").outputs["stdout"]));
    const password = created.get("RandomPassword/password");
    assert.equal(password.id, "none");
    assert.equal(password.outputs["id"], "none");
    for (const name of ["PrivateKey/authority", "SelfSignedCert/authority", "LocallySignedCert/server"]) {
      assert.equal(created.get(name).outputs["id"], created.get(name).id);
    }
    assert.deepEqual(password.inputs, { keepers: { generation: "1" }, length: 24, special: false });
    assert.ok(isEncrypted(password.outputs["result"]) && isEncrypted(password.outputs["bcryptHash"]));
    for (const name of ["privateKeyOpenssh", "privateKeyPem", "privateKeyPemPkcs8"]) {
      assert.ok(isEncrypted(created.get("PrivateKey/authority").outputs[name]), name);
    }
    const certificate = created.get("LocallySignedCert/server");
    assert.ok(isEncrypted(certificate.outputs["caPrivateKeyPem"]));
    assert.match(String(certificate.outputs["certPem"]), /^-----BEGIN CERTIFICATE-----\n/);

    assert.match(await up(project), /8 unchanged/);
    assert.equal(await steps(), "c");

    await configure(project, { perDialTimeout: "6" });
    const reconnected = await project.succeed("up", "--yes", "--skip-preview");
    assert.match(reconnected, /command:remote:Command step updating \(\d+s\) \[diff: ~connection\]/);
    assert.equal(await steps(), "cu", "a connection change runs update");
    const warnings = new Set(reconnected.match(/warning: Unable to set 'PULUMI_COMMAND_\w+'/g));
    assert.equal(warnings.size, 2, "one for each previous output");

    await configure(project, { word: "other" });
    const changed = lines(await up(project));
    assert.ok(changed.some((line) => /^~ create: ".*hello.*" => ".*other.*"$/.test(line)));
    assert.equal((await stored(project)).get("Command/step").outputs["stderr"], "", "update printed nothing there");

    await configure(project, { generation: "2" });
    const rotated = lines(await up(project));
    assert.ok(rotated.includes("~ stdin: [secret] => [secret]"));
    assert.ok(rotated.includes("+-random:index/randomPassword:RandomPassword: (replace)"));
    assert.equal(await steps(), "cuuu");

    await configure(project, { trigger: "one" });
    assert.match(await up(project), /\+-1 replaced/);
    assert.equal(await steps(), "cuuucd", "the new one is created, then the old one deleted");

    await configure(project, { earlyRenewalHours: "2" });
    const kept = (await stored(project)).get("SelfSignedCert/authority").outputs["certPem"];
    assert.match(await up(project), /~ 1 updated/);
    assert.equal((await stored(project)).get("SelfSignedCert/authority").outputs["certPem"], kept);
    await configure(project, { earlyRenewalHours: "200" });
    await up(project);
    await up(project);
    assert.notEqual((await stored(project)).get("SelfSignedCert/authority").outputs["certPem"], kept, "renewed");
    await configure(project, { earlyRenewalHours: "2" });
    await up(project);

    await configure(project, { fail: "true" });
    const failed = await project.pulumi("up", "--yes", "--skip-preview");
    assert.notEqual(failed.exitCode, 0);
    assert.match(failed.output, /error: Process exited with status 3: running "echo boom; exit 3":\n +boom\n/);
    assert.ok((await stored(project)).has("Command/dependent"), "a failed update keeps what was stored");

    await project.succeed("destroy", "--yes", "--skip-preview");
    assert.match(await steps(), /^cuuucd+$/);
    assert.equal((await stored(project)).size, 0);
  });
});

test("a database under the CLI, over TLS whose authority the provider's environment names", async () => {
  const on = await MysqlFixture.start();
  try {
    const environment = { K3S_HA_TEST_AUTHORITY: on.caFile };
    await inPulumiProject("database", environment, async (project) => {
      await configure(project, { endpoint: on.server.endpoint, password: [on.server.password] });
      await up(project);
      const created = (await stored(project)).get("Database/kine");
      assert.equal(created.id, "kine");
      assert.equal(created.outputs["defaultCollation"], "utf8mb4_unicode_ci");
      assert.match(await up(project), /unchanged/);
      assert.match(await project.succeed("refresh", "--yes", "--skip-preview"), /unchanged/);
      await configure(project, { account: "true" });
      const failed = await project.pulumi("up", "--yes", "--skip-preview");
      assert.match(failed.output, /Error 1193 \(HY000\): Unknown system variable 'innodb_version'/);
      assert.ok(!(await stored(project)).has("User/kine"), "a failed create leaves nothing in the state");
      await project.succeed("destroy", "--yes", "--skip-preview");
      assert.deepEqual(await on.server.query("SHOW DATABASES LIKE 'kine'"), []);
    });
  } finally {
    await on.stop();
  }
});
