// Proves that real HAProxy accepts the configuration, and that by its rules only a server whose /readyz answers 200,
// over TLS that it can verify, takes traffic. What clients see of a reload or of a lost server, the sandbox proves.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { execa } from "execa";
import fc from "fast-check";
import { type HaproxyConfig, renderHaproxyConfig } from "../../components/balancer/haproxyConfig.ts";
import { makeAuthority, makeCertificate } from "../support/certificates.ts";
import { eventually } from "../support/eventually.ts";
import { programPath } from "../support/programs.ts";
import { TestBalancer } from "../support/testBalancer.ts";
import { inTemporaryDirectory } from "../support/temporaryDirectory.ts";

const config: HaproxyConfig = {
  port: 6443,
  ipv6: false,
  servers: { "server-1": "198.51.100.11:6443", "server-2": "198.51.100.12:6443" },
  maxConnections: 4000,
  idleSeconds: 86_400,
  healthCertificatePath: "/etc/haproxy/k3s-ha/health.pem",
  serverCaPath: "/etc/haproxy/k3s-ha/server-ca.crt",
  statsAddress: "127.0.0.1:8404",
};

/** Names and addresses of servers as the configuration allows them. */
const servers = fc
  .uniqueArray(fc.stringMatching(/^[a-z]([a-z0-9-]{0,20}[a-z0-9])?$/), { minLength: 1, maxLength: 100 })
  .chain((names) =>
    fc
      .array(
        fc.oneof(
          fc.ipV4(),
          fc.ipV6().map((address) => `[${address}]`),
        ),
        {
          minLength: names.length,
          maxLength: names.length,
        },
      )
      .map((addresses) => Object.fromEntries(names.map((name, index) => [name, `${addresses[index] ?? ""}:6443`]))),
  );

const serverLines = (text: string) => text.split("\n").filter((line) => /^ *server /.test(line));

describe("renderHaproxyConfig", () => {
  it("names each server once, whatever servers there are", () => {
    fc.assert(
      fc.property(servers, (given) => {
        const text = renderHaproxyConfig({ ...config, servers: given }, "0123456789abcdef");
        assert.deepEqual(
          serverLines(text.slice(text.indexOf("\nbackend servers"), text.indexOf("\nbackend alive"))),
          Object.entries(given).map(([name, address]) => `  server ${name} ${address}`),
        );
      }),
    );
  });

  it("gives the same bytes for the same input", () => {
    fc.assert(
      fc.property(servers, fc.nat(65535), (given, port) => {
        const render = () => renderHaproxyConfig({ ...config, servers: { ...given }, port }, "a");
        assert.equal(render(), render());
      }),
    );
  });

  it("never ends TLS itself: client certificates have to reach the API server", () => {
    const lines = renderHaproxyConfig(config, "a").split("\n");
    for (const line of lines.filter((each) => /^ *(bind|server) /.test(each)))
      assert.doesNotMatch(line, / ssl| send-proxy/);
  });
});

describe("haproxy", () => {
  it("accepts the configuration for any servers", async () => {
    await inTemporaryDirectory(async (directory) => {
      const files = await certificatesIn(directory);
      await fc.assert(
        fc.asyncProperty(servers, fc.integer({ min: 1, max: 10_000 }), async (given, maxConnections) => {
          const path = join(directory, "haproxy.cfg");
          await writeFile(path, renderHaproxyConfig({ ...config, ...files, servers: given, maxConnections }, "a"));
          const { exitCode, all } = await execa(programPath("haproxy"), ["-c", "-f", path], {
            reject: false,
            all: true,
          });
          assert.equal(exitCode, 0, all);
          // A warning would be a line in the journal of every host, and a sign of a misunderstanding.
          assert.doesNotMatch(all, /WARNING|ALERT/);
        }),
        { numRuns: 10 },
      );
    });
  });
});

