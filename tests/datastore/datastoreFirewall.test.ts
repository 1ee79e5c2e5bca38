// Proves that real nftables takes the rules, also over themselves, and what they then are. They are loaded in a network
// of their own that ends with the test: the machine's rules are not touched. Who gets through, the sandbox proves.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { renderDatastoreFirewall } from "../../components/datastore/datastoreFirewall.ts";
import { loadedRules } from "../support/nftables.ts";

/** Addresses as people and systems write them: of IPv6 the shortest form. */
const ipV6 = fc.ipV6().map((address) => new URL(`http://[${address}]`).hostname.slice(1, -1));
const addresses = fc.uniqueArray(fc.oneof(fc.ipV4(), ipV6), { minLength: 1, maxLength: 30 });

const sets = (ruleset: string) =>
  [...ruleset.matchAll(/saddr (?:\{ )?([^{}]+?)(?: \})? accept/g)].map(([, set]) => set);

describe("renderDatastoreFirewall", () => {
  it("lets in only the configured addresses and the host itself", async () => {
    const ruleset = await loadedRules(renderDatastoreFirewall(3306, ["198.51.100.11", "2001:db8::11"]));
    assert.deepEqual(
      ruleset.split("\n").map((line) => line.trim()),
      [
        "table inet k3s_ha_datastore {",
        "chain input {",
        "type filter hook input priority filter - 10; policy accept;",
        'iif "lo" accept',
        "tcp dport 3306 ip saddr 198.51.100.11 accept",
        "tcp dport 3306 ip6 saddr 2001:db8::11 accept",
        "tcp dport 3306 drop",
        "}",
        "}",
      ],
    );
  });

  it("replaces its own earlier rules", async () => {
    const ruleset = await loadedRules(
      renderDatastoreFirewall(3306, ["198.51.100.11", "198.51.100.12"]),
      renderDatastoreFirewall(3307, ["198.51.100.13"]),
    );
    assert.deepEqual(sets(ruleset), ["198.51.100.13"]);
    assert.doesNotMatch(ruleset, /3306/);
  });

  it("leaves the rules of others alone", async () => {
    const other = "table inet other {\n  chain input {\n    tcp dport 22 accept\n  }\n}\n";
    assert.match(await loadedRules(other, renderDatastoreFirewall(3306, ["198.51.100.11"])), /^table inet other \{$/m);
  });

  it("is accepted for any addresses, of which none is lost", async () => {
    await fc.assert(
      fc.asyncProperty(addresses, fc.integer({ min: 1, max: 65535 }), async (given, port) => {
        const text = renderDatastoreFirewall(port, given);
        assert.equal(text, renderDatastoreFirewall(port, [...given]));
        const inText = sets(text).flatMap((set) => set?.split(", ") ?? []);
        assert.deepEqual(inText.toSorted(), given.toSorted());
        assert.match(await loadedRules(text, text), new RegExp(`tcp dport ${port} drop`));
      }),
      { numRuns: 15 },
    );
  });
});
