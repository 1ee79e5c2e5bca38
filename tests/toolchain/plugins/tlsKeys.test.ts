/** tls.PrivateKey against what the official plugin was observed to do; keys are read with openssl and ssh-keygen. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { reveal, Secret, textOf, unknown } from "../../../toolchain/plugins/provider/value.ts";
import { privateKey, TlsFixture } from "./tlsFixture.ts";

const run = promisify(execFile);

let on: TlsFixture;

before(async () => {
  on = await TlsFixture.start();
});

after(async () => {
  await on.stop();
});

for (const [algorithm, curve, header, kind] of [
  ["ECDSA", "P256", "EC PRIVATE KEY", "ecdsa-sha2-nistp256"],
  ["ECDSA", "P384", "EC PRIVATE KEY", "ecdsa-sha2-nistp384"],
  ["ECDSA", "P521", "EC PRIVATE KEY", "ecdsa-sha2-nistp521"],
  ["RSA", undefined, "RSA PRIVATE KEY", "ssh-rsa"],
  ["ED25519", undefined, "PRIVATE KEY", "ssh-ed25519"],
] as const) {
  test(`PrivateKey ${algorithm} ${curve ?? ""}: kinds of PEM, secrecy, OpenSSH forms and fingerprints`, async () => {
    const { id, state } = await on.plugin.create(privateKey, { algorithm, ...(curve ? { ecdsaCurve: curve } : {}) });
    assert.match(id, /^[0-9a-f]{40}$/);
    assert.equal(state["ecdsaCurve"], curve ?? "P224", "the default is stored for every algorithm");
    assert.equal(state["rsaBits"], 2048);
    for (const name of ["privateKeyOpenssh", "privateKeyPem", "privateKeyPemPkcs8"]) {
      assert.ok(state[name] instanceof Secret, `${name} is secret`);
    }
    const text = (name: string): string => textOf(state[name]);
    assert.ok(text("privateKeyPem").startsWith(`-----BEGIN ${header}-----\n`));
    assert.ok(text("privateKeyPemPkcs8").startsWith("-----BEGIN PRIVATE KEY-----\n"));
    assert.ok(text("privateKeyOpenssh").startsWith("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
    for (const name of ["privateKeyPem", "privateKeyPemPkcs8", "privateKeyOpenssh", "publicKeyPem"]) {
      assert.ok(text(name).endsWith("-----\n"), `${name} ends with a newline`);
    }
    const openssh = await on.fileWith(text("privateKeyOpenssh"));
    const derived = (await run("ssh-keygen", ["-y", "-f", openssh])).stdout;
    assert.equal(text("publicKeyOpenssh"), derived, "OpenSSH derives the same public key from the private one");
    assert.match(text("publicKeyOpenssh"), new RegExp(`^${kind} \\S+\\n$`));
    const line = await on.fileWith(text("publicKeyOpenssh"));
    const print = async (hash: string): Promise<string | undefined> =>
      (await run("ssh-keygen", ["-l", "-E", hash, "-f", line])).stdout.split(" ")[1];
    assert.equal(text("publicKeyFingerprintSha256"), await print("sha256"));
    assert.equal(`MD5:${text("publicKeyFingerprintMd5")}`, await print("md5"));
    const derivedPem = await on.openssl("pkey", "-in", await on.fileWith(text("privateKeyPem")), "-pubout");
    assert.equal(text("publicKeyPem"), derivedPem);
  });
}

test("PrivateKey ECDSA with the default curve P224: no OpenSSH forms", async () => {
  const { state } = await on.plugin.create(privateKey, { algorithm: "ECDSA" });
  assert.equal(state["ecdsaCurve"], "P224");
  assert.deepEqual(
    ["privateKeyOpenssh", "publicKeyOpenssh", "publicKeyFingerprintMd5", "publicKeyFingerprintSha256"].map((name) =>
      reveal(state[name] ?? null),
    ),
    ["", "", "", ""],
  );
  assert.match(
    await on.openssl("pkey", "-in", await on.fileWith(textOf(state["privateKeyPem"])), "-text", "-noout"),
    /secp224r1/,
  );
});

test("PrivateKey: any change replaces, a preview knows the defaults and nothing else", async () => {
  const change = await on.plugin.diff(privateKey, { algorithm: "RSA" }, {}, { algorithm: "RSA", rsaBits: 4096 });
  assert.deepEqual(change.replaces, ["rsaBits"]);
  assert.equal(
    (await on.plugin.diff(privateKey, { algorithm: "RSA" }, {}, { algorithm: "RSA", rsaBits: 2048 })).some,
    false,
  );
  const { state } = await on.plugin.create(privateKey, { algorithm: "ED25519" }, true);
  assert.equal(state["rsaBits"], 2048);
  assert.equal(reveal(state["privateKeyPem"] ?? null), unknown);
  assert.equal(state["publicKeyPem"], unknown);
  const { failures } = await on.plugin.check(privateKey, { algorithm: "DSA" });
  assert.match(failures[0]?.reason ?? "", /must be one of: \["RSA" "ECDSA" "ED25519"\], got: "DSA"/);
});
