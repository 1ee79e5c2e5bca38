// Proves what a script carries to its host: files and variables as they were, as real bash reads them.
// components/scripts.test.ts checks the scripts themselves, and that half of one does nothing.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { renderHostScript } from "../../components/host/hostScript.ts";
import { bashOutput } from "../support/bash.ts";
import { assertGolden } from "../support/golden.ts";
import { definitionsOf, filesOf } from "../support/hostFiles.ts";
import { recordIn } from "../../components/host/scriptRecord.ts";
import { hostScripts } from "../../components/host/scripts.ts";

const text = fc.string({ unit: "binary" }).filter((value) => !value.includes("\0"));
/** Lines that a shell would act on, if it got to see them. */
const shellText = fc
  .array(
    fc.constantFrom(
      "$(touch /nowhere)",
      "`id`",
      "${HOME}",
      "$1",
      "\\",
      "\\n",
      "'",
      '"',
      "EOF",
      "__END_OF_FILE__x",
      " __END_OF_FILE__",
      "}",
      "put_file() {",
      "#",
      "!!",
      "ä€😀",
      "\t",
      "",
      'a: "b\\"c"',
    ),
  )
  .map((lines) => lines.join("\n"));

const packages = { body: hostScripts.packages, variables: { packages: ["curl"] } };

describe("renderHostScript", () => {
  it("reads like this", () => {
    assertGolden(
      "script.sh",
      renderHostScript({
        body: hostScripts.secretFiles,
        parts: [hostScripts.originals, hostScripts.optionalFiles],
        variables: { revision_name: "k3s-secrets", paths: ["/etc/rancher/k3s/config.yaml.d/90-k3s-ha-secrets.yaml"] },
        files: [
          { path: "/etc/rancher/k3s/config.yaml.d/90-k3s-ha-secrets.yaml", content: 'token: "…"', mode: "0600" },
          { path: "/etc/mysql/k3s-ha/server.key", content: "…\n", mode: "0600", owner: "mysql:mysql" },
        ],
      }),
    );
  });

  it("opens with its record, which is no line that bash runs, and which is found again", () => {
    const record = { version: "v1.35.0+k3s1", networks: { "cluster-dns": ["10.43.0.10"], name: "a\n'}\"" } };
    const script = renderHostScript({ ...packages, record });
    assert.match(script, /^# k3s-ha: \{.*\}\n\{\n/);
    assert.deepEqual(recordIn(script), record);
    assert.equal(recordIn(renderHostScript(packages)), undefined);
  });

  it("carries the content of any file to bash, byte for byte", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(text, shellText), { minLength: 1, maxLength: 8 }), async (contents) => {
        const files = contents.map((content, index) => ({ path: `/etc/file-${index}`, content }));
        const written = await filesOf(renderHostScript({ ...packages, files }));
        assert.deepEqual(
          written.map(({ content }) => content),
          contents.map((content) => Buffer.from(content.endsWith("\n") ? content : `${content}\n`)),
        );
      }),
      { numRuns: 60 },
    );
  });

  it("carries paths, modes and owners", async () => {
    const files = [
      { path: "/etc/it's a $HOME/`file`", content: "" },
      { path: "/etc/b", content: "b", mode: "0600", owner: "mysql:mysql" },
    ];
    const written = await filesOf(renderHostScript({ ...packages, files }));
    assert.deepEqual(
      written.map(({ path, mode, owner }) => [path, mode, owner]),
      [
        ["/etc/it's a $HOME/`file`", "0644", "root:root"],
        ["/etc/b", "0600", "mysql:mysql"],
      ],
    );
  });

  it("carries variables, words and lists alike", async () => {
    await fc.assert(
      fc.asyncProperty(text, fc.array(text, { maxLength: 20 }), async (word, list) => {
        const script = renderHostScript({ body: hostScripts.packages, variables: { word, list, number: 7 } });
        const output = await bashOutput(
          `${definitionsOf(script)}for value in "$word" "$number" "\${list[@]}"; do printf '%s\\0' "$value"; done\n`,
        );
        const values = output.split("\0").slice(0, -1);
        assert.deepEqual(
          values,
          [word, "7", ...list].map((value) => Buffer.from(value).toString()),
        );
      }),
      { numRuns: 30 },
    );
  });

  it("refuses a file that would end early on the host", () => {
    const files = [{ path: "/etc/odd", content: "a\n__END_OF_FILE__\nrm -rf /\n" }];
    assert.throws(() => renderHostScript({ ...packages, files }), /^Error: \/etc\/odd holds the line __END_OF_FILE__$/);
  });

  it("refuses a file with a character that bash would drop", () => {
    const files = [{ path: "/etc/odd", content: "a\0b" }];
    assert.throws(() => renderHostScript({ ...packages, files }), /^Error: \/etc\/odd holds a NUL character/);
  });

  it("gives the same bytes for the same input", () => {
    fc.assert(
      fc.property(shellText, (content) => {
        const render = () => renderHostScript({ ...packages, files: [{ path: "/etc/a", content }] });
        assert.equal(render(), render());
      }),
    );
  });
});