describe("haproxy with the configuration", () => {
  let balancer: TestBalancer;
  before(async () => {
    balancer = await TestBalancer.start("0123456789abcdef");
  });
  after(() => balancer.stop());

  it("takes a server whose /readyz answers 200 to the health certificate", async () => {
    assert.match(await balancer.checked("ready"), /^UP /);
  });

  it("takes no server that answers otherwise", async () => {
    assert.match(await balancer.checked("unauthorized"), /^NOLB L7OKC 401/);
    assert.match(await balancer.checked("starting"), /^NOLB L7OKC 503/);
  });

  it("takes no server that cannot prove to be of this cluster", async () => {
    assert.match(await balancer.checked("other-name"), /^DOWN .*L6RSP/);
    assert.match(await balancer.checked("other-ca"), /^DOWN .*L6RSP/);
  });

  it("takes no server that asks for another client certificate than it has", async () => {
    assert.match(await balancer.checked("other-clients"), /^DOWN /);
  });

  it("tells which configuration it serves", async () => {
    assert.match(await balancer.ask("show info"), /^[Dd]escription: k3s-ha 0123456789abcdef$/m);
  });

  it("passes TLS through to the server", async () => {
    const { stdout } = await execa(programPath("openssl"), ["s_client", "-connect", `127.0.0.1:${balancer.port}`], {
      input: "",
      reject: false,
    });
    assert.match(stdout, /subject=CN ?= ?kubernetes$/m);
  });

  it("counts connections for Prometheus", async () => {
    const answer = await fetch(`http://127.0.0.1:${balancer.statsPort}/metrics`);
    assert.match(await answer.text(), /^haproxy_server_status\{proxy="servers",server="ready",state="UP"\} 1$/m);
  });
});

describe("haproxy in front of servers that all say that they are not ready", () => {
  let balancer: TestBalancer;
  before(async () => {
    balancer = await TestBalancer.start("0123456789abcdef", ["server-1", "server-2"]);
    for (const name of names) assert.match(await balancer.checked(name), /^UP /);
  });
  after(() => balancer.stop());
  const names = ["server-1", "server-2"] as const;

  /** Whether a client is let through to a server. */
  const isServed = async () => {
    const { stdout } = await execa(programPath("openssl"), ["s_client", "-connect", `127.0.0.1:${balancer.port}`], {
      input: "",
      reject: false,
    });
    return /subject=CN ?= ?kubernetes$/m.test(stdout);
  };
  const becomes = (name: string, state: RegExp) =>
    eventually(async () => {
      assert.match(await balancer.checked(name), state);
    }, 30);

  it("keeps their connections, lets new clients in, and closes nothing when they are ready again", async () => {
    const sessions = await Promise.all([balancer.openSession(), balancer.openSession()]);
    // As K3s does that waits for its datastore: twice two seconds.
    for (const name of names) Object.assign(balancer.backends[name] ?? {}, { status: 500, alive: 200, delay: 4000 });
    for (const name of names) await becomes(name, /^NOLB L7OKC 500/);
    assert.ok(await isServed());
    assert.deepEqual(
      sessions.map((session) => !session.closed),
      [true, true],
    );
    for (const name of names) Object.assign(balancer.backends[name] ?? {}, { status: 200, delay: 0 });
    for (const name of names) await becomes(name, /^UP L7OK 200/);
    assert.deepEqual(
      sessions.map((session) => !session.closed),
      [true, true],
    );
    for (const session of sessions) session.destroy();
  });

  it("sends no clients to one that is not live either", async () => {
    for (const name of names) Object.assign(balancer.backends[name] ?? {}, { status: 500, alive: 500 });
    for (const name of names) await becomes(name, /^NOLB/);
    await eventually(async () => {
      assert.ok(!(await isServed()));
    }, 30);
    for (const name of names) Object.assign(balancer.backends[name] ?? {}, { status: 200, alive: 200 });
    for (const name of names) await becomes(name, /^UP L7OK 200/);
  });

  it("closes the connections of one that gives no answer", async () => {
    const session = await balancer.openSession();
    for (const name of names) balancer.hang(name);
    await eventually(() => {
      assert.ok(session.closed);
      return Promise.resolve();
    }, 10);
  });
});

/** Certificates as the components place them. */
async function certificatesIn(
  directory: string,
): Promise<Pick<HaproxyConfig, "healthCertificatePath" | "serverCaPath">> {
  const authority = await makeAuthority(directory, "ca");
  const health = await makeCertificate(directory, "haproxy-health", authority);
  const healthCertificatePath = join(directory, "health.pem");
  await writeFile(
    healthCertificatePath,
    `${await readFile(health.certificate, "utf8")}${await readFile(health.key, "utf8")}`,
  );
  return { healthCertificatePath, serverCaPath: authority.certificate };
}
