import { addressOf, type StackConfig } from "../support/sandboxCluster.ts";
import { threeHosts as three, threeHostsConfig } from "../support/threeHosts.ts";

export type ShapeName = "six" | "three";

/** Which roles the hosts of a drill's cluster have. */
export interface Shape {
  readonly name: ShapeName;
  /** The hosts that are servers from the beginning. */
  readonly servers: readonly string[];
  /** The host that an event makes one more server, and another event removes. */
  readonly added: string;
  readonly agents: readonly string[];
  /** The hosts with HAProxy, which share a virtual address. */
  readonly balancers: readonly string[];
  /** The host with MariaDB. */
  readonly datastore: string;
  /** What the cluster begins with, from the dev stack's configuration. */
  config(dev: StackConfig): StackConfig;
}

/** A role on each host. */
export const sixHosts: Shape = {
  name: "six",
  servers: ["server-1", "server-2"],
  added: "server-3",
  agents: ["agent-1"],
  balancers: ["lb-1", "lb-2"],
  datastore: "db-1",
  config: (dev) => ({
    ...dev,
    loadBalancer: {
      hosts: Object.fromEntries(sixHosts.balancers.map((name) => [name, { address: addressOf(name) }])),
      virtualIp: { address: addressOf("server-1").replace(/\d+$/, "100") },
    },
  }),
};

/** All roles on three hosts. */
export const threeHosts: Shape = {
  ...three,
  name: "three",
  added: "server-4",
  agents: [],
  config: (dev) => threeHostsConfig(dev),
};

export const shapes: Readonly<Record<ShapeName, Shape>> = { six: sixHosts, three: threeHosts };

/** Every server that the cluster ever has. */
export function serversOf({ servers, added }: Shape): string[] {
  return [...servers, added];
}

/** Every host, each once. */
export function hostsOf(shape: Shape): string[] {
  return [...new Set([shape.datastore, ...shape.balancers, ...serversOf(shape), ...shape.agents])];
}
