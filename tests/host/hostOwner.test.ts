// Proves the owner's mark of a host, in real bash in a temporary directory: who may write it, and who removes it.
import assert from "node:assert/strict";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { renderHostScript } from "../../components/host/hostScript.ts";
import { shellQuote } from "../../components/host/shell.ts";
import { runBash } from "../support/bash.ts";
import { definitionsOf } from "../support/hostFiles.ts";
import { inTemporaryDirectory } from "../support/temporaryDirectory.ts";
import { hostScripts } from "../../components/host/scripts.ts";

const own = { host_name: "db-1", role: "datastore", project: "k3s-ha", stack: "prod", cluster: "one" };
const text = (mark: Partial<typeof own> = {}) => {
  const { project, stack, cluster, host_name: host, role } = { ...own, ...mark };
  return `project=${project}\nstack=${stack}\ncluster=${cluster}\nhost=${host}\nrole=${role}\n`;
};

/** Runs one function of the script, as this user: its files are the user's own. */
function run(directory: string, action: "apply" | "remove", variables: Partial<typeof own> = {}) {
  const script = renderHostScript({
    body: hostScripts.hostOwner,
    isSmall: true,
    parts: [hostScripts.agentFunctions],
    variables: {
      host_name: variables.host_name ?? own.host_name,
      uninstall_unknown: variables.role === "agent" ? "uninstall_unknown_agent" : "true",
      mark: text(variables).trimEnd().split("\n"),
    },
  });
  const at = (path: string) => shellQuote(join(directory, path));
  return runBash(`${definitionsOf(script)}
lock_host() { :; }
owner_path=${at("state/owner")}
functions_path=${at("functions")}
agent_traces=(${at("claims")} ${at("unit")})
${action}
`);
}

async function marked(directory: string, mark: string): Promise<string> {
  const path = join(directory, "state/owner");
  await mkdir(join(directory, "state"));
  await writeFile(path, mark);
  return path;
}

describe("the owner's mark", () => {
  it("is written for root alone, and says whose the host is and what for", async () => {
    await inTemporaryDirectory(async (directory) => {
      assert.deepEqual(await run(directory, "apply"), { exitCode: 0, stdout: "", stderr: "" });
      const path = join(directory, "state/owner");
      assert.equal(await readFile(path, "utf8"), text());
      assert.equal((await stat(path)).mode & 0o777, 0o600);
    });
  });

  it("stays where another stack, or another cluster of the stack, has written it meanwhile", async () => {
    for (const mark of [text({ stack: "staging" }), text({ cluster: "two" })]) {
      await inTemporaryDirectory(async (directory) => {
        const path = await marked(directory, mark);
        const { exitCode, stderr } = await run(directory, "apply");
        assert.equal(exitCode, 1);
        assert.match(
          stderr,
          /^db-1: the stack k3s-ha\/(prod|staging) has taken this host meanwhile\. Nothing was changed here; run up again to see what to do\.\n$/,
        );
        assert.equal((await run(directory, "remove")).exitCode, 0);
        assert.equal(await readFile(path, "utf8"), mark);
      });
    }
  });

  it("follows a host that gets another name in its stack, whose old entry then leaves it", async () => {
    await inTemporaryDirectory(async (directory) => {
      const path = await marked(directory, text());
      assert.equal((await run(directory, "apply", { host_name: "db-2" })).exitCode, 0);
      assert.equal(await readFile(path, "utf8"), text({ host_name: "db-2" }));
      assert.equal((await run(directory, "remove")).exitCode, 0);
      assert.equal(await readFile(path, "utf8"), text({ host_name: "db-2" }));
    });
  });

  it("is removed with the host's entry, also a second time", async () => {
    await inTemporaryDirectory(async (directory) => {
      const path = await marked(directory, text());
      for (let i = 0; i < 2; i++) assert.equal((await run(directory, "remove")).exitCode, 0);
      await assert.rejects(stat(path), { code: "ENOENT" });
    });
  });

  describe("of an agent", () => {
    const agent = { host_name: "agent-1", role: "agent" };
    const functions = (directory: string) => join(directory, "functions");
    const isGone = (path: string) => assert.rejects(stat(path), { code: "ENOENT" });

    it("is removed after the rest of an agent that no state knows, together with the functions", async () => {
      for (const trace of ["claims", "unit"]) {
        await inTemporaryDirectory(async (directory) => {
          const path = await marked(directory, text(agent));
          await writeFile(join(directory, trace), "");
          await writeFile(functions(directory), `uninstall_agent() { cat ${shellQuote(path)}; }\n`);
          assert.deepEqual(await run(directory, "remove", agent), { exitCode: 0, stdout: text(agent), stderr: "" });
          await isGone(path);
          await isGone(functions(directory));
        });
      }
    });

    it("stays when the agent cannot be uninstalled", async () => {
      await inTemporaryDirectory(async (directory) => {
        const path = await marked(directory, text(agent));
        await writeFile(join(directory, "claims"), "");
        await writeFile(functions(directory), "uninstall_agent() { false; }\n");
        assert.equal((await run(directory, "remove", agent)).exitCode, 1);
        await stat(path);
      });
    });

    it("stays when the functions are gone, and says what to do", async () => {
      await inTemporaryDirectory(async (directory) => {
        const path = await marked(directory, text(agent));
        await writeFile(join(directory, "claims"), "");
        const { exitCode, stderr } = await run(directory, "remove", agent);
        assert.equal(exitCode, 1);
        assert.equal(
          stderr,
          `agent-1: an agent is installed here, but ${functions(directory)}, which uninstalls it, is missing. Copy that file from the host of another agent and run again; or declare the host lost (docs/day-two.md), and reinstall it.\n`,
        );
        await stat(path);
      });
    });

    it("is removed from a host without an agent, with functions or without", async () => {
      for (const hasFunctions of [true, false]) {
        await inTemporaryDirectory(async (directory) => {
          const path = await marked(directory, text(agent));
          if (hasFunctions) await writeFile(functions(directory), "exit 1\n");
          assert.deepEqual(await run(directory, "remove", agent), { exitCode: 0, stdout: "", stderr: "" });
          await isGone(path);
          await isGone(functions(directory));
        });
      }
    });

    it("leaves an agent alone that another stack, or another entry, has on the host", async () => {
      for (const mark of [text({ ...agent, stack: "staging" }), text({ ...agent, host_name: "agent-2" })]) {
        await inTemporaryDirectory(async (directory) => {
          const path = await marked(directory, mark);
          await writeFile(join(directory, "claims"), "");
          await writeFile(functions(directory), "uninstall_agent() { exit 1; }\n");
          assert.deepEqual(await run(directory, "remove", agent), { exitCode: 0, stdout: "", stderr: "" });
          assert.equal(await readFile(path, "utf8"), mark);
          await stat(functions(directory));
        });
      }
    });
  });
});
