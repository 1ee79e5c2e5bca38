/**
 * Stands for the program that makes the machines: a cloud's instances, virtual machines, or what a provisioner has set up.
 * A stack of k3s-ha takes them with `k3s-ha:servers: {stack: organization/infrastructure/prod, output: servers}`.
 */
import * as pulumi from "@pulumi/pulumi";

/** A machine as k3s-ha takes it; docs/configuration.md, “A host”, has all that may stand here. */
interface Machine {
  address: string;
  /** The machine's public SSH key: where it is made, it is known before anybody could be in between. */
  hostKey: string;
}

const config = new pulumi.Config();

export const servers = config.requireObject<Record<string, Machine>>("servers");
export const workers = config.requireObject<Record<string, Machine>>("workers");
