/** Clusters in the sandbox, for tests that ask real hosts. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { execa, type Result } from "execa";
import { parse, stringify } from "yaml";
import { kubectl as runKubectl } from "../../operations/kubectl.ts";
import { testImage } from "../../sandbox/k3s/images.ts";
import { lookUpHost } from "../../sandbox/hostCatalog.ts";
import { sandboxKubectl } from "../../sandbox/kubectl.ts";
import { exec } from "../../sandbox/sandbox.ts";
import { machineSite } from "../../sandbox/state.ts";
import { prepareToolchain } from "../../toolchain/toolchain.ts";
import { projectDirectory, pulumi, stackOutputs, type Workspace } from "../../operations/workspace.ts";
import { openSandboxWorkspace } from "../../sandbox/sandboxWorkspace.ts";

/** Configuration of a stack: keys without the project's name. */
export type StackConfig = Record<string, unknown>;

/** A resource in a stack's state. */
export interface StateResource {
  urn: string;
  id?: string;
  inputs: Record<string, unknown>;
  outputs: Record<string, unknown>;
  dependencies?: string[];
  propertyDependencies?: Record<string, string[]>;
}

/** The dev stack's configuration, parsed. */
export async function devConfig(): Promise<StackConfig> {
  const text = await readFile(join(projectDirectory, "Pulumi.dev.yaml"), "utf8");
  const { config } = parse(text) as { config: StackConfig };
  return Object.fromEntries(Object.entries(config).map(([key, value]) => [key.replace(/^k3s-ha:/, ""), value]));
}

/** The address of a host of the sandbox that the tests run in. */
export function addressOf(host: string): string {
  return lookUpHost(machineSite, host).address;
}

/** A stack in the sandbox. Its hosts have to be up. Addresses in the configuration may be those of the default site. */
export class SandboxStack {
  readonly workspace: Workspace;

  private constructor(workspace: Workspace) {
    this.workspace = workspace;
  }

  static async open(name: string, config: StackConfig): Promise<SandboxStack> {
    const text = stringify({
      config: Object.fromEntries(Object.entries(config).map(([key, value]) => [`k3s-ha:${key}`, value])),
    });
    return new SandboxStack(await openSandboxWorkspace(name, text, await prepareToolchain()));
  }

  /** Runs `pulumi up`; a failure is a result. */
  async up(...options: string[]): Promise<Result<{ all: true; reject: false }>> {
    return pulumi(this.workspace, ["up", "--yes", "--skip-preview", "--non-interactive", ...options], {
      all: true,
      reject: false,
      stdin: "ignore",
    }) as Promise<Result<{ all: true; reject: false }>>;
  }

  /** Runs `pulumi up`, and fails with its output when it fails. */
  async mustUp(...options: string[]): Promise<string> {
    const { all, exitCode } = await this.up(...options);
    assert.equal(exitCode, 0, all);
    return all;
  }

  /** Runs `pulumi destroy`; a failure is a result. */
  async destroy(): Promise<Result<{ all: true; reject: false }>> {
    return pulumi(this.workspace, ["destroy", "--yes", "--skip-preview", "--non-interactive"], {
      all: true,
      reject: false,
      stdin: "ignore",
    }) as Promise<Result<{ all: true; reject: false }>>;
  }

  /** Sets a secret of the configuration; the next `open` forgets it. */
  async setSecret(key: string, value: string): Promise<void> {
    await pulumi(this.workspace, ["config", "set", "--secret", `k3s-ha:${key}`], { input: value });
  }

  async preview(...options: string[]): Promise<string> {
    const { all } = await pulumi(this.workspace, ["preview", "--diff", "--non-interactive", ...options], {
      all: true,
      stdin: "ignore",
    });
    return String(all);
  }

