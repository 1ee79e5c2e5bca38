import * as pulumi from "@pulumi/pulumi";
import { type Contract, contract, type ContractOutput, contractVersion, secretOutputs } from "./contract.ts";
import { isUndecrypted, type StackOutput, type StackOutputs } from "./stackOutputs.ts";

/**
 * The checked outputs of a cluster's stack. Secrets are in plain text: the caller marks them as secret.
 *
 * @throws pulumi.RunError that tells everything that is wrong with the outputs at once.
 */
export async function readContract(outputs: StackOutputs): Promise<Contract> {
  const { value: version } = await outputs.read("contractVersion");
  const fault = versionFault(version, outputs.stack, version === undefined ? await outputs.names() : []);
  if (fault !== undefined) throw new pulumi.RunError(fault);
  const names = Object.keys(contract) as ContractOutput[];
  const read = await Promise.all(names.map(async (name) => ({ name, output: await outputs.read(name) })));
  const faults = read.flatMap(({ name, output }) => outputFault(name, output) ?? []);
  if (faults.length > 0) {
    throw new pulumi.RunError(
      `The stack ${outputs.stack} does not have the outputs of a cluster:\n${faults.map((each) => `- ${each}`).join("\n")}`,
    );
  }
  return Object.fromEntries(read.map(({ name, output }) => [name, output.value])) as unknown as Contract;
}

function versionFault(version: unknown, stack: string, names: readonly string[]): string | undefined {
  if (version === undefined) {
    return names.length === 0
      ? `The stack ${stack} has no outputs: run pulumi up on it first.`
      : `The stack ${stack} has no output contractVersion, so it is not a cluster of k3s-ha: name the cluster's stack (this one has ${names.join(", ")}).`;
  }
  if (typeof version !== "number" || !Number.isInteger(version) || version < 1) {
    return `The stack ${stack} has the contractVersion ${JSON.stringify(version)}, which is not valid: name the cluster's stack.`;
  }
  if (version > contractVersion) {
    return `The stack ${stack} has version ${version} of the contract, but this program reads versions up to ${contractVersion}: update k3s-ha here to the version of that stack.`;
  }
  return undefined;
}

/** The problem with an output, without its value. */
function outputFault(name: ContractOutput, { value }: StackOutput): string | undefined {
  if (value === undefined) return `it has no output ${name}: run pulumi up on it`;
  if (secretOutputs.includes(name) && isUndecrypted(value)) {
    return `its output ${name} is secret and could not be decrypted: give both stacks the same passphrase or secrets provider (pulumi stack change-secrets-provider)`;
  }
  const { error } = contract[name].safeParse(value);
  return error === undefined ? undefined : `its output ${name} ${error.issues[0]?.message ?? "is malformed"}`;
}
