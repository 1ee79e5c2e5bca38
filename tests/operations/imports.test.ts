/** What the product's code is allowed to be made of. */
import assert from "node:assert/strict";
import { globSync } from "node:fs";
import { it } from "node:test";
import { projectDirectory } from "../../operations/workspace.ts";
import { importsOf } from "../support/imports.ts";

/** All that is loaded with `entries`. */
function graphOf(entries: readonly string[]): string[] {
  const seen = new Set(entries);
  for (const file of seen)
    if (file.endsWith(".ts") || file.endsWith(".js")) importsOf(file).forEach((next) => seen.add(next));
  return [...seen];
}

it("finds what is imported, so that the next tests can fail", () => {
  assert.ok(graphOf(["sandbox/sandboxPlace.ts"]).includes("sandbox/hostDisk.ts"));
  assert.ok(graphOf(["toolchain/plugins/command/provider.ts"]).includes("toolchain/plugins/provider/value.ts"));
});

it("the program, the policies and the commands on any stack need neither the sandbox nor the stand-ins", () => {
  const entries = ["index.ts", "components/index.ts", "policy/index.js", "policy/pack.ts", "operations/main.ts"];
  const examples = globSync("examples/*/index.ts", { cwd: projectDirectory });
  const graph = graphOf([...entries, ...examples]);

  assert.ok(graph.length > 80, String(graph.length));
  const foreign = graph.filter((file) => /^(sandbox|tests|toolchain)\//.test(file));
  assert.deepEqual(foreign, ["toolchain/versions.ts"]);
});

it("the program knows nothing of the tools around it", () => {
  const foreign = graphOf(["index.ts", "components/index.ts"]).filter(
    (file) => !/^(index\.ts|components\/)/.test(file),
  );
  assert.deepEqual(foreign, []);
});

it("the stand-ins and the builds know nothing of the sandbox or of operations", () => {
  const files = ["toolchain/**/*.ts", "build/**/*.ts"].flatMap((pattern) =>
    globSync(pattern, { cwd: projectDirectory }),
  );
  const foreign = graphOf(files).filter((file) => /^(sandbox|operations|tests)\//.test(file));
  assert.deepEqual(foreign, []);
});
