// Proves that the driver which K3s uses, by the rules it documents, reads from a DSN exactly what went into it.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { renderMysqlDsn } from "../../../components/datastore/engine/datastoreDsn.ts";
import { driverReads } from "../../support/mysqlDriver.ts";

const login = { address: "198.51.100.20", port: 3306, database: "k3s", user: "k3s", password: "secret" };

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
    assert.throws(() => renderMysqlDsn({ ...login, user: "a:b" }), /the datastore's user "a:b" contains a colon/);
  });
});
