/** Proves that nothing keeps running when an update is interrupted, or when the CLI is killed. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { inTemporaryProject } from "./temporaryProject.ts";

/** A program that never ends by itself, and has started a plugin. */
const program = `
  import { RandomId } from "@pulumi/random";
  new RandomId("id", { byteLength: 4 }).hex.apply(() => console.log("under way"));
  await new Promise(() => setInterval(() => {}, 1000));
`;

/** How long children may take to notice. The CLI itself gives its plugins five seconds. */
const graceMilliseconds = 10_000;

/** The command lines of the processes whose environment has `variable`. */
async function processesWith(variable: string): Promise<string[]> {
  const found = await Promise.all(
    (await readdir("/proc"))
      .filter((name) => /^\d+$/.test(name))
      .map(async (pid) => {
        try {
          const environment = await readFile(`/proc/${pid}/environ`, "utf8");
          if (!environment.split("\0").includes(variable)) return "";
          return (await readFile(`/proc/${pid}/cmdline`, "utf8")).replaceAll("\0", " ");
        } catch {
          // It ended meanwhile, or belongs to another user.
          return "";
        }
      }),
  );
  return found.filter((line) => line !== "");
}

for (const signal of ["SIGINT", "SIGKILL"] as const) {
  it(`leaves no process behind after ${signal}`, async () => {
    const mark = randomUUID();
    const variable = `K3S_HA_TEST_RUN=${mark}`;
    await inTemporaryProject({ program, environment: { K3S_HA_TEST_RUN: mark } }, async (project) => {
      const update = project.start("up", "--yes", "--skip-preview");
      await underWay(update.all);
      const running = await processesWith(variable);
      assert.ok(running.some((line) => line.includes("cmd/run")) && running.length >= 4, running.join("\n"));

      update.kill(signal);
      const result = await update;

      assert.notEqual(result.exitCode, 0);
      const deadline = performance.now() + graceMilliseconds;
      while ((await processesWith(variable)).length > 0 && performance.now() < deadline) await sleep(100);
      assert.deepEqual(await processesWith(variable), []);
    });
  });
}

/** Waits until the program says that it is under way, or has ended. */
async function underWay(output: NodeJS.ReadableStream): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  let text = "";
  output.on("data", (chunk: Buffer) => {
    text += chunk.toString();
    if (text.includes("under way")) resolve(undefined);
  });
  output.once("end", resolve);
  await promise;
}
