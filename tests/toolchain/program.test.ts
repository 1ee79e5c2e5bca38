/** Proves that the toolchain runs a TypeScript program as the official one does: values in, values out, errors told. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inTemporaryProject } from "./temporaryProject.ts";

const up = ["up", "--yes", "--skip-preview"];

describe("a program", () => {
  it("is refused by a CLI that is too old for it, by Pulumi.yaml or by the program, before anything is made", async () => {
    const program = `
      import * as pulumi from "@pulumi/pulumi";
      console.log("started");
      await pulumi.runtime.requirePulumiVersion(">=99.0.0 <100.0.0");
      console.log("went on");
    `;
    await inTemporaryProject({ program }, async (project) => {
      const { exitCode, output } = await project.pulumi(...up);
      assert.notEqual(exitCode, 0);
      assert.match(output, /started/);
      assert.match(output, /Pulumi CLI version \S+ does not satisfy the version range ">=99\.0\.0 <100\.0\.0"/);
      assert.doesNotMatch(output, /went on/);
    });
    const settings = { requiredPulumiVersion: ">=99.0.0 <100.0.0" };
    await inTemporaryProject({ program, settings }, async (project) => {
      for (const command of ["up", "preview", "destroy"]) {
        const { exitCode, output } = await project.pulumi(
          command,
          ...(command === "preview" ? [] : ["--yes", "--skip-preview"]),
        );
        assert.notEqual(exitCode, 0);
        assert.match(output, /does not satisfy the version range/);
        assert.doesNotMatch(output, /started/);
      }
    });
  });

  it("reads its configuration, registers components, and exports values and secrets", async () => {
    const program = `
      import * as pulumi from "@pulumi/pulumi";
      class Greeter extends pulumi.ComponentResource {
        constructor(name: string) {
          super("test:index:Greeter", name);
          this.registerOutputs({});
        }
      }
      new Greeter("greeter");
      const config = new pulumi.Config();
      console.log("printed by the program");
      export const greeting: string = \`Hello \${config.require("name")}\`;
      export const list = config.requireObject<string[]>("list");
      export const password = config.requireSecret("password");
      export const stack = [pulumi.getOrganization(), pulumi.getProject(), pulumi.getStack()].join("/");
    `;
    await inTemporaryProject({ program }, async (project) => {
      await project.succeed("config", "set", "name", "Ada: Lovelace");
      await project.succeed("config", "set", "--path", "list[0]", "one");
      await project.succeed("config", "set", "--secret", "password", "never-in-clear");

      const output = await project.succeed(...up);

      assert.match(output, /printed by the program/);
      assert.match(output, /test:index:Greeter greeter creating/);
      assert.doesNotMatch(output, /never-in-clear/);
      assert.deepEqual(await project.outputs(), {
        greeting: "Hello Ada: Lovelace",
        list: ["one"],
        password: "never-in-clear",
        stack: "organization/project/dev",
      });
      assert.doesNotMatch(await project.succeed("stack", "export"), /never-in-clear/);
      await project.succeed("preview", "--expect-no-changes");
    });
  });

  it("knows a preview from an update", async () => {
    const program = `
      import { runtime } from "@pulumi/pulumi";
      console.log(runtime.isDryRun() ? "this is a preview" : "this is an update");
    `;
    await inTemporaryProject({ program }, async (project) => {
      assert.match(await project.succeed("preview"), /this is a preview/);
      assert.match(await project.succeed(...up), /this is an update/);
    });
  });

  it("reads another stack's outputs, secrets included", async () => {
    const program = `
      import * as pulumi from "@pulumi/pulumi";
      const isConsumer = pulumi.getStack() === "consumer";
      const other = isConsumer ? new pulumi.StackReference("organization/project/dev") : undefined;
      export const endpoint = other?.requireOutput("endpoint") ?? "https://198.51.100.10:6443";
      export const token = other?.requireOutput("token") ?? pulumi.secret("a secret of dev");
    `;
    await inTemporaryProject({ program }, async (project) => {
      await project.succeed(...up);
      await project.succeed("stack", "init", "consumer");

      const output = await project.succeed(...up, "--stack", "consumer");

      assert.doesNotMatch(output, /a secret of dev/);
      assert.deepEqual(await project.outputs("consumer"), {
        endpoint: "https://198.51.100.10:6443",
        token: "a secret of dev",
      });
    });
  });
});

describe("a program that fails", () => {
  it("shows the message of a RunError and nothing else, and stops the CLI with an error", async () => {
    const program = `
      import { RunError } from "@pulumi/pulumi";
      throw new RunError("servers: name at least one host.");
    `;
    await inTemporaryProject({ program }, async (project) => {
      const { exitCode, output } = await project.pulumi(...up);

      assert.notEqual(exitCode, 0);
      assert.match(output, /error: servers: name at least one host\.\n/);
      assert.doesNotMatch(output, /index\.ts|node_modules|unhandled|non-zero/);
    });
  });

  it("shows a syntax error with its line, without a stack", async () => {
    await inTemporaryProject({ program: "const broken: string = = 1;\n" }, async (project) => {
      const { exitCode, output } = await project.pulumi("preview");

      assert.notEqual(exitCode, 0);
      assert.match(output, /index\.ts:1\n/);
      assert.match(output, /const broken: string = = 1;/);
      assert.match(output, /SyntaxError: /);
      assert.doesNotMatch(output, /\n\s+at /);
    });
  });

  it("shows where any other error was thrown", async () => {
    await inTemporaryProject({ program: `throw new TypeError("not a host");` }, async (project) => {
      const { exitCode, output } = await project.pulumi("preview");

      assert.notEqual(exitCode, 0);
      assert.match(output, /TypeError: not a host/);
      assert.match(output, /\n\s+at .*index\.ts:1/);
    });
  });

  it("is never considered a success when it only exits", async () => {
    await inTemporaryProject({ program: "process.exit(7);" }, async (project) => {
      const { exitCode, output } = await project.pulumi(...up);

      assert.notEqual(exitCode, 0);
      assert.match(output, /Program exited with non-zero exit code: 7/);
    });
  });
});

describe("what the CLI asks about a program", () => {
  it("names the plugins that its packages need", async () => {
    await inTemporaryProject({ program: "export {};" }, async (project) => {
      const about = JSON.parse(await project.succeed("about", "--json")) as {
        plugins: { name: string; version: string }[];
        runtime: { language: string; version: string };
      };

      const versions = Object.fromEntries(about.plugins.map(({ name, version }) => [name, version]));
      const manifest = await import("../../package.json", { with: { type: "json" } });
      const pinned = manifest.default.dependencies;
      assert.equal(versions["command"], pinned["@pulumi/command"]);
      assert.equal(versions["random"], pinned["@pulumi/random"]);
      assert.equal(about.runtime.version, process.version);
    });
  });
});
