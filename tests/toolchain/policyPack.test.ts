/** Proves that a policy pack written in TypeScript is enforced, and that one that can't start says why. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { inTemporaryProject, type TemporaryProject } from "./temporaryProject.ts";

const program = `
  import * as pulumi from "@pulumi/pulumi";
  class Host extends pulumi.ComponentResource {
    constructor(name: string) {
      super("test:index:Host", name);
      this.registerOutputs({});
    }
  }
  new Host(new pulumi.Config().require("host"));
`;

/**
 * The pack's entry is JavaScript: the SDK compiles a TypeScript entry with the ts-node it brings, which refuses `.ts` in
 * import specifiers. What the entry imports is stripped by Node.
 */
async function writePack(project: TemporaryProject, pack: string): Promise<void> {
  await project.write({
    "policy/PulumiPolicy.yaml": "runtime: nodejs\n",
    "policy/package.json": JSON.stringify({ name: "rules", version: "1.0.0", type: "module", main: "index.js" }),
    "policy/index.js": `import "./pack.ts";`,
    "policy/names.ts": `export const forbidden: string = "pet";`,
    "policy/pack.ts": pack,
  });
}

const pack = `
  import { PolicyPack, type ResourceValidationPolicy } from "@pulumi/policy";
  import { Config, getProject, getStack } from "@pulumi/pulumi";
  import { forbidden } from "./names.ts";

  const noPets: ResourceValidationPolicy = {
    name: "no-pets",
    description: "Hosts are cattle.",
    enforcementLevel: "mandatory",
    validateResource({ type, name }, report) {
      if (type !== "test:index:Host" || name !== forbidden) return;
      report(\`\${getProject()}/\${getStack()} has the host \${new Config("project").get("host")}\`);
    },
  };
  new PolicyPack("rules", { policies: [noPets] });
`;

it("stops a preview that violates a mandatory policy, with its message", async () => {
  await inTemporaryProject({ program }, async (project) => {
    await writePack(project, pack);
    await project.succeed("config", "set", "host", "pet");

    const { exitCode, output } = await project.pulumi("preview", "--policy-pack", "policy");

    assert.notEqual(exitCode, 0);
    assert.match(output, /\[mandatory\]\s+no-pets\s+\(test:index:Host: pet\)/);
    // The pack knows the stack that it checks, and its configuration.
    assert.match(output, /project\/dev has the host pet/);

    await project.succeed("config", "set", "host", "cattle");
    assert.match(await project.succeed("preview", "--policy-pack", "policy"), /rules@v1\.0\.0/);
  });
});

it("shows what is wrong with a pack that can't start", async () => {
  await inTemporaryProject({ program }, async (project) => {
    await writePack(project, "const broken: string = = 1;\n");
    await project.succeed("config", "set", "host", "cattle");

    const { exitCode, output } = await project.pulumi("preview", "--policy-pack", "policy");

    assert.notEqual(exitCode, 0);
    assert.match(output, /pack\.ts:1/);
    assert.match(output, /SyntaxError: /);
    assert.match(output, /the policy pack failed to start/);
  });
});
