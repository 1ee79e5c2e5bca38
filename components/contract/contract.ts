import type * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import type { ClusterOutputs } from "./clusterOutputs.ts";

/** The version of the contract that this program exports, and the newest that it can read. */
export const contractVersion = 1;

const textError = "is not a text";
const text = z.string({ error: textError });
const word = text.min(1, { error: "is empty" });
const addresses = z.record(z.string(), word, { error: "is not a map of addresses by name" });

/**
 * What a stack of this program exports for others, by output. Within one version outputs may be added, and fields to
 * `backup`; none is removed or changes its meaning.
 */
export const contract = {
  apiEndpoint: word.meta({ description: "`https://address:port` of the Kubernetes API at the load balancer." }),
  kubeconfig: word.meta({
    description:
      "kubeconfig of an administrator (group system:masters). The certificate lasts a year; `up` renews it in the last three months.",
  }),
  clusterCaCertificate: word.meta({ description: "PEM of the CA that verifies the API." }),
  serverAddresses: addresses.meta({ description: "Addresses of the servers by node name." }),
  agentAddresses: addresses.meta({ description: "Addresses of the agents by node name." }),
  loadBalancerAddresses: addresses.meta({ description: "Addresses of the load balancers by host name." }),
  datastoreEndpoint: text.meta({
    description: "K3s's `datastore-endpoint`, with its password; empty if K3s keeps its state in its server.",
  }),
  datastoreCaCertificate: text.meta({
    description: "PEM of the CA that verifies the datastore; empty if K3s keeps its state in its server.",
  }),
  joinToken: word.meta({
    description: "Token that servers join with: `K10<hash of the CA>::server:<token>`. Every backup needs it.",
  }),
  k3sVersion: word.meta({ description: "Release of K3s, such as `v1.35.0+k3s1`." }),
  backup: z
    .looseObject({ hostName: text, directory: text, schedule: z.array(word), latest: text }, { error: "is not a map" })
    .meta({
      description:
        "Backups: `hostName`, `directory`, `schedule` of the timer, `latest` verified one; all empty if the program takes none.",
    }),
} as const satisfies { readonly [Name in ContractOutput]: z.ZodType<Contract[Name]> };

/** The name of an output of the contract. */
export type ContractOutput = keyof ClusterOutputs;

/** The outputs that are secret. */
export const secretOutputs: readonly ContractOutput[] = ["kubeconfig", "datastoreEndpoint", "joinToken"];

/** The contract as a reader gets it. */
export type Contract = { readonly [Name in ContractOutput]: pulumi.Unwrap<ClusterOutputs[Name]> };
