/** Certificate requests and certificates signed for them against what the official tls plugin was observed to do. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Secret, textOf } from "../../../toolchain/plugins/provider/value.ts";
import { locallySigned, request, TlsFixture } from "./tlsFixture.ts";

let on: TlsFixture;

before(async () => {
  on = await TlsFixture.start();
});

after(async () => {
  await on.stop();
});

test("CertRequest: id, version 1, order of the subject, alternative names as a requested extension", async () => {
  const key = new Secret(await on.keyPem());
  const subject = { commonName: "host", organization: "k3s-ha" };
  const inputs = { privateKeyPem: key, subject, dnsNames: ["h.example"], ipAddresses: ["192.0.2.8"] };
  const { id, state } = await on.plugin.create(request, inputs);
  assert.match(id, /^[0-9a-f]{40}$/);
  assert.equal(state["keyAlgorithm"], "ECDSA");
  assert.ok(state["privateKeyPem"] instanceof Secret);
  assert.equal(typeof state["certRequestPem"], "string");
  const path = await on.fileWith(textOf(state["certRequestPem"]));
  const text = await on.openssl("req", "-in", path, "-noout", "-text", "-verify");
  assert.match(text, /Version: 1/);
  assert.match(text, /Subject: O ?= ?k3s-ha, CN ?= ?host/);
  assert.match(
    text,
    /Requested Extensions:\s+X509v3 Subject Alternative Name: *\n\s+DNS:h\.example, IP Address:192\.0\.2\.8/,
  );
  const changed = await on.plugin.diff(request, inputs, state, { ...inputs, dnsNames: ["i.example"] });
  assert.deepEqual(changed.replaces, ["dnsNames"]);
});

test("LocallySignedCert: extensions, names from the request, the authority's identifier", async () => {
  const ca = await on.authority();
  const { id, state } = await on.signed(ca, {
    subject: { commonName: "server", organization: "k3s-ha" },
    dnsNames: ["db.example"],
    ipAddresses: ["192.0.2.9"],
  });
  assert.match(id, /^[0-9]+$/);
  assert.ok(state["caPrivateKeyPem"] instanceof Secret);
  assert.equal(state["caKeyAlgorithm"], "ECDSA");
  assert.equal(state["readyForRenewal"], false);
  assert.equal(state["setSubjectKeyId"], false);
  assert.match(textOf(state["validityStartTime"]), /Z$/);
  const text = await on.certificateText(state);
  assert.match(text, /Issuer: O ?= ?k3s-ha, CN ?= ?test authority/);
  assert.match(text, /X509v3 Key Usage: critical\s+Digital Signature, Key Encipherment\n/);
  assert.match(text, /X509v3 Extended Key Usage: *\n\s+TLS Web Server Authentication\n/);
  assert.match(text, /X509v3 Basic Constraints: critical\s+CA:FALSE/);
  assert.match(text, /DNS:db\.example, IP Address:192\.0\.2\.9/);
  const authorityText = await on.certificateText(ca.state);
  const own = /Subject Key Identifier: *\n\s+([0-9A-F:]+)/.exec(authorityText)?.[1];
  assert.equal(/Authority Key Identifier: *\n\s+(?:keyid:)?([0-9A-F:]+)/.exec(text)?.[1], own);
  const [caPath, path] = [await on.fileWith(textOf(ca.state["certPem"])), await on.fileWith(textOf(state["certPem"]))];
  assert.match(await on.openssl("verify", "-CAfile", caPath, "-verify_ip", "192.0.2.9", path), /: OK/);
});

test("a request made by openssl is signed as well", async () => {
  const ca = await on.authority();
  const csrPath = join(on.directory, "foreign.csr");
  await on.openssl(
    "req",
    "-new",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-keyout",
    join(on.directory, "foreign.key"),
    "-subj",
    "/CN=foreign/O=other",
    "-addext",
    "subjectAltName=DNS:f.example",
    "-out",
    csrPath,
  );
  const { state } = await on.plugin.create(locallySigned, {
    certRequestPem: await readFile(csrPath, "utf8"),
    caCertPem: ca.state["certPem"] ?? null,
    caPrivateKeyPem: new Secret(ca.key),
    allowedUses: ["client_auth"],
    validityPeriodHours: 1,
  });
  const text = await on.certificateText(state);
  assert.match(text, /Subject: O ?= ?other, CN ?= ?foreign/);
  assert.match(text, /DNS:f\.example/);
});

test("LocallySignedCert: a key that is not the authority's is refused, a certificate that is no authority warned of", async () => {
  const ca = await on.authority();
  await assert.rejects(on.signed({ ...ca, key: await on.keyPem() }, { subject: { commonName: "x" } }), {
    message: "Failed to create certificate: x509: provided PrivateKey doesn't match parent's PublicKey",
  });
  const leaf = await on.authority({ isCaCertificate: false });
  on.plugin.logs.length = 0;
  await on.signed(leaf, { subject: { commonName: "x" } });
  assert.equal(on.plugin.logs[0]?.severity, "warning");
  assert.match(on.plugin.logs[0].message, /does not appear to be a valid Certificate Authority/);
});
