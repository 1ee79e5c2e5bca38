// Proves, with sockets of the test's own, which SSH agents are refused before any host is reached.
import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import { agentFault } from "../../components/host/sshAgent.ts";
import { inTemporaryDirectory } from "../support/temporaryDirectory.ts";

describe("an SSH agent", () => {
  const refusal = (socket: string, code: string) =>
    `SSH_AUTH_SOCK names ${socket}, where no SSH agent listens (${code}). Pulumi's command plugin then connects to no host, not even with a private key from the configuration. Start an SSH agent, or unset the variable with "unset SSH_AUTH_SOCK", and run up again.`;

  it("is refused if it no longer runs, even with a private key for every host, with what to do", async () => {
    await inTemporaryDirectory(async (directory) => {
      const socket = join(directory, "agent");
      assert.equal(await agentFault(socket), refusal(socket, "ENOENT"));
      // No process listens there any more.
      await writeFile(socket, "");
      assert.equal(await agentFault(socket), refusal(socket, "ECONNREFUSED"));
    });
  });

  it("is optional, and is used if it listens", async () => {
    await inTemporaryDirectory(async (directory) => {
      const socket = join(directory, "agent");
      const agent = createServer().listen(socket);
      await once(agent, "listening");
      assert.equal(await agentFault(socket), undefined);
      agent.close();
    });
    assert.equal(await agentFault(undefined), undefined);
    assert.equal(await agentFault(""), undefined);
  });
});
