// Proves the environment that hosts get for a proxy: its login in a form that every program reads, and what is reached without it.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { directEntries, proxyEnvironment } from "../../components/host/proxy.ts";
import { runBash } from "../support/bash.ts";
import { valueOf } from "../support/outputs.ts";

const proxy = "http://proxy.example.com:3128";
const nowhere = { nodes: [], others: [] };

describe("the environment with a proxy", () => {
  it("names it for both kinds of requests, in both spellings", async () => {
    assert.equal(
      await valueOf(proxyEnvironment({ http: proxy, noProxy: ["example.com"] }, nowhere)),
      `# Written by k3s-ha; changes made here are overwritten.
http_proxy=${proxy}
HTTP_PROXY=${proxy}
https_proxy=${proxy}
HTTPS_PROXY=${proxy}
no_proxy=localhost,127.0.0.0/8,::1,example.com
NO_PROXY=localhost,127.0.0.0/8,::1,example.com
`,
    );
    const https = await valueOf(proxyEnvironment({ https: proxy }, nowhere));
    assert.doesNotMatch(https, /^http_proxy=/m);
    assert.match(https, /^https_proxy=http:\/\/proxy\.example\.com:3128$/m);
  });

  it("encodes a login so that the shell, systemd and URLs read it alike, and is secret with one", async () => {
    const hostile = `p@ss:w/o?r#d %41&$'()"*\\`;
    const environment = proxyEnvironment({ http: proxy, credentials: pulumi.secret(`me@corp:${hostile}`) }, nowhere);
    assert.ok(await pulumi.isSecret(environment));
    const text = await valueOf(environment);
    const value = /^http_proxy=(.*)$/m.exec(text)?.[1] ?? "";
    assert.match(value, /^[A-Za-z0-9%:/@._~-]+$/);
    const url = new URL(value);
    assert.deepEqual(
      [decodeURIComponent(url.username), decodeURIComponent(url.password), url.host],
      ["me@corp", hostile, "proxy.example.com:3128"],
    );
    const { stdout } = await runBash(`${text}printf '%s' "$HTTPS_PROXY"`);
    assert.equal(stdout, value);
    assert.ok(!(await pulumi.isSecret(proxyEnvironment({ http: proxy }, nowhere))));
  });
});

describe("what is reached without a proxy", () => {
  const local = ["localhost", "127.0.0.0/8", "::1"];

  it("are the networks of the nodes, so that one more node changes nothing on the others", () => {
    const nodes = ["10.0.1.11", "10.0.1.12", "2001:DB8:0:1::11", "fd00::1"];
    const entries = [...local, "10.0.1.0/24", "2001:db8:0:1::/64", "fd00:0:0:0::/64"];
    assert.deepEqual(directEntries([], nodes, []), entries);
    assert.deepEqual(directEntries([], [...nodes, "10.0.1.99", "2001:db8:0:1::99"], []), entries);
  });

  it("has what was configured first, and nothing that this covers", () => {
    assert.deepEqual(
      directEntries(["10.0.0.0/8", "db.example.com"], ["10.0.1.11", "192.0.2.11"], ["10.9.9.9", "db.example.com"]),
      [...local, "10.0.0.0/8", "db.example.com", "192.0.2.0/24"],
    );
  });

  it("has the cluster's networks, and each other address that no network covers", () => {
    assert.deepEqual(
      directEntries([], ["10.0.1.11"], ["10.42.0.0/16", ".svc", "10.0.1.100", "203.0.113.30", "k8s.example.com"]),
      [...local, "10.42.0.0/16", "10.0.1.0/24", ".svc", "203.0.113.30", "k8s.example.com"],
    );
  });
});
