/**
 * Proves that resource hooks and error hooks run, which needs the program to talk to the engine itself, and that a
 * provider written in TypeScript runs from its own folder (PulumiPlugin.yaml).
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import { inTemporaryProject } from "./temporaryProject.ts";

/** A provider whose first two creations fail. */
const provider = {
  "flaky/PulumiPlugin.yaml": "runtime: {name: nodejs, options: {typescript: false}}\n",
  "flaky/package.json": JSON.stringify({ name: "flaky", version: "1.0.0", type: "module", main: "index.ts" }),
  "flaky/index.ts": `
    import { main, type Provider } from "@pulumi/pulumi/provider/index.js";
    let failures = 2;
    const flaky: Provider = {
      version: "1.0.0",
      async create(urn, inputs) {
        if (failures-- > 0) throw new Error("not yet");
        return { id: "thing-1", outs: inputs };
      },
    };
    void main(flaky, process.argv.slice(2));
  `,
};

const program = `
  import { CustomResource, ErrorHook, ResourceHook } from "@pulumi/pulumi";
  const before = new ResourceHook("before", ({ name }) => console.log("before create of", name));
  const after = new ResourceHook("after", ({ id }) => console.log("after create of", id));
  const beforeDelete = new ResourceHook("beforeDelete", ({ id }) => console.log("before delete of", id));
  const retry = new ErrorHook("retry", async ({ errors }) => {
    console.log("create failed:", errors[0]);
    return true;
  });
  new CustomResource("flaky:index:Thing", "thing", { size: 1 }, {
    hooks: { beforeCreate: [before], afterCreate: [after], beforeDelete: [beforeDelete], onError: [retry] },
  });
`;

it("runs hooks before and after a step, and retries a failed one when its hook says so", async () => {
  const settings = { plugins: { providers: [{ name: "flaky", path: "./flaky" }] } };
  await inTemporaryProject({ program, settings }, async (project) => {
    await project.write(provider);

    const created = await project.succeed("up", "--yes", "--skip-preview");

    assert.match(created, /before create of thing/);
    assert.equal(created.match(/^ {4}create failed: .*not yet/gm)?.length, 2);
    assert.match(created, /after create of thing-1/);
    assert.match(created, /\+ 2 created/);

    const destroyed = await project.succeed("destroy", "--yes", "--skip-preview", "--run-program");

    assert.match(destroyed, /before delete of thing-1/);
    assert.match(destroyed, /- 2 deleted/);
  });
});
