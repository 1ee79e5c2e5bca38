// Proves that K3s reads from its configuration file what was meant, as far as a YAML reader can tell.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parse } from "yaml";
import { renderK3sConfig } from "../../components/k3s/k3sConfig.ts";

const value = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.integer(),
  fc.boolean(),
  fc.array(fc.string({ unit: "grapheme" })),
  // What YAML takes for something else when it is not quoted.
  fc.constantFrom(
    "yes",
    "no",
    "on",
    "null",
    "~",
    "0600",
    "1e3",
    "2026-01-01",
    "a: b",
    "- a",
    "# a",
    "{",
    "*a",
    "&a",
    "!a",
    "",
  ),
);
const settings = fc.dictionary(fc.stringMatching(/^[a-z][a-z0-9-]{0,30}\+?$/), value, { noNullPrototype: true });

describe("renderK3sConfig", () => {
  it("is read back as what was given", () => {
    fc.assert(
      fc.property(settings, (config) => {
        assert.deepEqual(parse(renderK3sConfig(config)) ?? {}, config);
      }),
    );
  });

  it("holds nothing that K3s's reader refuses as a control character", () => {
    const awkward = fc.constantFrom("\u007f", "\u0085", "\u009f", "\u2028", "\ufeff", "\uffff", "\0", "\t", "ü", "🦊");
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom("a", "b"), fc.string({ unit: fc.oneof(value, awkward).map(String) })),
        (config) => {
          const text = renderK3sConfig(config);
          // What go-yaml takes, except the line ends in it.
          assert.match(text, /^[\n -~\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]*$/u);
          assert.deepEqual(parse(text) ?? {}, { ...config });
        },
      ),
    );
  });

  it("has one line for each setting, sorted, whatever order they come in", () => {
    fc.assert(
      fc.property(settings, (config) => {
        const reversed = Object.fromEntries(Object.entries(config).toReversed());
        assert.equal(renderK3sConfig(reversed), renderK3sConfig(config));
        const keys = renderK3sConfig(config)
          .trimEnd()
          .split("\n")
          .slice(1)
          .map((line) => line.split(":")[0]);
        assert.deepEqual(
          keys.filter((key) => key !== ""),
          Object.keys(config).toSorted(),
        );
      }),
    );
  });

  it("leaves out what is not set", () => {
    assert.equal(
      renderK3sConfig({ "node-ip": undefined, disable: [] }),
      "# Written by k3s-ha; changes made here are overwritten.\ndisable: []\n",
    );
  });
});
