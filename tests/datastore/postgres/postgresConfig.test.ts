// Proves that real PostgreSQL knows every line of the drop-in file and takes the values that K3s depends on.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { execa } from "execa";
import {
  type PostgresConfig,
  postgresConnections,
  renderPostgresConfig,
} from "../../../components/datastore/postgres/postgresConfig.ts";
import { inTemporaryDirectory } from "../../support/temporaryDirectory.ts";

const config: PostgresConfig = {
  address: "198.51.100.20",
  port: 5433,
  servers: 3,
  connectionsPerServer: 60,
  directory: "/etc/k3s-ha/postgres",
};

const newest = readdirSync("/usr/lib/postgresql").toSorted((a, b) => Number(b) - Number(a))[0] ?? "";

/** A setting that a server would start with; it fails on a line that it does not know. */
function effective(text: string, setting: string): Promise<string> {
  return inTemporaryDirectory(async (directory) => {
    const path = join(directory, "postgresql.conf");
    await writeFile(path, text);
    const { stdout } = await execa(`/usr/lib/postgresql/${newest}/bin/postgres`, [
      ...["-C", setting, "-D", directory],
      ...["-c", `config_file=${path}`],
    ]);
    return stdout;
  });
}

describe("renderPostgresConfig", () => {
  const expected: [setting: string, value: string][] = [
    ["listen_addresses", "198.51.100.20"],
    ["port", "5433"],
    ["max_connections", "500"],
    ["hba_file", "/etc/k3s-ha/postgres/pg_hba.conf"],
    ["ssl", "on"],
    ["ssl_min_protocol_version", "TLSv1.2"],
    ["password_encryption", "scram-sha-256"],
    ["fsync", "on"],
    ["synchronous_commit", "on"],
    ["autovacuum_naptime", "15"],
  ];
  for (const [setting, value] of expected) {
    it(`starts PostgreSQL with ${setting} ${value}`, async () => {
      assert.equal(await effective(renderPostgresConfig(config), setting), value);
    });
  }

  it("listens on an IPv6 address as it is", async () => {
    assert.equal(
      await effective(renderPostgresConfig({ ...config, address: "2001:db8::20" }), "listen_addresses"),
      "2001:db8::20",
    );
  });
});

describe("postgresConnections", () => {
  it("stays the same while up to six servers are added, so that none of them restarts PostgreSQL", () => {
    const of = (servers: number) => postgresConnections({ servers, connectionsPerServer: 60 });
    assert.deepEqual([1, 3, 6, 7, 12, 13].map(of), [500, 500, 500, 1000, 1000, 1500]);
  });

  it("leaves every server a third more than it may hold", () => {
    for (let servers = 1; servers <= 50; servers++)
      assert.ok(postgresConnections({ servers, connectionsPerServer: 100 }) >= servers * 130);
  });
});
