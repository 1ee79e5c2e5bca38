// Proves with the real CLI, and no host there, that a preview of a large production stack stays small. Processor time is
// what is held to the limit: other work on the machine does not add to it. `make bench ARGS=preview` measures more sizes.
import assert from "node:assert/strict";
import { it } from "node:test";
import { measurePreview, withWorkers } from "../bench/previewMeasurement.ts";
import { PreviewStack } from "../support/previewStack.ts";
import { inTemporaryDirectory } from "../support/temporaryDirectory.ts";

it("previews production with 100 agents in less than 20 s of processor time, and 500 MB of memory of the program", async () => {
  await inTemporaryDirectory(async (directory) =>
    PreviewStack.use(await withWorkers(100, directory), async (stack) => {
      const { user, programMebibytes, resources, wall } = await measurePreview(stack);
      console.log(
        `${resources} resources: ${wall.toFixed(1)} s, ${user.toFixed(1)} s of processor time, ${programMebibytes.toFixed(0)} MiB`,
      );
      // Each of the agents is there, with the mark of its host, and the program's process was seen.
      assert.ok(resources > 2 * 100, `${resources} resources`);
      assert.ok(user > 0 && user < 20, `${user} s`);
      assert.ok(programMebibytes > 50 && programMebibytes * 1.048576 < 500, `${programMebibytes} MiB`);
    }),
  );
});
