/** The drop-in tls plugin against what the official one was observed to do. Certificates are read with openssl. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { reveal, Secret, unknown, type PropertyMap } from "../../sandbox/plugins/provider/value.ts";
import { PluginProcess } from "./pluginProcess.ts";

const run = promisify(execFile);
const privateKey = "tls:index/privateKey:PrivateKey";
const selfSigned = "tls:index/selfSignedCert:SelfSignedCert";
const request = "tls:index/certRequest:CertRequest";
const locallySigned = "tls:index/locallySignedCert:LocallySignedCert";

let plugin: PluginProcess;
let directory: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "tls-plugin-"));
  plugin = await PluginProcess.start("tls");
  await plugin.configure();
});

after(async () => {
  await plugin.stop();
  await rm(directory, { recursive: true });
});

let files = 0;

/** Writes text to a file of its own, readable by its owner only, and returns the path. */
async function fileWith(text: string): Promise<string> {
  const path = join(directory, `file-${files++}`);
  await writeFile(path, text, { mode: 0o600 });
  return path;
}

async function openssl(...args: string[]): Promise<string> {
  return (await run("openssl", args)).stdout;
}

async function keyPem(algorithm = "ECDSA", ecdsaCurve = "P256"): Promise<string> {
  const { state } = await plugin.create(privateKey, { algorithm, ecdsaCurve });
  return reveal(state["privateKeyPem"] ?? null) as string;
}

interface Authority {
  inputs: PropertyMap;
  state: PropertyMap;
  key: string;
}

async function authority(more: PropertyMap = {}): Promise<Authority> {
  const key = await keyPem();
  const inputs: PropertyMap = {
    privateKeyPem: new Secret(key),
    isCaCertificate: true,
    setSubjectKeyId: true,
    allowedUses: ["cert_signing", "crl_signing", "digital_signature"],
    validityPeriodHours: 48,
    subject: { commonName: "test authority", organization: "k3s-ha" },
    ...more,
  };
  const { state } = await plugin.create(selfSigned, inputs);
  return { inputs, state, key };
}

async function signed(ca: Authority, requestInputs: PropertyMap, more: PropertyMap = {}) {
  const csr = await plugin.create(request, { privateKeyPem: new Secret(await keyPem()), ...requestInputs });
  const inputs: PropertyMap = {
    certRequestPem: csr.state["certRequestPem"] ?? null,
    caCertPem: ca.state["certPem"] ?? null,
    caPrivateKeyPem: new Secret(ca.key),
    allowedUses: ["server_auth", "digital_signature", "key_encipherment"],
    validityPeriodHours: 24,
    ...more,
  };
  return { inputs, ...(await plugin.create(locallySigned, inputs)) };
}

const certificateText = async (state: PropertyMap): Promise<string> =>
  openssl("x509", "-in", await fileWith(String(state["certPem"])), "-noout", "-text");