  /** Runs `use` while the stack has other outputs than its program gave it. */
  async withOutputs(change: Readonly<Record<string, unknown>>, use: () => Promise<void>): Promise<void> {
    const { cli, environment, arguments: given } = this.workspace;
    const run = (command: string, input?: string) =>
      execa(cli, ["stack", command, ...given.slice(0, 4)], { env: environment, maxBuffer: 1e9, input: input ?? "" });
    const { stdout: before } = await run("export");
    const state = JSON.parse(before) as { deployment: { resources: { type: string; outputs?: object }[] } };
    const ofStack = state.deployment.resources.find(({ type }) => type === "pulumi:pulumi:Stack");
    assert.ok(ofStack !== undefined);
    ofStack.outputs = { ...ofStack.outputs, ...change };
    await run("import", JSON.stringify(state));
    try {
      await use();
    } finally {
      await run("import", before);
    }
  }

  /** Changes the resources of the stack's state; secrets in it stay encrypted. */
  async changeState(change: (resources: StateResource[]) => StateResource[]): Promise<void> {
    const { cli, environment, arguments: given } = this.workspace;
    const run = (command: string, input = "") =>
      execa(cli, ["stack", command, ...given.slice(0, 4)], { env: environment, maxBuffer: 1e9, input });
    const state = JSON.parse((await run("export")).stdout) as { deployment: { resources: StateResource[] } };
    state.deployment.resources = change(state.deployment.resources);
    await run("import", JSON.stringify(state));
  }

  /** The resources as `pulumi stack --show-urns` draws them. */
  async tree(): Promise<string> {
    const { cli, environment, arguments: given } = this.workspace;
    const { stdout } = await execa(cli, ["stack", "--show-urns", "--color=never", ...given.slice(0, 4)], {
      env: environment,
    });
    return stdout;
  }

  /** The state with its secrets in the clear. */
  async exported(): Promise<unknown> {
    const { stdout } = await execa(
      this.workspace.cli,
      ["stack", "export", "--show-secrets", ...this.workspace.arguments.slice(0, 4)],
      { env: this.workspace.environment, maxBuffer: 1e9 },
    );
    return JSON.parse(stdout);
  }

  async kubeconfig(): Promise<string> {
    return String((await stackOutputs(this.workspace))["kubeconfig"]);
  }
}

/** Runs a script as root on a host and returns what it printed; fails with its errors. */
export async function onHost(host: string, script: string): Promise<string> {
  const { stdout, stderr, exitCode } = await exec(host, script);
  assert.equal(exitCode, 0, `${host}: ${script}\n${stdout}\n${stderr}`);
  return stdout.trim();
}

/** Runs kubectl through the load balancer and returns what it printed; fails with its errors. */
export async function kubectl(kubeconfig: string, args: readonly string[], input?: string): Promise<string> {
  const { stdout } = await runKubectl(
    await sandboxKubectl(),
    kubeconfig,
    args,
    input === undefined ? { stdin: "ignore" } : { input },
  );
  return String(stdout).trim();
}

/** Runs a pod on a node, and returns when it is Ready. */
export async function runPod(kubeconfig: string, name: string, node: string): Promise<void> {
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { app: name } },
    spec: {
      nodeName: node,
      terminationGracePeriodSeconds: 1,
      containers: [{ name, image: testImage, imagePullPolicy: "Never", command: ["sleep", "100000"] }],
    },
  };
  await kubectl(kubeconfig, ["apply", "--filename", "-"], JSON.stringify(pod));
  await kubectl(kubeconfig, ["wait", `pod/${name}`, "--for=condition=Ready", "--timeout=180s"]);
}

/** Node, role and version of every Ready node, sorted. */
export async function readyNodes(kubeconfig: string): Promise<string[]> {
  const { items } = JSON.parse(await kubectl(kubeconfig, ["get", "nodes", "--output", "json"])) as {
    items: {
      metadata: { name: string };
      status: { conditions: { type: string; status: string }[]; nodeInfo: { kubeletVersion: string } };
    }[];
  };
  return items
    .filter(({ status }) => status.conditions.some(({ type, status: value }) => type === "Ready" && value === "True"))
    .map(({ metadata, status }) => `${metadata.name} ${status.nodeInfo.kubeletVersion}`)
    .sort();
}
