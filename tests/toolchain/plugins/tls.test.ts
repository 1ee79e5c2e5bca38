/** Self-signed certificates and renewal against what the official tls plugin was observed to do; read with openssl. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Secret, textOf, unknown } from "../../../toolchain/plugins/provider/value.ts";
import { locallySigned, selfSigned, TlsFixture } from "./tlsFixture.ts";

let on: TlsFixture;

before(async () => {
  on = await TlsFixture.start();
});

after(async () => {
  await on.stop();
});

test("SelfSignedCert: outputs, usages, constraints, identifiers, signature", async () => {
  const { inputs, state } = await on.authority();
  const { id, state: another } = await on.plugin.create(selfSigned, inputs);
  assert.match(id, /^[0-9]+$/);
  assert.equal(another["id"], id, "the id is among the outputs, too");
  assert.equal((await on.plugin.update(selfSigned, id, another, { ...inputs, earlyRenewalHours: 1 }))["id"], id);
  assert.ok(state["privateKeyPem"] instanceof Secret);
  assert.equal(typeof state["certPem"], "string");
  const rest = Object.fromEntries(
    [
      "earlyRenewalHours",
      "keyAlgorithm",
      "readyForRenewal",
      "setAuthorityKeyId",
      "setSubjectKeyId",
      "isCaCertificate",
    ].map((name) => [name, state[name]]),
  );
  assert.deepEqual(rest, {
    earlyRenewalHours: 0,
    keyAlgorithm: "ECDSA",
    readyForRenewal: false,
    setAuthorityKeyId: false,
    setSubjectKeyId: true,
    isCaCertificate: true,
  });
  const start = textOf(state["validityStartTime"]);
  assert.match(start, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/, "RFC 3339 with a fraction of a second, UTC");
  assert.equal(Date.parse(textOf(state["validityEndTime"])) - Date.parse(start), 48 * 3_600_000);
  const text = await on.certificateText(state);
  assert.match(text, /Version: 3/);
  assert.match(text, /Signature Algorithm: ecdsa-with-SHA256/);
  assert.match(text, /Subject: O ?= ?k3s-ha, CN ?= ?test authority/);
  assert.match(text, /X509v3 Key Usage: critical\s+Digital Signature, Certificate Sign, CRL Sign/);
  assert.match(text, /X509v3 Basic Constraints: critical\s+CA:TRUE\n/);
  assert.match(text, /X509v3 Subject Key Identifier:/);
  assert.doesNotMatch(text, /Authority Key Identifier/);
  const path = await on.fileWith(textOf(state["certPem"]));
  assert.match(await on.openssl("verify", "-CAfile", path, path), /: OK/);
});

test("SelfSignedCert: the id is the serial in decimal, 128 random bits", async () => {
  const key = new Secret(await on.keyPem());
  const inputs = { privateKeyPem: key, allowedUses: [], validityPeriodHours: 1, subject: { commonName: "x" } };
  const [one, two] = [await on.plugin.create(selfSigned, inputs), await on.plugin.create(selfSigned, inputs)];
  const serial = await on.openssl("x509", "-in", await on.fileWith(textOf(one.state["certPem"])), "-noout", "-serial");
  assert.equal(BigInt(one.id), BigInt(`0x${serial.trim().replace("serial=", "")}`));
  assert.notEqual(one.id, two.id);
  assert.ok(BigInt(one.id) < 2n ** 128n);
  const text = await on.certificateText(one.state);
  assert.doesNotMatch(text, /Key Usage/, "no use, no extension");
  assert.match(text, /Basic Constraints: critical\s+CA:FALSE/);
  assert.doesNotMatch(text, /Subject Key Identifier/, "only authorities have one unasked");
});

test("SelfSignedCert: alternative names are of the right kind, and critical without a subject", async () => {
  const inputs = {
    privateKeyPem: new Secret(await on.keyPem("RSA")),
    allowedUses: ["client_auth"],
    validityPeriodHours: 1,
    dnsNames: ["a.example", "*.b.example"],
    ipAddresses: ["192.0.2.7", "2001:db8::7"],
    uris: ["spiffe://example/x"],
    setSubjectKeyId: true,
    setAuthorityKeyId: true,
  };
  const { state } = await on.plugin.create(selfSigned, inputs);
  const text = await on.certificateText(state);
  assert.match(text, /Subject Alternative Name: critical/);
  assert.match(
    text,
    /DNS:a\.example, DNS:\*\.b\.example, IP Address:192\.0\.2\.7, IP Address:2001:DB8:0:0:0:0:0:7, URI:spiffe:\/\/example\/x/,
  );
  assert.match(text, /sha256WithRSAEncryption/);
  const [own, authoritys] = ["Subject", "Authority"].map(
    (kind) => new RegExp(`${kind} Key Identifier: *\\n\\s+(?:keyid:)?([0-9A-F:]+)`).exec(text)?.[1],
  );
  assert.ok(own);
  assert.equal(own, authoritys);
  await assert.rejects(on.plugin.create(selfSigned, { ...inputs, ipAddresses: ["not an address"] }), {
    message: 'Invalid IP address: Failed to parse "not an address"',
  });
});

test("all allowed uses arrive in the certificate, an unknown one is refused", async () => {
  const keyUses = {
    digital_signature: "Digital Signature",
    content_commitment: "Non Repudiation",
    key_encipherment: "Key Encipherment",
    data_encipherment: "Data Encipherment",
    key_agreement: "Key Agreement",
    cert_signing: "Certificate Sign",
    crl_signing: "CRL Sign",
    encipher_only: "Encipher Only",
    decipher_only: "Decipher Only",
  };
  const extendedUses = {
    any_extended: "Any Extended Key Usage",
    server_auth: "TLS Web Server Authentication",
    client_auth: "TLS Web Client Authentication",
    code_signing: "Code Signing",
    email_protection: "E-mail Protection",
    ipsec_end_system: "IPSec End System",
    ipsec_tunnel: "IPSec Tunnel",
    ipsec_user: "IPSec User",
    timestamping: "Time Stamping",
    ocsp_signing: "OCSP Signing",
    microsoft_server_gated_crypto: "Microsoft Server Gated Crypto",
    netscape_server_gated_crypto: "Netscape Server Gated Crypto",
    microsoft_commercial_code_signing: "Microsoft Commercial Code Signing",
    microsoft_kernel_code_signing: "1.3.6.1.4.1.311.61.1.1",
  };
  const key = new Secret(await on.keyPem("ED25519"));
  const inputs = {
    privateKeyPem: key,
    allowedUses: [...Object.keys(keyUses), ...Object.keys(extendedUses)],
    validityPeriodHours: 1,
    subject: { commonName: "x" },
  };
  assert.deepEqual((await on.plugin.check(selfSigned, inputs)).failures, []);
  const text = await on.certificateText((await on.plugin.create(selfSigned, inputs)).state);
  assert.ok(text.includes(Object.values(keyUses).join(", ")), text);
  assert.ok(text.includes(Object.values(extendedUses).join(", ")), text);
  assert.match(text, /Signature Algorithm: ED25519/);
  const { failures } = await on.plugin.check(selfSigned, { ...inputs, allowedUses: ["signing"] });
  assert.equal(failures[0]?.property, "allowedUses");
  assert.match(failures[0].reason, /got: "signing"/);
});

test("renewal: a certificate inside its early hours is replaced without any change, a fresh one is not", async () => {
  const ca = await on.authority({ validityPeriodHours: 1, earlyRenewalHours: 2 });
  const due = await on.plugin.diff(selfSigned, ca.inputs, ca.state, ca.inputs);
  assert.deepEqual(due.replaces, ["readyForRenewal"]);
  const refreshed = await on.plugin.read(selfSigned, "1", ca.inputs, ca.state);
  assert.equal(refreshed.state["readyForRenewal"], true);
  const fresh = await on.authority({ validityPeriodHours: 3, earlyRenewalHours: 2 });
  assert.equal((await on.plugin.diff(selfSigned, fresh.inputs, fresh.state, fresh.inputs)).some, false);
  const leaf = await on.signed(
    fresh,
    { subject: { commonName: "x" } },
    { validityPeriodHours: 1, earlyRenewalHours: 2 },
  );
  const leafDue = await on.plugin.diff(locallySigned, leaf.inputs, leaf.state, leaf.inputs);
  assert.deepEqual(leafDue.replaces, ["readyForRenewal"]);
});

test("earlyRenewalHours alone: update in place, same certificate; other inputs replace", async () => {
  const { inputs, state } = await on.authority({ dnsNames: ["a.example"] });
  const later = { ...inputs, earlyRenewalHours: 4 };
  const change = await on.plugin.diff(selfSigned, inputs, state, later);
  assert.deepEqual([change.some, change.diffs, change.replaces], [true, ["earlyRenewalHours"], []]);
  const updated = await on.plugin.update(selfSigned, "1", state, later);
  assert.equal(updated["certPem"], state["certPem"]);
  assert.equal(updated["earlyRenewalHours"], 4);
  assert.ok(updated["privateKeyPem"] instanceof Secret);
  const names = await on.plugin.diff(selfSigned, inputs, state, { ...inputs, dnsNames: ["b.example"] });
  assert.deepEqual(names.replaces, ["dnsNames"]);
  const hidden = await on.plugin.diff(selfSigned, inputs, state, { ...inputs, privateKeyPem: unknown });
  assert.deepEqual(hidden.replaces, ["privateKeyPem"], "a key not known yet will be another one");
});

test("a key that is not PEM is reported in the official words", async () => {
  const inputs = { privateKeyPem: "nonsense", allowedUses: [], validityPeriodHours: 1 };
  await assert.rejects(on.plugin.create(selfSigned, inputs), {
    message: "Failed to parse private key PEM: failed to decode PEM block: decoded bytes 0, undecoded 8",
  });
});

test("a certificate authority needs a subject", async () => {
  await assert.rejects(on.authority({ subject: {} }), /Must contain at least one Distinguished Name/);
});

test("the write-only key makes the certificate and is not stored among the outputs", async () => {
  const key = new Secret(await on.keyPem());
  const inputs = {
    privateKeyPemWo: key,
    privateKeyPemWoVersion: 1,
    allowedUses: [],
    validityPeriodHours: 1,
    subject: { commonName: "w" },
  };
  assert.deepEqual((await on.plugin.check(selfSigned, inputs)).failures, []);
  const { state } = await on.plugin.create(selfSigned, inputs);
  assert.ok(!("privateKeyPemWo" in state));
  const both = { ...inputs, privateKeyPem: key };
  assert.match((await on.plugin.check(selfSigned, both)).failures[0]?.reason ?? "", /Exactly one of these/);
  const next = await on.plugin.diff(selfSigned, inputs, state, { ...inputs, privateKeyPemWoVersion: 2 });
  assert.deepEqual(next.replaces, ["privateKeyPemWoVersion"]);
});
