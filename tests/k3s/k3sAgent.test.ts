// Proves, in real bash in a temporary directory, that an agent's small script does what its host's functions say, that it does
// nothing with others than its own, and that an agent whose run has ended does not join.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { renderHostScript } from "../../components/host/hostScript.ts";
import { shellQuote } from "../../components/host/shell.ts";
import { runBash } from "../support/bash.ts";
import { definitionsOf } from "../support/hostFiles.ts";
import { programPath } from "../support/programs.ts";
import { inTemporaryDirectory } from "../support/temporaryDirectory.ts";
import { hostScripts } from "../../components/host/scripts.ts";
import { k3sScripts } from "../../components/k3s/scripts.ts";

const functions = `apply_agent() { echo "applies $host_name"; }
remove_agent() { echo "removes $host_name"; }
`;

/** Runs one function of an agent's script that was made for these functions. */
function run(directory: string, action: "apply" | "remove", madeFor = functions) {
  const script = renderHostScript({
    body: k3sScripts.k3sAgent,
    isSmall: true,
    parts: [hostScripts.agentFunctions],
    variables: {
      host_name: "agent-1",
      functions_sha256: createHash("sha256").update(madeFor).digest("hex"),
    },
  });
  const at = (path: string) => shellQuote(join(directory, path));
  return runBash(`${definitionsOf(script)}
functions_path=${at("functions")}
agent_traces=(${at("claims")} ${at("unit")})
${action}
`);
}

describe("the script of an agent", () => {
  it("does what the functions on its host say", async () => {
    await inTemporaryDirectory(async (directory) => {
      await writeFile(join(directory, "functions"), functions);
      await writeFile(join(directory, "claims"), "");
      assert.deepEqual(await run(directory, "apply"), { exitCode: 0, stdout: "applies agent-1\n", stderr: "" });
      assert.deepEqual(await run(directory, "remove"), { exitCode: 0, stdout: "removes agent-1\n", stderr: "" });
    });
  });

  it("changes nothing with other functions than those of its run, or none", async () => {
    await inTemporaryDirectory(async (directory) => {
      const refusal = {
        exitCode: 1,
        stdout: "",
        stderr: `agent-1: ${join(directory, "functions")} is not the file that this run wrote; run up again\n`,
      };
      assert.deepEqual(await run(directory, "apply"), refusal);
      await writeFile(join(directory, "functions"), functions);
      assert.deepEqual(await run(directory, "apply", `${functions}#`), refusal);
    });
  });

  it("is removed by whatever functions its host has, those of a later run as well", async () => {
    await inTemporaryDirectory(async (directory) => {
      await writeFile(join(directory, "functions"), functions);
      await writeFile(join(directory, "unit"), "");
      assert.equal((await run(directory, "remove", "others")).stdout, "removes agent-1\n");
    });
  });

  it("has nothing to remove on a reinstalled host", async () => {
    await inTemporaryDirectory(async (directory) => {
      assert.deepEqual(await run(directory, "remove"), { exitCode: 0, stdout: "", stderr: "" });
    });
  });

  it("is not removed where the functions are gone but the agent is not, and says what to do", async () => {
    await inTemporaryDirectory(async (directory) => {
      await writeFile(join(directory, "claims"), "");
      const { exitCode, stderr } = await run(directory, "remove");
      assert.equal(exitCode, 1);
      assert.match(
        stderr,
        /^agent-1: an agent is installed here, but \S+, which uninstalls it, is missing\. Copy that file/,
      );
    });
  });
});

describe("an agent that was never proved", () => {
  /** What comes of the moment before its first start, in a script that begins to wait below a shell of its own. */
  const node = definitionsOf(
    renderHostScript({
      body: k3sScripts.k3sAgentNode,
      parts: [k3sScripts.k3sDrain],
      variables: { unit: "k3s-agent", host_name: "agent-1", drain_seconds: 0 },
    }),
  );
  const waiting = (directory: string) => `${node}
state_directory=${shellQuote(directory)}
ancestors_at_start=$(ancestors)
touch ${shellQuote(join(directory, "began"))}
until [[ -e ${shellQuote(join(directory, "go"))} ]]; do sleep 0.05; done
(before_restart && echo joins) >${shellQuote(join(directory, "end.new"))} 2>&1 || :
mv ${shellQuote(join(directory, "end.new"))} ${shellQuote(join(directory, "end"))}
`;
  const appears = async (path: string) => {
    for (let tries = 0; tries < 200; tries++) {
      const isThere = await stat(path).then(
        () => true,
        () => false,
      );
      if (isThere) return readFile(path, "utf8");
      await sleep(50);
    }
    throw new Error(`${path} does not appear`);
  };
  const outcome = async (directory: string, between: (session: { kill: () => void }) => Promise<void> | void) => {
    await writeFile(join(directory, "script"), waiting(directory));
    const bash = programPath("bash");
    // As sshd's process of a session has the command below it.
    const session = execa(bash, ["-c", `timeout 60 ${bash} ${shellQuote(join(directory, "script"))}; true`], {
      reject: false,
      stdio: "ignore",
    });
    await appears(join(directory, "began"));
    await between({ kill: () => session.kill("SIGKILL") });
    await writeFile(join(directory, "go"), "");
    return appears(join(directory, "end"));
  };

  it("starts while its run continues", async () => {
    await inTemporaryDirectory(async (directory) => {
      assert.equal(await outcome(directory, () => undefined), "joins\n");
    });
  });

  it("does not start once the session of its run has ended", async () => {
    await inTemporaryDirectory(async (directory) => {
      const end = await outcome(directory, async (session) => {
        session.kill();
        await sleep(200);
      });
      assert.equal(end, "agent-1: the run that creates this agent has ended, so it does not join; run up again\n");
    });
  });
});
