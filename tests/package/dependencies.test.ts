// Proves that package.json names every package that runs in production under `dependencies`, and no other one.
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import ts from "typescript";
import manifest from "../../package.json" with { type: "json" };
import { pulumiVersion } from "../../toolchain/versions.ts";
import { root } from "../runner/ended.ts";

/** What runs wherever a stack is brought up: the program, the components, the commands of `make`, the policy pack. */
const production = globSync(["index.ts", "{components,operations,policy}/**/*.{ts,js}"], { cwd: root });

/** The packages that a file imports, types included: a declaration may need them. Node's own modules are left out. */
function packagesIn(file: string): string[] {
  const { importedFiles } = ts.preProcessFile(readFileSync(join(root, file), "utf8"));
  return importedFiles
    .map(({ fileName }) => fileName)
    .filter((specifier) => !specifier.startsWith("."))
    .filter((specifier) => !specifier.startsWith("node:"))
    .map((specifier) => /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier);
}

it("has in dependencies exactly what the program, the components, the operations and the policies import", () => {
  assert.ok(production.length > 100, String(production.length));
  const imported = new Set(production.flatMap(packagesIn));
  assert.deepEqual([...imported].toSorted(), Object.keys(manifest.dependencies).toSorted());
});

it("pins every package except the SDK, whose one copy a program and the components have to share", () => {
  const ranges = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }).filter(
    ([, version]) => !/^\d+\.\d+\.\d+$/.test(version),
  );
  assert.deepEqual(ranges, [["@pulumi/pulumi", `^${pulumiVersion}`]]);
});
