// Proves with what words another datastore is refused. That a preview refuses what it has to, the sandbox proves.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { datastoreMoveFault, readEarlierServer } from "../../components/k3s/serverGuard.ts";

describe("datastoreMoveFault", () => {
  const [old, other] = ["198.51.100.20:3306/k3s", "198.51.100.21:3306/k3s"];

  it("refuses another datastore, unless it is said from which", () => {
    const sentence =
      "server-1 uses the datastore 198.51.100.20:3306/k3s, but k3s-ha:datastore is now 198.51.100.21:3306/k3s, which has another cluster, or none. Revert the change; or move the data there, as docs/day-two.md describes, and set k3s-ha:datastore.movingFrom to 198.51.100.20:3306/k3s.";
    assert.equal(datastoreMoveFault("server-1", old, other, undefined), sentence);
    assert.equal(datastoreMoveFault("server-1", old, other, other), sentence);
    assert.equal(datastoreMoveFault("server-1", old, other, old), undefined);
  });

  it("has nothing against the same one, and against one where there was none", () => {
    assert.equal(datastoreMoveFault("server-1", old, old, undefined), undefined);
    assert.equal(datastoreMoveFault("server-1", undefined, old, undefined), undefined);
  });
});

describe("readEarlierServer", () => {
  it("finds release and datastore in a script of a release without records", () => {
    const script = "version=v1.35.0+k3s1\ndatastore_address='[2001:db8::20]:3306'\ndatastore_schema=k3s\n";
    assert.deepEqual(readEarlierServer(script), { version: "v1.35.0+k3s1", datastore: "[2001:db8::20]:3306/k3s" });
  });

  it("finds nothing in that of a lost host", () => {
    assert.deepEqual(readEarlierServer("# The host is declared lost.\n"), {});
  });
});