for (const [algorithm, curve, header, kind] of [
  ["ECDSA", "P256", "EC PRIVATE KEY", "ecdsa-sha2-nistp256"],
  ["ECDSA", "P384", "EC PRIVATE KEY", "ecdsa-sha2-nistp384"],
  ["ECDSA", "P521", "EC PRIVATE KEY", "ecdsa-sha2-nistp521"],
  ["RSA", undefined, "RSA PRIVATE KEY", "ssh-rsa"],
  ["ED25519", undefined, "PRIVATE KEY", "ssh-ed25519"],
] as const) {
  test(`PrivateKey ${algorithm} ${curve ?? ""}: kinds of PEM, secrecy, OpenSSH forms and fingerprints`, async () => {
    const { id, state } = await plugin.create(privateKey, { algorithm, ...(curve ? { ecdsaCurve: curve } : {}) });
    assert.match(id, /^[0-9a-f]{40}$/);
    assert.equal(state["ecdsaCurve"], curve ?? "P224", "the default is stored for every algorithm");
    assert.equal(state["rsaBits"], 2048);
    for (const name of ["privateKeyOpenssh", "privateKeyPem", "privateKeyPemPkcs8"]) {
      assert.ok(state[name] instanceof Secret, `${name} is secret`);
    }
    const text = (name: string): string => String(reveal(state[name] ?? null));
    assert.ok(text("privateKeyPem").startsWith(`-----BEGIN ${header}-----\n`));
    assert.ok(text("privateKeyPemPkcs8").startsWith("-----BEGIN PRIVATE KEY-----\n"));
    assert.ok(text("privateKeyOpenssh").startsWith("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
    for (const name of ["privateKeyPem", "privateKeyPemPkcs8", "privateKeyOpenssh", "publicKeyPem"]) {
      assert.ok(text(name).endsWith("-----\n"), `${name} ends with a newline`);
    }
    const openssh = await fileWith(text("privateKeyOpenssh"));
    const derived = (await run("ssh-keygen", ["-y", "-f", openssh])).stdout;
    assert.equal(text("publicKeyOpenssh"), derived, "OpenSSH derives the same public key from the private one");
    assert.match(text("publicKeyOpenssh"), new RegExp(`^${kind} \\S+\\n$`));
    const line = await fileWith(text("publicKeyOpenssh"));
    const print = async (hash: string): Promise<string | undefined> =>
      (await run("ssh-keygen", ["-l", "-E", hash, "-f", line])).stdout.split(" ")[1];
    assert.equal(text("publicKeyFingerprintSha256"), await print("sha256"));
    assert.equal(`MD5:${text("publicKeyFingerprintMd5")}`, await print("md5"));
    const derivedPem = await openssl("pkey", "-in", await fileWith(text("privateKeyPem")), "-pubout");
    assert.equal(text("publicKeyPem"), derivedPem);
  });
}

test("PrivateKey ECDSA with the default curve P224: no OpenSSH forms", async () => {
  const { state } = await plugin.create(privateKey, { algorithm: "ECDSA" });
  assert.equal(state["ecdsaCurve"], "P224");
  assert.deepEqual(
    ["privateKeyOpenssh", "publicKeyOpenssh", "publicKeyFingerprintMd5", "publicKeyFingerprintSha256"].map((name) =>
      reveal(state[name] ?? null),
    ),
    ["", "", "", ""],
  );
  assert.match(
    await openssl("pkey", "-in", await fileWith(String(reveal(state["privateKeyPem"] ?? null))), "-text", "-noout"),
    /secp224r1/,
  );
});

test("PrivateKey: any change replaces, a preview knows the defaults and nothing else", async () => {
  const change = await plugin.diff(privateKey, { algorithm: "RSA" }, {}, { algorithm: "RSA", rsaBits: 4096 });
  assert.deepEqual(change.replaces, ["rsaBits"]);
  assert.equal(
    (await plugin.diff(privateKey, { algorithm: "RSA" }, {}, { algorithm: "RSA", rsaBits: 2048 })).some,
    false,
  );
  const { state } = await plugin.create(privateKey, { algorithm: "ED25519" }, true);
  assert.equal(state["rsaBits"], 2048);
  assert.equal(reveal(state["privateKeyPem"] ?? null), unknown);
  assert.equal(state["publicKeyPem"], unknown);
  const { failures } = await plugin.check(privateKey, { algorithm: "DSA" });
  assert.match(failures[0]?.reason ?? "", /must be one of: \["RSA" "ECDSA" "ED25519"\], got: "DSA"/);
});

test("SelfSignedCert: outputs, usages, constraints, identifiers, signature", async () => {
  const { inputs, state } = await authority();
  const { id } = await plugin.create(selfSigned, inputs);
  assert.match(id, /^[0-9]+$/);
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
  const start = String(state["validityStartTime"]);
  assert.match(start, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/, "RFC 3339 with a fraction of a second, UTC");
  assert.equal(Date.parse(String(state["validityEndTime"])) - Date.parse(start), 48 * 3_600_000);
  const text = await certificateText(state);
  assert.match(text, /Version: 3/);
  assert.match(text, /Signature Algorithm: ecdsa-with-SHA256/);
  assert.match(text, /Subject: O ?= ?k3s-ha, CN ?= ?test authority/);
  assert.match(text, /X509v3 Key Usage: critical\s+Digital Signature, Certificate Sign, CRL Sign/);
  assert.match(text, /X509v3 Basic Constraints: critical\s+CA:TRUE\n/);
  assert.match(text, /X509v3 Subject Key Identifier:/);
  assert.doesNotMatch(text, /Authority Key Identifier/);
  const path = await fileWith(String(state["certPem"]));
  assert.match(await openssl("verify", "-CAfile", path, path), /: OK/);
});

test("SelfSignedCert: the id is the serial in decimal, 128 random bits", async () => {
  const key = new Secret(await keyPem());
  const inputs = { privateKeyPem: key, allowedUses: [], validityPeriodHours: 1, subject: { commonName: "x" } };
  const [one, two] = [await plugin.create(selfSigned, inputs), await plugin.create(selfSigned, inputs)];
  const serial = await openssl("x509", "-in", await fileWith(String(one.state["certPem"])), "-noout", "-serial");
  assert.equal(BigInt(one.id), BigInt(`0x${serial.trim().replace("serial=", "")}`));
  assert.notEqual(one.id, two.id);
  assert.ok(BigInt(one.id) < 2n ** 128n);
  const text = await certificateText(one.state);
  assert.doesNotMatch(text, /Key Usage/, "no use, no extension");
  assert.match(text, /Basic Constraints: critical\s+CA:FALSE/);
  assert.doesNotMatch(text, /Subject Key Identifier/, "only authorities have one unasked");
});

test("SelfSignedCert: alternative names are of the right kind, and critical without a subject", async () => {
  const inputs = {
    privateKeyPem: new Secret(await keyPem("RSA")),
    allowedUses: ["client_auth"],
    validityPeriodHours: 1,
    dnsNames: ["a.example", "*.b.example"],
    ipAddresses: ["192.0.2.7", "2001:db8::7"],
    uris: ["spiffe://example/x"],
    setSubjectKeyId: true,
    setAuthorityKeyId: true,
  };
  const { state } = await plugin.create(selfSigned, inputs);
  const text = await certificateText(state);
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
  await assert.rejects(plugin.create(selfSigned, { ...inputs, ipAddresses: ["not an address"] }), {
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
  const key = new Secret(await keyPem("ED25519"));
  const inputs = {
    privateKeyPem: key,
    allowedUses: [...Object.keys(keyUses), ...Object.keys(extendedUses)],
    validityPeriodHours: 1,
    subject: { commonName: "x" },
  };
  assert.deepEqual((await plugin.check(selfSigned, inputs)).failures, []);
  const text = await certificateText((await plugin.create(selfSigned, inputs)).state);
  assert.ok(text.includes(Object.values(keyUses).join(", ")), text);
  assert.ok(text.includes(Object.values(extendedUses).join(", ")), text);
  assert.match(text, /Signature Algorithm: ED25519/);
  const { failures } = await plugin.check(selfSigned, { ...inputs, allowedUses: ["signing"] });
  assert.equal(failures[0]?.property, "allowedUses");
  assert.match(failures[0]?.reason ?? "", /got: "signing"/);
});

test("CertRequest: id, version 1, order of the subject, alternative names as a requested extension", async () => {
  const key = new Secret(await keyPem());
  const subject = { commonName: "host", organization: "k3s-ha" };
  const inputs = { privateKeyPem: key, subject, dnsNames: ["h.example"], ipAddresses: ["192.0.2.8"] };
  const { id, state } = await plugin.create(request, inputs);
  assert.match(id, /^[0-9a-f]{40}$/);
  assert.equal(state["keyAlgorithm"], "ECDSA");
  assert.ok(state["privateKeyPem"] instanceof Secret);
  assert.equal(typeof state["certRequestPem"], "string");
  const path = await fileWith(String(state["certRequestPem"]));
  const text = await openssl("req", "-in", path, "-noout", "-text", "-verify");
  assert.match(text, /Version: 1/);
  assert.match(text, /Subject: O ?= ?k3s-ha, CN ?= ?host/);
  assert.match(
    text,
    /Requested Extensions:\s+X509v3 Subject Alternative Name: *\n\s+DNS:h\.example, IP Address:192\.0\.2\.8/,
  );
  const changed = await plugin.diff(request, inputs, state, { ...inputs, dnsNames: ["i.example"] });
  assert.deepEqual(changed.replaces, ["dnsNames"]);
});

test("LocallySignedCert: extensions, names from the request, the authority's identifier", async () => {
  const ca = await authority();
  const { id, state } = await signed(ca, {
    subject: { commonName: "server", organization: "k3s-ha" },
    dnsNames: ["db.example"],
    ipAddresses: ["192.0.2.9"],
  });
  assert.match(id, /^[0-9]+$/);
  assert.ok(state["caPrivateKeyPem"] instanceof Secret);
  assert.equal(state["caKeyAlgorithm"], "ECDSA");
  assert.equal(state["readyForRenewal"], false);
  assert.equal(state["setSubjectKeyId"], false);
  assert.match(String(state["validityStartTime"]), /Z$/);
  const text = await certificateText(state);
  assert.match(text, /Issuer: O ?= ?k3s-ha, CN ?= ?test authority/);
  assert.match(text, /X509v3 Key Usage: critical\s+Digital Signature, Key Encipherment\n/);
  assert.match(text, /X509v3 Extended Key Usage: *\n\s+TLS Web Server Authentication\n/);
  assert.match(text, /X509v3 Basic Constraints: critical\s+CA:FALSE/);
  assert.match(text, /DNS:db\.example, IP Address:192\.0\.2\.9/);
  const authorityText = await certificateText(ca.state);
  const own = /Subject Key Identifier: *\n\s+([0-9A-F:]+)/.exec(authorityText)?.[1];
  assert.equal(/Authority Key Identifier: *\n\s+(?:keyid:)?([0-9A-F:]+)/.exec(text)?.[1], own);
  const [caPath, path] = [await fileWith(String(ca.state["certPem"])), await fileWith(String(state["certPem"]))];
  assert.match(await openssl("verify", "-CAfile", caPath, "-verify_ip", "192.0.2.9", path), /: OK/);
});

test("a request made by openssl is signed as well", async () => {
  const ca = await authority();
  const csrPath = join(directory, "foreign.csr");
  await openssl(
    "req",
    "-new",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-keyout",
    join(directory, "foreign.key"),
    "-subj",
    "/CN=foreign/O=other",
    "-addext",
    "subjectAltName=DNS:f.example",
    "-out",
    csrPath,
  );
  const { state } = await plugin.create(locallySigned, {
    certRequestPem: (await run("cat", [csrPath])).stdout,
    caCertPem: ca.state["certPem"] ?? null,
    caPrivateKeyPem: new Secret(ca.key),
    allowedUses: ["client_auth"],
    validityPeriodHours: 1,
  });
  const text = await certificateText(state);
  assert.match(text, /Subject: O ?= ?other, CN ?= ?foreign/);
  assert.match(text, /DNS:f\.example/);
});

test("LocallySignedCert: a key that is not the authority's is refused, a certificate that is no authority warned of", async () => {
  const ca = await authority();
  await assert.rejects(signed({ ...ca, key: await keyPem() }, { subject: { commonName: "x" } }), {
    message: "Failed to create certificate: x509: provided PrivateKey doesn't match parent's PublicKey",
  });
  const leaf = await authority({ isCaCertificate: false });
  plugin.logs.length = 0;
  await signed(leaf, { subject: { commonName: "x" } });
  assert.equal(plugin.logs[0]?.severity, "warning");
  assert.match(plugin.logs[0].message, /does not appear to be a valid Certificate Authority/);
});

test("renewal: a certificate inside its early hours is replaced without any change, a fresh one is not", async () => {
  const ca = await authority({ validityPeriodHours: 1, earlyRenewalHours: 2 });
  const due = await plugin.diff(selfSigned, ca.inputs, ca.state, ca.inputs);
  assert.deepEqual(due.replaces, ["readyForRenewal"]);
  const refreshed = await plugin.read(selfSigned, "1", ca.inputs, ca.state);
  assert.equal(refreshed.state["readyForRenewal"], true);
  const fresh = await authority({ validityPeriodHours: 3, earlyRenewalHours: 2 });
  assert.equal((await plugin.diff(selfSigned, fresh.inputs, fresh.state, fresh.inputs)).some, false);
  const leaf = await signed(fresh, { subject: { commonName: "x" } }, { validityPeriodHours: 1, earlyRenewalHours: 2 });
  const leafDue = await plugin.diff(locallySigned, leaf.inputs, leaf.state, leaf.inputs);
  assert.deepEqual(leafDue.replaces, ["readyForRenewal"]);
});

test("earlyRenewalHours alone: update in place, same certificate; other inputs replace", async () => {
  const { inputs, state } = await authority({ dnsNames: ["a.example"] });
  const later = { ...inputs, earlyRenewalHours: 4 };
  const change = await plugin.diff(selfSigned, inputs, state, later);
  assert.deepEqual([change.some, change.diffs, change.replaces], [true, ["earlyRenewalHours"], []]);
  const updated = await plugin.update(selfSigned, "1", state, later);
  assert.equal(updated["certPem"], state["certPem"]);
  assert.equal(updated["earlyRenewalHours"], 4);
  assert.ok(updated["privateKeyPem"] instanceof Secret);
  const names = await plugin.diff(selfSigned, inputs, state, { ...inputs, dnsNames: ["b.example"] });
  assert.deepEqual(names.replaces, ["dnsNames"]);
  const hidden = await plugin.diff(selfSigned, inputs, state, { ...inputs, privateKeyPem: unknown });
  assert.deepEqual(hidden.replaces, ["privateKeyPem"], "a key not known yet will be another one");
});

test("a key that is not PEM is reported in the official words", async () => {
  const inputs = { privateKeyPem: "nonsense", allowedUses: [], validityPeriodHours: 1 };
  await assert.rejects(plugin.create(selfSigned, inputs), {
    message: "Failed to parse private key PEM: failed to decode PEM block: decoded bytes 0, undecoded 8",
  });
});

test("a certificate authority needs a subject", async () => {
  await assert.rejects(authority({ subject: {} }), /Must contain at least one Distinguished Name/);
});

test("the write-only key makes the certificate and is not stored among the outputs", async () => {
  const key = new Secret(await keyPem());
  const inputs = {
    privateKeyPemWo: key,
    privateKeyPemWoVersion: 1,
    allowedUses: [],
    validityPeriodHours: 1,
    subject: { commonName: "w" },
  };
  assert.deepEqual((await plugin.check(selfSigned, inputs)).failures, []);
  const { state } = await plugin.create(selfSigned, inputs);
  assert.ok(!("privateKeyPemWo" in state));
  const both = { ...inputs, privateKeyPem: key };
  assert.match((await plugin.check(selfSigned, both)).failures[0]?.reason ?? "", /Exactly one of these/);
  const next = await plugin.diff(selfSigned, inputs, state, { ...inputs, privateKeyPemWoVersion: 2 });
  assert.deepEqual(next.replaces, ["privateKeyPemWoVersion"]);
});
