// Proves what is said of an etcd that is not as K3s needs it. The members here answer as etcd's gateway does; that K3s
// lives on a real one, the sandbox proves.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TLSSocket } from "node:tls";
import { after, before, beforeEach, describe, it } from "node:test";
import { renderHostScript } from "../../../components/host/hostScript.ts";
import { type BashResult, runBash } from "../../support/bash.ts";
import { makeAuthority, makeCertificate } from "../../support/certificates.ts";
import { definitionsOf } from "../../support/hostFiles.ts";
import { engineScripts } from "../../../components/datastore/engine/scripts.ts";

/** What a member says of itself. */
interface Member {
  health: string;
  version: string;
  /** Keys from /bootstrap/ on. */
  keys: readonly string[];
  /** Whether it lets clients read: with users switched on, only who shows a certificate of one. */
  mayRead: boolean;
  /** Whether it talks to clients that show a certificate only. */
  wantsCertificate: boolean;
}

const good: Member = { health: "true", version: "3.5.16", keys: [], mayRead: true, wantsCertificate: false };

let directory: string;
let authority: string;
let stranger: string;
let client: { certificate: string; key: string };
let member: Member;
let server: Server;
let address: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "etcd-preflight-"));
  const text = (path: string) => readFile(path, "utf8");
  const ca = await makeAuthority(directory, "ca");
  const own = await makeCertificate(directory, "member", ca, "IP:127.0.0.1");
  const certified = await makeCertificate(directory, "k3s", ca);
  authority = await text(ca.certificate);
  stranger = await text((await makeAuthority(directory, "stranger")).certificate);
  client = { certificate: await text(certified.certificate), key: await text(certified.key) };
  const tls = { key: await text(own.key), cert: await text(own.certificate), ca: authority };
  server = createServer({ ...tls, requestCert: true, rejectUnauthorized: false }, (request, response) => {
    if (member.wantsCertificate && !(request.socket instanceof TLSSocket && request.socket.authorized)) {
      request.socket.destroy();
      return;
    }
    const answers: Record<string, unknown> = {
      "/health": { health: member.health, reason: "" },
      "/version": { etcdserver: member.version, etcdcluster: "3.5.0" },
      "/v3/kv/range": { header: {}, kvs: member.keys.map((key) => ({ key: Buffer.from(key).toString("base64") })) },
    };
    const isForbidden = request.url === "/v3/kv/range" && !member.mayRead;
    response.writeHead(isForbidden ? 403 : 200, { "content-type": "application/json" });
    response.end(JSON.stringify(isForbidden ? { code: 7 } : answers[request.url ?? ""]));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});

beforeEach(() => {
  member = good;
});

after(async () => {
  server.close();
  server.closeAllConnections();
  await rm(directory, { recursive: true });
});

interface Look {
  ca?: string;
  client?: { certificate: string; key: string };
  addresses?: readonly string[];
}

function preflight(look: Look = {}): Promise<BashResult> {
  const script = renderHostScript({
    body: engineScripts.etcdPreflight,
    parts: [engineScripts.clientFiles],
    variables: {
      host_name: "server-1",
      addresses: look.addresses ?? [address],
      token_fingerprint: "0123456789ab",
      ca_certificate: look.ca ?? authority,
      client_certificate: look.client?.certificate ?? "",
      client_key: look.client?.key ?? "",
    },
  });
  return runBash(`${definitionsOf(script)}lock_host() { :; }\ninstall_packages() { :; }\napply\n`);
}

/** The sentences of a refusal, with the member's address as "MEMBER". */
async function sentences(look: Look = {}): Promise<string[]> {
  const { exitCode, stderr } = await preflight(look);
  assert.equal(exitCode, 1);
  return stderr.trimEnd().replaceAll(address, "MEMBER").split("\n");
}

const fine = { exitCode: 0, stdout: "", stderr: "" };
const unverified =
  /^server-1: etcd at \S+ does not answer over verified TLS \(curl: .+\)\. Check its address, that the configured CA signed its certificate, that the certificate names exactly this address, and whether it requires a client certificate\.$/;

describe("the preflight of etcd", () => {
  it("finds nothing wrong with an empty one, with one that holds this cluster, and with one that wants a certificate", async () => {
    assert.deepEqual(await preflight(), fine);
    member = { ...good, keys: ["/bootstrap/0123456789ab"] };
    assert.deepEqual(await preflight(), fine);
    member = { ...good, wantsCertificate: true };
    assert.deepEqual(await preflight({ client }), fine);
  });

  it("tells a certificate of another CA, a missing client certificate, and each member that is not there", async () => {
    const [foreign = "", ...none] = await sentences({ ca: stranger });
    assert.deepEqual(none, []);
    assert.match(foreign, unverified);
    assert.match(foreign, /certificate/);
    member = { ...good, wantsCertificate: true };
    assert.match((await sentences()).join("\n"), unverified);
    member = good;
    const found = await sentences({ addresses: ["127.0.0.1:1", address, "127.0.0.1:2"] });
    assert.equal(found.length, 2);
    for (const sentence of found) assert.match(sentence, unverified);
  });

  it("tells a member that is ill, and one that is too old", async () => {
    member = { ...good, health: "false", version: "3.4.23" };
    assert.deepEqual(await sentences(), [
      'server-1: etcd at MEMBER is not healthy ({"health":"false","reason":""}). Repair it first.',
      "server-1: etcd at MEMBER is 3.4.23; K3s is tested on 3.5 and newer. Upgrade it.",
    ]);
  });

  it("tells one that holds another cluster, and one whose keys it may not read", async () => {
    member = { ...good, keys: ["/bootstrap/ba9876543210"] };
    assert.deepEqual(await sentences(), [
      "server-1: etcd holds another cluster, or this one under another token. Use an etcd for this cluster only, or, if that cluster no longer exists, empty it: etcdctl del --prefix ''",
    ]);
    member = { ...good, mayRead: false };
    assert.deepEqual(await sentences(), [
      "server-1: etcd at MEMBER does not let this host read its keys. Give the client certificate of k3s-ha:datastore.endpoint a user with this right.",
    ]);
  });
});
