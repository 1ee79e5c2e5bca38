// Proves which files of tests a run is given for its arguments, and that wrong ones end it with a sentence.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { reachesAny } from "./changes.ts";
import { renderLeft, renderTimes, root } from "./ended.ts";
import { selectTests } from "./selection.ts";
import { filesOf, longPartOf, rowsOf, stages } from "./stages.ts";

const allFiles = stages.flatMap(filesOf);

const files = async (...args: string[]) => (await selectTests(args)).stages.flatMap((selected) => selected.files);

/** All files of tests that depend on a change, except this one, which names them. */
const dependents = (change: string) =>
  allFiles.filter((file) => file !== "tests/runner/selection.test.ts" && reachesAny(file, new Set([change])));

describe("a run", () => {
  it("is everything that does not take long by default", async () => {
    const usual = allFiles.filter((file) => longPartOf(file) !== "all");
    const { stages: selected, long, left } = await selectTests([]);
    assert.deepEqual(
      selected.map(({ stage }) => stage.name),
      stages.map(({ name }) => name),
    );
    assert.deepEqual(
      selected.flatMap((each) => each.files),
      usual,
    );
    assert.equal(long, false);
    assert.deepEqual([...usual, ...left].toSorted(), allFiles.toSorted());
  });

  it("of what takes long has the files that have such tests, each of them whole", async () => {
    const { stages: selected, long, left } = await selectTests(["--long"]);
    const found = selected.flatMap((each) => each.files);
    assert.deepEqual(
      found,
      allFiles.filter((file) => longPartOf(file) !== "none"),
    );
    for (const file of ["leftovers", "restore"]) assert.ok(found.includes(`tests/sandbox/${file}.test.ts`), file);
    assert.ok(
      found.every((file) => file.startsWith("tests/sandbox/")),
      found.join(" "),
    );
    assert.equal(long, true);
    assert.deepEqual(left, []);
  });

  it("of one stage, or of some files, is of those", async () => {
    const [plugins] = (await selectTests(["--only", "plugins"])).stages;
    assert.ok(plugins !== undefined && plugins.files.length > 5);
    for (const file of plugins.files) assert.match(file, /^tests\/toolchain\/plugins\//);
    assert.deepEqual(await files("--file", "./tests/host/shell.test.ts", "--file", "tests/sandbox/hosts.test.ts"), [
      "tests/host/shell.test.ts",
      "tests/sandbox/hosts.test.ts",
    ]);
  });

  it("of what there is not, or of two things at once, is refused", async () => {
    await assert.rejects(
      selectTests(["--only", "units"]),
      /^Error: There is no stage "units"\.\nRun without arguments/,
    );
    await assert.rejects(
      selectTests(["--file", "tests/host/shell.ts"]),
      /^Error: tests\/host\/shell\.ts is no file of tests of any stage; name one /,
    );
    await assert.rejects(selectTests(["--file"]), /^Error: Option '--file <value>' argument missing\nRun without/);
    await assert.rejects(selectTests(["--fast"]), /^Error: Unknown option '--fast'/);
    await assert.rejects(selectTests(["tests/host/shell.test.ts"]), /^Error: Unexpected argument/);
    await assert.rejects(
      selectTests(["--changed", "--only", "unit"]),
      /^Error: --only, --file, --changed and --long exclude/,
    );
  });
});

describe("files that share a process", () => {
  it("neither set up anything for all of it nor change its environment", () => {
    const sharing = stages.filter(({ sharesProcesses }) => sharesProcesses === true).flatMap(filesOf);
    assert.ok(sharing.length > 50, `only ${sharing.length} files`);
    const lasting = /^(before|after)(Each)?\(|process\.env\[.*\] = |process\.chdir/m;
    assert.deepEqual(
      sharing.filter((file) => lasting.test(readFileSync(join(root, file), "utf8"))),
      [],
    );
  });
});

describe("the files of one sandbox", () => {
  const sandbox = stages.filter(({ name }) => name === "sandbox").flatMap(filesOf);

  it("are those that share a cluster, first, and else one at a time", () => {
    const [shared = [], ...others] = rowsOf(sandbox, false);
    assert.ok(shared.length > 2, shared.join(" "));
    for (const row of others) assert.equal(row.length, 1, row.join(" "));
    assert.deepEqual([...shared, ...others.flat()].toSorted(), sandbox.toSorted());
  });

  it("are one at a time with the tests that take long, and when none of them shares a cluster", () => {
    assert.deepEqual(
      rowsOf(sandbox, true),
      sandbox.map((file) => [file]),
    );
    assert.deepEqual(rowsOf(["tests/sandbox/cluster.test.ts"], false), [["tests/sandbox/cluster.test.ts"]]);
  });
});

describe("a run of what changed", () => {
  it("has the test itself, and no other", () => {
    assert.deepEqual(dependents("tests/host/shell.test.ts"), ["tests/host/shell.test.ts"]);
  });

  it("has the tests of a module, of those that import it, and of the clusters that it makes", () => {
    const found = dependents("components/backup/onCalendar.ts");
    for (const file of ["backup/onCalendar", "components/index", "toolchain/previewSize", "sandbox/cluster"])
      assert.ok(found.includes(`tests/${file}.test.ts`), `${file}\n${found.join("\n")}`);
    assert.ok(!found.includes("tests/host/shell.test.ts"));
  });

  it("has the tests that read a script, a golden, an image or a document", () => {
    const read = {
      "components/backup/program/main.sh": ["tests/backup/program/goodRun.test.ts", "tests/sandbox/backups.test.ts"],
      "tests/golden/script.sh": ["tests/host/hostScript.test.ts"],
      "sandbox/image/boot.sh": ["tests/sandbox/hosts.test.ts"],
      "toolchain/plugins/random/provider.ts": [
        "tests/toolchain/plugins/random.test.ts",
        "tests/sandbox/cluster.test.ts",
      ],
      "docs/contract.md": ["tests/contract/contract.test.ts"],
      "Pulumi.prod.yaml": ["tests/components/index.test.ts"],
    };
    for (const [change, tests] of Object.entries(read)) {
      const found = dependents(change);
      for (const file of tests) assert.ok(found.includes(file), `${change}: ${found.join(" ")}`);
      assert.ok(!found.includes("tests/host/shell.test.ts"), change);
    }
  });

  it("has every test when the packages change, or what runs the tests", () => {
    for (const change of ["package-lock.json", "tests/runner/stages.ts"])
      assert.equal(dependents(change).length, allFiles.length - 1, change);
  });
});

it("shows seconds per file and of the slowest tests, the slowest first", () => {
  const ended = [
    { file: "tests/a.test.ts", test: "is quick", milliseconds: 12 },
    { file: "tests/a.test.ts", milliseconds: 1250 },
    { file: "tests/b.test.ts", test: "is slow", milliseconds: 60_000 },
    { file: "tests/b.test.ts", milliseconds: 61_040 },
  ];
  assert.equal(
    renderTimes(ended),
    `
Files:
   61.0 s  tests/b.test.ts
    1.3 s  tests/a.test.ts

Slowest tests:
   60.0 s  is slow (tests/b.test.ts)`,
  );
});

it("names what was left to a longer command: files as a whole, and single tests", () => {
  assert.equal(renderLeft([], [{ file: "tests/a.test.ts", test: "is quick", milliseconds: 12 }]), "");
  assert.equal(
    renderLeft(
      ["tests/sandbox/leftovers.test.ts"],
      [{ file: "tests/sandbox/restore.test.ts", test: "a disaster", milliseconds: 0, isLeft: true }],
    ),
    "Left to make test-long: leftovers; restore (a disaster).",
  );
});
