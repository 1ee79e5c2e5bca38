// Proves that another program can import the components: the example's whole program runs under mocks, imports the
// package by its name, and docs/components.md shows exactly that program, and every component.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import * as components from "../../components/index.ts";
import "../support/ownPackage.ts";
import { assertSafeCommands } from "../support/commandRules.ts";
import {
  commandType,
  deploy,
  type DeployOptions,
  type Deployment,
  leaks,
  resourceNamed,
  scriptOf,
} from "../support/deploy.ts";
import { fileOf } from "../support/hostFiles.ts";
import { valueOf } from "../support/outputs.ts";
import { sampleHostKey, sampleSshKey } from "../support/sampleHosts.ts";
import { plainTexts, reveal } from "../support/wire.ts";

type Example = typeof import("../../examples/library/index.ts");

const root = join(import.meta.dirname, "../..");
const machines = ["database", "proxy", "server-1", "server-2", "builder-1", "builder-2"];
let runs = 0;

/** Runs the example with a host key for each of these machines. */
function deployExample(
  names: readonly string[] = machines,
  options: Pick<DeployOptions, "preview"> = {},
): Promise<Deployment<Example>> {
  // A module runs once; another query makes it another module.
  const module = `../../examples/library/index.ts?run=${++runs}`;
  return deploy(async () => (await import(module)) as Example, {
    ...options,
    config: {
      "k3s-ha:hostKeys": JSON.stringify(Object.fromEntries(names.map((name) => [name, sampleHostKey]))),
      "k3s-ha:sshPrivateKey": sampleSshKey,
    },
    secretKeys: ["k3s-ha:sshPrivateKey"],
  });
}

describe("a program that imports the components", () => {
  let deployment: Deployment<Example>;
  before(async () => {
    deployment = await deployExample();
  });
  const named = (name: string) => resourceNamed(deployment, name);

  it("is made of the cluster that it names, and of nothing beside it", () => {
    const own = deployment.resources.filter(({ parent }) => parent === undefined);
    assert.deepEqual(
      own.map(({ type, name }) => `${name} ${type}`),
      ["builds k3s-ha:index:K3sCluster"],
    );
  });

  it("acts on its hosts safely, and shows no secret", () => {
    assert.ok(deployment.secrets.length > 10);
    assertSafeCommands(deployment);
    // The rule sees a leak: what providers made is in the scripts, and a rule that looked nowhere would pass as well.
    const script = scriptOf(named("builds-servers-server-1-secrets"));
    assert.match(script, /builds-identity-token-result/);
    const opened = { ...named("builds-servers-server-1-secrets"), inputs: { stdin: script } };
    assert.notDeepEqual(leaks({ ...deployment, resources: [opened] }), []);
  });

  it("keeps the kubeconfig secret, and gives out the rest in the clear", async () => {
    const { apiEndpoint, builderAddresses, latestBackup, kubeconfig } = deployment.result;
    assert.equal(await pulumi.isSecret(kubeconfig), true);
    for (const output of [apiEndpoint, latestBackup]) assert.equal(await pulumi.isSecret(output), false);
    assert.equal(await valueOf(apiEndpoint), "https://10.0.0.30:6443");
    assert.deepEqual(await valueOf(builderAddresses), { "builder-1": "10.0.0.41", "builder-2": "10.0.0.42" });
    assert.equal(await valueOf(latestBackup), "revision-of-builds-backup-timer");
    const shown = [...plainTexts(await valueOf(apiEndpoint)), ...plainTexts(await valueOf(builderAddresses))];
    for (const text of shown) assert.ok(!deployment.secrets.some((secret) => text.includes(secret.trim())), text);
    const { users } = JSON.parse(await valueOf(kubeconfig)) as { users: [{ user: Record<string, string> }] };
    const key = Buffer.from(users[0].user["client-key-data"] ?? "", "base64").toString();
    assert.equal(key, "(private key builds-identity-admin-key)\n");
  });

  it("has whatever acts on hosts, and nothing else, wait for the check of them", () => {
    for (const { name, type, changeHooks } of deployment.resources)
      assert.equal(changeHooks.includes("builds-hosts-check"), type === commandType, name);
  });

  it("comes up in order: datastore, servers one by one, load balancer, agents; backups after the servers", () => {
    const order = [
      "builds-datastore-server",
      "builds-datastore-preflight",
      "builds-servers-server-1-service",
      "builds-servers-server-2-service",
      "builds-balancer-proxy-service",
      "builds-builders-builder-1-service",
    ];
    for (const [index, later] of order.slice(1).entries())
      assert.ok(named(later).started > named(order[index] ?? "").ended, later);
    assert.ok(named("builds-backup-timer").started > named("builds-servers-server-2-service").ended);
  });

  it("protects its datastore, and nothing else", () => {
    const isProtected = deployment.resources.filter(({ protect }) => protect).map(({ name }) => name);
    assert.ok(isProtected.includes("builds-datastore") && isProtected.includes("builds-datastore-server"));
    for (const each of isProtected) assert.match(each, /^builds-datastore/);
  });

  it("balances the servers that it names, and keeps backups on the host of the database", async () => {
    assert.match(
      (await fileOf(scriptOf(named("builds-balancer-proxy-service")), "/etc/haproxy/k3s-ha/haproxy.cfg")) ?? "",
      /^ {2}server server-2 10\.0\.0\.12:6443$/m,
    );
    const { host } = reveal(named("builds-backup-timer").inputs["connection"]) as { host: string };
    assert.equal(host, "10.0.0.20");
  });

  it("can be previewed before anything exists", async () => {
    const preview = await deployExample(machines, { preview: "first" });
    const names = ({ resources }: Deployment<unknown>) => resources.map(({ name }) => name).toSorted();
    assert.deepEqual(names(preview), names(deployment));
  });

  it("stops before any host when one has no host key", async () => {
    await assert.rejects(deployExample(machines.slice(1)), { message: "hostKeys has no key of database" });
  });
});

describe("docs/components.md", () => {
  const documentation = readFileSync(join(root, "docs/components.md"), "utf8");

  it("shows the example, whole", () => {
    const blocks = [...documentation.matchAll(/^```typescript\n([\s\S]*?)^```$/gm)].map(([, block]) => block);
    assert.deepEqual(blocks, [readFileSync(join(root, "examples/library/index.ts"), "utf8")]);
  });

  it("describes every component that the package exports", () => {
    const entries = [...documentation.matchAll(/^\[`(\w+)`\]\(([^)]+)\): /gm)];
    for (const [, , path] of entries) assert.ok(readFileSync(join(root, "docs", path ?? "")).length > 0);
    assert.deepEqual(
      entries.map(([, name]) => name).toSorted(),
      Object.entries(components)
        .filter(([, { prototype }]) => prototype instanceof pulumi.ComponentResource)
        .map(([name]) => name)
        .toSorted(),
    );
  });
});
