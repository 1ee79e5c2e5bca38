// Proves what becomes of the files that a node has besides K3s's own, in real bash in a temporary directory: they are put in
// place with their mode, replaced, and removed; a failed change leaves what was there before; what others left comes back.
import assert from "node:assert/strict";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { renderHostScript } from "../../components/host/hostScript.ts";
import { hostScripts } from "../../components/host/scripts.ts";
import { shellQuote } from "../../components/host/shell.ts";
import { k3sScripts } from "../../components/k3s/scripts.ts";
import { type BashResult, runBash } from "../support/bash.ts";
import { definitionsOf } from "../support/hostFiles.ts";
import { inTemporaryDirectory } from "../support/temporaryDirectory.ts";

type Files = Readonly<Record<string, string>>;

/** A node whose files, by name, are staged; `commands` then run. */
async function onNode(directory: string, files: Files, commands: string): Promise<BashResult> {
  const at = (name: string) => join(directory, name);
  for (const [name, content] of Object.entries(files)) {
    const staged = `${at("state/node-files")}${at(name)}`;
    await mkdir(dirname(staged), { recursive: true });
    await writeFile(staged, content);
  }
  const paths = Object.keys(files).map(at);
  const script = renderHostScript({
    body: k3sScripts.nodeFiles,
    parts: [hostScripts.originals, hostScripts.keptFiles],
    variables: { host_name: "server-1", unit: "k3s", node_file_paths: paths, node_file_modes: paths.map(() => "0640") },
  });
  const own = Object.entries({
    state_directory: "state",
    node_files_staging: "state/node-files",
    originals_directory: "state/adopted",
  }).map(([name, place]) => `${name}=${shellQuote(at(place))}\n`);
  return runBash(`${definitionsOf(script)}${own.join("")}cd ${shellQuote(directory)}
# What the service does when all is well, and when K3s does not start.
change() {
  place_node_files
  settle_node_files
  printf 'settings\\n' >state/config.yaml
  keep k3s "$PWD/state/config.yaml" "\${node_file_paths[@]}"
}
failed_change() {
  place_node_files
  put_back k3s
  withdraw_node_files "\${copied_paths[@]}"
}
${commands}`);
}

/** The files in the directory, records left out. */
async function filesIn(directory: string): Promise<Files> {
  const names = (await readdir(directory)).filter((name) => name !== "state").toSorted();
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(directory, name), "utf8")] as const)),
  );
}

const inDirectory = (use: (directory: string) => Promise<void>) => inTemporaryDirectory(use);

async function succeeds(directory: string, files: Files, commands: string): Promise<void> {
  const { exitCode, stderr } = await onNode(directory, files, commands);
  assert.equal(exitCode, 0, stderr);
}

describe("files of a node", () => {
  it("are put in place with their mode, and replaced when their content changes", () =>
    inDirectory(async (directory) => {
      await succeeds(directory, { a: "one\n", b: "two\n" }, "change");
      assert.deepEqual(await filesIn(directory), { a: "one\n", b: "two\n" });
      assert.equal((await stat(join(directory, "a"))).mode & 0o777, 0o640);
      await succeeds(directory, { a: "other\n", b: "two\n" }, "change");
      assert.deepEqual(await filesIn(directory), { a: "other\n", b: "two\n" });
    }));

  it("are removed when they are no longer configured, and nothing of them stays", () =>
    inDirectory(async (directory) => {
      await succeeds(directory, { a: "one\n", b: "two\n" }, "change");
      await succeeds(directory, { a: "one\n" }, "change");
      assert.deepEqual(await filesIn(directory), { a: "one\n" });
      await succeeds(directory, {}, "change");
      assert.deepEqual(await filesIn(directory), {});
      assert.deepEqual(await readdir(join(directory, "state")), ["config.yaml", "k3s.kept"]);
    }));

  it("take the place of what others left there, which comes back", () =>
    inDirectory(async (directory) => {
      await writeFile(join(directory, "a"), "theirs\n");
      await succeeds(directory, { a: "ours\n" }, "change");
      await succeeds(directory, { a: "ours, changed\n" }, "change");
      assert.deepEqual(await filesIn(directory), { a: "ours, changed\n" });
      await succeeds(directory, {}, "change");
      assert.deepEqual(await filesIn(directory), { a: "theirs\n" });
    }));

  it("are what they were after a change with which K3s does not start, until the next attempt", () =>
    inDirectory(async (directory) => {
      await writeFile(join(directory, "b"), "theirs\n");
      await succeeds(directory, { a: "one\n" }, "change");
      await succeeds(directory, { a: "other\n", b: "ours\n", c: "new\n" }, "failed_change");
      assert.deepEqual(await filesIn(directory), { a: "one\n", b: "theirs\n" });
      await succeeds(directory, { a: "other\n", b: "ours\n", c: "new\n" }, "take_again k3s; change");
      assert.deepEqual(await filesIn(directory), { a: "other\n", b: "ours\n", c: "new\n" });
      await succeeds(directory, { c: "new\n" }, "failed_change");
      assert.deepEqual(await filesIn(directory), { a: "other\n", b: "ours\n", c: "new\n" });
      await succeeds(directory, {}, "change");
      assert.deepEqual(await filesIn(directory), { b: "theirs\n" });
    }));

  it("are gone, and those of others back, when K3s is uninstalled", () =>
    inDirectory(async (directory) => {
      await writeFile(join(directory, "b"), "theirs\n");
      await succeeds(directory, { a: "one\n", b: "ours\n" }, "change; remove_node_files");
      assert.deepEqual(await filesIn(directory), { b: "theirs\n" });
      assert.deepEqual(await readdir(join(directory, "state")), ["config.yaml", "k3s.kept"]);
    }));

  it("change nothing on a node without any", () =>
    inDirectory(async (directory) => {
      await succeeds(directory, {}, "place_node_files; settle_node_files; remove_node_files");
      assert.deepEqual(await readdir(directory), []);
    }));
});

describe("kernel settings of a node", () => {
  const path = "/etc/sysctl.d/90-test.conf";
  const load = (fault: string) => `node_file_paths=(${path})
sysctl() { printf '%s\\n' "$*" >&3; ${fault}; }
exec 3>asked
load_kernel_settings`;

  it("are loaded each time, from the file that is to be put in place", () =>
    inDirectory(async (directory) => {
      await succeeds(directory, {}, load("true"));
      assert.equal(
        await readFile(join(directory, "asked"), "utf8"),
        `--quiet --load=${directory}/state/node-files${path}\n`,
      );
    }));

  it("end the run if the kernel refuses them, before K3s is restarted", () =>
    inDirectory(async (directory) => {
      const { exitCode, stderr } = await onNode(
        directory,
        {},
        load(`echo 'sysctl: permission denied on key "vm.overcommit_memory"' >&2; return 1`),
      );
      assert.equal(exitCode, 1);
      assert.equal(
        stderr,
        `server-1: the kernel settings of ${path} cannot be made: sysctl: permission denied on key "vm.overcommit_memory". K3s was not restarted. Correct the file, or the host's kernel, and run up again.\n`,
      );
    }));
});
