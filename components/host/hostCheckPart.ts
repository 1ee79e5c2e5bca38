import type * as pulumi from "@pulumi/pulumi";
import type { HostArgs } from "./host.ts";
import type { OwnStack } from "./ownStack.ts";

/** The role of a host. */
export type HostRole = "server" | "agent" | "loadBalancer" | "datastore" | "backup";

/** A host to check, and what it stands for in messages. */
export interface CheckedHost {
  /** Its connection. A host with a `standIn` is lost, and is not checked. */
  host: HostArgs;
  /** The host's path in the configuration, for messages: "k3s-ha:servers.server-1". */
  path: string;
  /** Its role, which decides the space it needs, and the port that has to be free. */
  role: HostRole;
  /** Name of the checked host, a server, whose machine it shares: that one carries the mark. Default: none. */
  on?: string;
}

/** A checked host with its name, and its stack. */
export interface NamedHost extends CheckedHost {
  readonly name: string;
  /** Default: nothing is known of it but its name. */
  readonly stack?: OwnStack | undefined;
}

/** The message for one problem that a script reports. It follows "<path> (<address>): ". */
export type ProblemSentence = (host: NamedHost, ...facts: string[]) => string;

/**
 * One part of the check of a host: a script that reads, changes nothing, and calls `report CODE [FACT...]` for each
 * problem that it finds; and the sentence for each code.
 */
export interface HostCheckPart {
  /** Its file of bash. */
  readonly script: URL;
  /** Functions of that file that are called, in this order. */
  readonly checks: readonly string[];
  /** Shell variables that the file reads. */
  readonly variables: (host: NamedHost) => Readonly<Record<string, pulumi.Input<string | number | readonly string[]>>>;
  /** By code. A code that has none is a fault of this program, and is told as one. */
  readonly sentences: Readonly<Record<string, ProblemSentence>>;
  /** By code: what is reported, but no problem. Default: none. */
  readonly notes?: Readonly<Record<string, ProblemSentence>>;
}

/** The name of a role in messages. */
export const roleWords: Readonly<Record<HostRole, string>> = {
  server: "server",
  agent: "agent",
  loadBalancer: "load balancer",
  datastore: "datastore",
  backup: "backup host",
};

/** Whether a host of this role has a member of etcd, or K3s's own, with the tools of the distribution's. */
export function runsEtcd(role: HostRole, stack: OwnStack = {}): boolean {
  return (role === "datastore" && stack.etcdPorts !== undefined) || (role === "server" && stack.embedded === "etcd");
}
