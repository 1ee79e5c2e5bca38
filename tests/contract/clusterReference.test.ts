// Proves what a program that builds on a cluster gets of it, and what it is told instead, under mocks. What the engine
// makes of outputs, of stacks that do not exist and of other passphrases, the sandbox proves (contract.test.ts).
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { ClusterReference } from "../../components/contract/clusterReference.ts";
import { readContract } from "../../components/contract/readContract.ts";
import { StackOutputs } from "../../components/contract/stackOutputs.ts";
import { contract, type ContractOutput, secretOutputs } from "../../components/contract/contract.ts";
import { deploy } from "../support/deploy.ts";
import { valueOf } from "../support/outputs.ts";
import { deployProgram } from "../support/program.ts";
import { secret } from "../support/wire.ts";

const stack = "organization/k3s-ha/prod";

/** What a cluster exports, secrets marked as they travel. */
async function exportsOfCluster(): Promise<Record<string, unknown>> {
  const { result } = await deployProgram();
  const entries = Object.entries(result).map(async ([name, value]) => {
    const plain: unknown = await valueOf(pulumi.output(value as pulumi.Input<unknown>));
    return [name, secretOutputs.includes(name as ContractOutput) ? secret(plain) : plain];
  });
  return Object.fromEntries(await Promise.all(entries)) as Record<string, unknown>;
}

/** What reading a cluster with these outputs fails with. */
async function failureWith(outputs: Readonly<Record<string, unknown>>): Promise<string> {
  const reading = deploy(() => readContract(new StackOutputs(stack)), { stacks: { [stack]: outputs } });
  const failure: unknown = await reading.catch((error: unknown) => error);
  assert.ok(pulumi.RunError.isInstance(failure), String(failure));
  return failure.message;
}

describe("ClusterReference", () => {
  it("offers exactly what a cluster exports, and keeps its secrets secret", async () => {
    const outputs = await exportsOfCluster();
    assert.deepEqual(
      Object.keys(contract).toSorted(),
      Object.keys(outputs)
        .filter((name) => name !== "contractVersion")
        .toSorted(),
    );
    for (const preview of [undefined, "first"] as const) {
      const { result } = await deploy(
        async () => {
          const cluster = new ClusterReference("cluster", { stack });
          const found: Record<string, unknown> = {};
          for (const name of Object.keys(contract) as ContractOutput[]) {
            const output = cluster[name] as pulumi.Output<unknown>;
            assert.equal(await pulumi.isSecret(output), secretOutputs.includes(name), name);
            const value: unknown = await valueOf(output);
            found[name] = secretOutputs.includes(name) ? secret(value) : value;
          }
          return found;
        },
        { stacks: { [stack]: outputs }, ...(preview === undefined ? {} : { preview }) },
      );
      assert.deepEqual({ contractVersion: 1, ...result }, outputs);
    }
  });

  it("takes a cluster that keeps its state in its server, which has no endpoint", async () => {
    const outputs = await exportsOfCluster();
    const { result } = await deploy(async () => valueOf(new ClusterReference("cluster", { stack }).datastoreEndpoint), {
      stacks: { [stack]: { ...outputs, datastoreEndpoint: secret(""), datastoreCaCertificate: "" } },
    });
    assert.equal(result, "");
  });

  it("takes outputs that were added within the version", async () => {
    const outputs = await exportsOfCluster();
    const backup = { ...(outputs["backup"] as object), copy: "s3://elsewhere" };
    const { result } = await deploy(async () => valueOf(new ClusterReference("cluster", { stack }).backup), {
      stacks: { [stack]: { ...outputs, backup, added: 1 } },
    });
    assert.deepEqual(result, backup);
  });

  const refusals: [what: string, change: Readonly<Record<string, unknown>>, message: string][] = [
    [
      "a newer contract",
      { contractVersion: 2 },
      `The stack ${stack} has version 2 of the contract, but this program reads versions up to 1: update k3s-ha here to the version of that stack.`,
    ],
    [
      "a contract that is none",
      { contractVersion: "one" },
      `The stack ${stack} has the contractVersion "one", which is not valid: name the cluster's stack.`,
    ],
    [
      "a missing output",
      { kubeconfig: undefined },
      `The stack ${stack} does not have the outputs of a cluster:\n- it has no output kubeconfig: run pulumi up on it`,
    ],
    [
      "secrets of another passphrase, all of them at once",
      { kubeconfig: {}, joinToken: {} },
      `The stack ${stack} does not have the outputs of a cluster:\n${["kubeconfig", "joinToken"].map((name) => `- its output ${name} is secret and could not be decrypted: give both stacks the same passphrase or secrets provider (pulumi stack change-secrets-provider)`).join("\n")}`,
    ],
    [
      "outputs of another shape",
      { serverAddresses: ["198.51.100.11"], k3sVersion: 1, apiEndpoint: "" },
      `The stack ${stack} does not have the outputs of a cluster:\n- its output apiEndpoint is empty\n- its output serverAddresses is not a map of addresses by name\n- its output k3sVersion is not a text`,
    ],
  ];
  for (const [what, change, message] of refusals) {
    it(`refuses ${what}`, async () => {
      const outputs = Object.entries({ ...(await exportsOfCluster()), ...change });
      assert.equal(await failureWith(Object.fromEntries(outputs.filter(([, value]) => value !== undefined))), message);
    });
  }

  it("refuses a stack that was never up, and one that is no cluster", async () => {
    assert.equal(await failureWith({}), `The stack ${stack} has no outputs: run pulumi up on it first.`);
    assert.equal(
      await failureWith({ vpc: "x", subnets: [] }),
      `The stack ${stack} has no output contractVersion, so it is not a cluster of k3s-ha: name the cluster's stack (this one has subnets, vpc).`,
    );
  });
});
