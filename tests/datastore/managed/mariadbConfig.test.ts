// Proves that real MariaDB knows every line of the drop-in file and takes the values that K3s depends on.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { execa } from "execa";
import fc from "fast-check";
import {
  type MariadbConfig,
  maxConnections,
  renderMariadbConfig,
} from "../../../components/datastore/managed/mariadbConfig.ts";
import { programPath } from "../../support/programs.ts";
import { inTemporaryDirectory } from "../../support/temporaryDirectory.ts";

const config: MariadbConfig = {
  address: "198.51.100.20",
  port: 3306,
  servers: 3,
  connectionsPerServer: 60,
  tlsDirectory: "/etc/mysql/k3s-ha",
};

/** Every setting that a server would start with; it fails on a line that it does not know. */
async function effectiveSettings(text: string): Promise<Map<string, string>> {
  return inTemporaryDirectory(async (directory) => {
    const path = join(directory, "90-k3s-ha.cnf");
    await writeFile(path, text);
    const { stdout } = await execa(programPath("mariadbd"), [`--defaults-file=${path}`, "--verbose", "--help"]);
    return new Map(stdout.split("\n").map((line) => [line.split(/ +/, 1)[0] ?? "", line.replace(/^\S+ +/, "").trim()]));
  });
}

describe("renderMariadbConfig", () => {
  let settings = new Map<string, string>();
  before(async () => {
    settings = await effectiveSettings(renderMariadbConfig(config));
  });

  const expected: [setting: string, value: string][] = [
    ["bind-address", "198.51.100.20"],
    ["port", "3306"],
    ["ssl-ca", "/etc/mysql/k3s-ha/ca.crt"],
    ["ssl-cert", "/etc/mysql/k3s-ha/server.crt"],
    ["ssl-key", "/etc/mysql/k3s-ha/server.key"],
    ["tls-version", "TLSv1.2,TLSv1.3"],
    ["require-secure-transport", "TRUE"],
    ["skip-name-resolve", "TRUE"],
    ["max-connections", "264"],
    ["log-bin", "(No default value)"],
    ["innodb-flush-log-at-trx-commit", "1"],
    ["innodb-snapshot-isolation", "FALSE"],
    ["auto-increment-increment", "1"],
    ["character-set-server", "utf8mb4"],
    ["collation-server", "utf8mb4_unicode_ci"],
  ];
  for (const [setting, value] of expected) {
    it(`starts MariaDB with ${setting} ${value}`, () => {
      assert.equal(settings.get(setting), value);
    });
  }

  it("holds no line that MariaDB would stop at", async () => {
    await assert.rejects(effectiveSettings(`${renderMariadbConfig(config)}max_conections = 1\n`), /unknown variable/);
  });
});

describe("maxConnections", () => {
  it("leaves every server its own connections, those of a server that restarts, and some for people", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 10, max: 1000 }), (servers, each) => {
        const most = (count: number) => maxConnections({ servers: count, connectionsPerServer: each });
        assert.ok(most(servers) >= (servers + 0.3 * servers) * each + 10);
        assert.ok(most(servers + 1) >= most(servers) + each);
      }),
    );
  });
});
