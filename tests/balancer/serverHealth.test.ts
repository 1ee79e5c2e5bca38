// Proves what a server answers the health checks of a load balancer that the program does not run.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { execa } from "execa";
import { programPath } from "../support/programs.ts";
import { inTemporaryDirectory } from "../support/temporaryDirectory.ts";

/** The answer of a server whose API is ready, or is not, while its lock is held, or is not. */
async function answerOf({ isReady, isLeaving }: { isReady: boolean; isLeaving: boolean }): Promise<string> {
  let answer = "";
  await inTemporaryDirectory(async (directory) => {
    const script = await readFile(new URL("../../components/balancer/serverHealth.sh", import.meta.url), "utf8");
    const lock = join(directory, "leaving.lock");
    const program = join(directory, "server-health");
    await writeFile(lock, "");
    await writeFile(
      program,
      script
        .replace("lock=/run/k3s-ha/leaving.lock", `lock='${lock}'`)
        .replace(
          /^export PATH=\S+/m,
          `curl() { [[ \${*: -1} == https://127.0.0.1:6443/readyz ]] && ${isReady}; }\nexport`,
        ),
    );
    const held = isLeaving ? `exec 7<'${lock}'; flock 7; ` : "";
    const { stdout } = await execa(programPath("bash"), ["-c", `${held}bash '${program}' 7<&-`], {
      input: "GET / HTTP/1.1\r\nHost: server-1\r\nUser-Agent: health\r\n\r\nmore",
    });
    answer = stdout;
  });
  return answer;
}

describe("the health port of a server", () => {
  it("answers 200 while the server takes new clients", async () => {
    assert.equal(
      await answerOf({ isReady: true, isLeaving: false }),
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\nConnection: close\r\n\r\nready",
    );
  });

  it("answers 503 while the server leaves the load balancers, although its API is ready", async () => {
    assert.match(
      await answerOf({ isReady: true, isLeaving: true }),
      /^HTTP\/1\.1 503 Service Unavailable\r\n[^]*\r\n\r\nleaving$/,
    );
  });

  it("answers 503 while the server's API is not ready", async () => {
    assert.match(
      await answerOf({ isReady: false, isLeaving: false }),
      /^HTTP\/1\.1 503 Service Unavailable\r\n[^]*\r\n\r\nnot ready$/,
    );
  });
});
