// Proves that names which scripts and TypeScript both hold are the same on both sides: a script is text of its own.
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { writtenBy } from "../../components/host/writtenBy.ts";
import { projectDirectory } from "../../operations/workspace.ts";

const scripts = new Map(
  globSync("components/**/*.sh", { cwd: projectDirectory }).map((path) => [
    path,
    readFileSync(join(projectDirectory, path), "utf8"),
  ]),
);

describe("scripts", () => {
  it("mark the files that they compose as every other file is marked", () => {
    const marking = [...scripts].filter(
      ([path, text]) => text.includes("# Written by") && !path.endsWith("originals.sh"),
    );
    assert.ok(marking.length >= 2, String(marking.length));
    for (const [path, text] of marking) assert.ok(text.includes(`# ${writtenBy}`), path);
  });
});
