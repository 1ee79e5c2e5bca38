// Proves that a quoted word reaches a command of real bash as it was, whatever is in it.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { shellQuote } from "../../components/host/shell.ts";
import { bashOutput } from "../support/bash.ts";

/** Text of any characters that a shell word can hold. */
const text = fc.string({ unit: "binary" }).filter((value) => !value.includes("\0"));

describe("shellQuote", () => {
  it("leaves plain words readable", () => {
    for (const word of ["/etc/rancher/k3s/config.yaml", "root:root", "0600", "v1.35.0+k3s1", "a_b-c@d%e=f,g"]) {
      assert.equal(shellQuote(word), word);
    }
  });

  it("quotes what the shell would take for something else", () => {
    assert.equal(shellQuote(""), "''");
    assert.equal(shellQuote("a b"), "'a b'");
    assert.equal(shellQuote("it's"), "'it'\\''s'");
    assert.equal(shellQuote("~"), "'~'");
    assert.equal(shellQuote("line\nline"), "'line\nline'");
  });

  it("gives bash back every text", async () => {
    const words = fc.array(fc.oneof(text, fc.stringMatching(/^[ '"`$\\!*?(){};&|<>~#\n\r\t=a-]*$/)), { maxLength: 50 });
    await fc.assert(
      fc.asyncProperty(words, async (values) => {
        const output = await bashOutput(
          `set -euo pipefail\nfor word in ${values.map(shellQuote).join(" ")}; do printf '%s\\0' "$word"; done\n`,
        );
        assert.deepEqual(output.split("\0").slice(0, -1), values.map(asBash));
      }),
      { numRuns: 60 },
    );
  });

  it("refuses a character that no shell word can hold", () => {
    assert.throws(() => shellQuote("a\0b"), /cannot hold a NUL character/);
  });
});

/** Half a surrogate pair is no character, and has no bytes of its own. */
function asBash(value: string): string {
  return Buffer.from(value, "utf8").toString("utf8");
}
