// Proves that the driver which K3s uses, by the rules it documents, reads from a DSN exactly what went into it.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { renderMysqlDsn } from "../../components/render/datastoreDsn.ts";

const login = { address: "198.51.100.20", port: 3306, database: "k3s", user: "k3s", password: "secret" };

/**
 * How go-sql-driver/mysql reads a DSN, after kine has cut it once at "://": the last "/" ends the address, the last
 * "@" before it ends the login, the first ":" in that ends the user. Nothing is decoded but the schema.
 */
function driverReads(endpoint: string) {
  const dsn = endpoint.slice(endpoint.indexOf("://") + 3);
  const slash = dsn.lastIndexOf("/");
  const at = dsn.lastIndexOf("@", slash);
  const who = dsn.slice(0, at);
  const colon = who.indexOf(":");
  const [database = "", parameters] = dsn.slice(slash + 1).split("?");
  return {
    user: who.slice(0, colon),
    password: who.slice(colon + 1),
    address: /^tcp\((.*)\)$/.exec(dsn.slice(at + 1, slash))?.[1],
    database: decodeURIComponent(database),
    parameters,
  };
}

describe("renderMysqlDsn", () => {
  it("reads like this", () => {
    assert.equal(renderMysqlDsn(login), "mysql://k3s:secret@tcp(198.51.100.20:3306)/k3s");
  });

  it("keeps any password literally", () => {
    const awkward = fc.stringMatching(/^[@/:?#%&() '"\\a-c0-9[\]=+]*$/);
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), awkward, fc.constant("p@tcp(x)/y?tls=true")), (password) => {
        const endpoint = renderMysqlDsn({ ...login, password });
        assert.ok(endpoint.includes(`:${password}@tcp(`));
        assert.deepEqual(driverReads(endpoint), {
          user: "k3s",
          password,
          address: "198.51.100.20:3306",
          database: "k3s",
          parameters: undefined,
        });
      }),
    );
  });

  it("puts brackets around an IPv6 address", () => {
    assert.equal(driverReads(renderMysqlDsn({ ...login, address: "2001:db8::20" })).address, "[2001:db8::20]:3306");
  });

  it("escapes a slash in the schema's name, which would end the address", () => {
    assert.equal(driverReads(renderMysqlDsn({ ...login, database: "team/k3s" })).database, "team/k3s");
  });

  it("never says tls=, which would override the CA file", () => {
    assert.doesNotMatch(renderMysqlDsn(login), /tls=/);
  });

  it("refuses a user that the driver would cut in two", () => {
    assert.throws(() => renderMysqlDsn({ ...login, user: "a:b" }), /the database user "a:b" holds a colon/);
  });
});
