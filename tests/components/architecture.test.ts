// Proves that docs/architecture.md is true of the tree: which folders there are, and which imports what.
import assert from "node:assert/strict";
import { globSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { projectDirectory } from "../../operations/workspace.ts";
import { allImportsOf } from "../support/imports.ts";

const page = readFileSync(join(projectDirectory, "docs/architecture.md"), "utf8");
const files = globSync("components/**/*.ts", { cwd: projectDirectory });
const nouns = foldersIn("components");

/** What stands below a heading of the page. */
function section(heading: string): string {
  const [, text = ""] = page.split(`\n## ${heading}\n`);
  return text.split("\n## ")[0] ?? "";
}

function foldersIn(path: string): string[] {
  const ignored = readFileSync(join(projectDirectory, ".gitignore"), "utf8").split("\n");
  return readdirSync(join(projectDirectory, path), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
    .map(({ name }) => name)
    .filter((name) => !ignored.includes(`${name}/`) && !ignored.includes(`/${name}/`));
}

/** The noun of a file in components; undefined for index.ts. */
function nounOf(file: string): string | undefined {
  const [root = "", noun = ""] = file.split("/");
  return root === "components" && nouns.includes(noun) ? noun : undefined;
}

describe("the tree of docs/architecture.md", () => {
  it("lists every folder, and no other", () => {
    const listed: string[] = [];
    const parents: string[] = [];
    for (const [, indent = "", name = ""] of section("Tree").matchAll(/^( *)(\w+)\/(?: |$)/gm)) {
      parents.splice(indent.length / 2, Infinity, name);
      listed.push(parents.join("/"));
    }
    const found = foldersIn("").flatMap((top) => [
      top,
      ...(top === "tests" || top === "docs" ? [] : foldersIn(top)).flatMap((name) => [
        `${top}/${name}`,
        ...(top === "components" ? foldersIn(`${top}/${name}`).map((inner) => `${top}/${name}/${inner}`) : []),
      ]),
    ]);
    assert.deepEqual(listed.toSorted(), found.toSorted());
  });

  it("has tests in a folder of the same name", () => {
    assert.deepEqual(nouns.filter((noun) => !foldersIn("tests").includes(noun)).toSorted(), []);
  });
});

describe("the imports of docs/architecture.md", () => {
  it("are those that are found between nouns", () => {
    const listed = [...section("Imports").matchAll(/^\| `(\w+)` *\| ?(.*?) *\|$/gm)].map(
      ([, noun = "", imports = ""]) => [noun, [...imports.matchAll(/`(\w+)`/g)].map(([, name]) => name)],
    );
    const found = nouns.map((noun) => {
      const imported = files.filter((file) => nounOf(file) === noun).flatMap(allImportsOf);
      return [noun, [...new Set(imported.map(nounOf))].filter((other) => other !== noun).toSorted()];
    });
    assert.deepEqual(Object.fromEntries(listed), Object.fromEntries(found));
    assert.equal(listed.length, nouns.length);
  });

  it("go downwards: each noun imports only those above it in the table, and none imports config", () => {
    const order = [...section("Imports").matchAll(/^\| `(\w+)` /gm)].map(([, noun = ""]) => noun);
    assert.equal(order.at(-1), "config");
    for (const file of files)
      for (const imported of allImportsOf(file)) {
        const [from, to] = [nounOf(file), nounOf(imported)];
        if (from === undefined) continue;
        assert.ok(to !== undefined, `${file} imports ${imported}`);
        assert.ok(order.indexOf(to) <= order.indexOf(from), `${file} imports ${imported}`);
      }
  });

  it("make no circle of files", () => {
    const done = new Set<string>();
    const visit = (file: string, path: readonly string[]) => {
      assert.ok(!path.includes(file), [...path, file].join(" → "));
      if (done.has(file)) return;
      for (const imported of allImportsOf(file)) visit(imported, [...path, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
    assert.equal(done.size, files.length);
  });

  it("keep engines from kinds of datastores, and kinds from each other", () => {
    const kinds = foldersIn("components/datastore").filter((name) => name !== "engine");
    assert.ok(kinds.length >= 3, kinds.join());
    const inside = files.filter((file) => dirname(dirname(file)) === "components/datastore");
    for (const file of inside)
      for (const imported of allImportsOf(file)) {
        const isOther = dirname(file) !== dirname(imported);
        const isKind = kinds.some((kind) => dirname(imported) === `components/datastore/${kind}`);
        assert.ok(!isOther || !isKind, `${file} imports ${imported}`);
      }
  });
});

it("every script stands beside the one module that names its file", () => {
  const scripts = globSync("{components,operations}/**/*.sh", { cwd: projectDirectory });
  assert.ok(scripts.length > 50, String(scripts.length));
  const named = globSync("{components,operations}/**/*.ts", { cwd: projectDirectory }).flatMap((file) => {
    const text = readFileSync(join(projectDirectory, file), "utf8");
    return [...text.matchAll(/new URL\("([^"]+\.sh)", import\.meta\.url\)/g)].map(([, name = ""]) => ({
      file,
      script: join(dirname(file), name),
    }));
  });
  assert.deepEqual(named.map(({ script }) => script).toSorted(), scripts.toSorted());
  // The backup program is one folder of parts.
  for (const { file, script } of named)
    assert.equal(dirname(script).replace(/\/program$/, ""), dirname(file), `${file} names ${script}`);
});

it("no two modules export one name for different things", () => {
  const exporters = new Map<string, string[]>();
  for (const file of [...files, ...globSync("operations/**/*.ts", { cwd: projectDirectory })]) {
    const text = readFileSync(join(projectDirectory, file), "utf8");
    const declared = /^export (?:abstract )?(?:async )?(?:function|const|class|interface|type) (\w+)/gm;
    for (const [, name = ""] of text.matchAll(declared)) exporters.set(name, [...(exporters.get(name) ?? []), file]);
  }
  assert.ok(exporters.size > 200, String(exporters.size));
  assert.deepEqual(
    [...exporters].filter(([, those]) => those.length > 1),
    [],
  );
});
