import type { ConfiguredHost } from "../hosts.ts";
import type { Problem } from "../problem.ts";
import type { Configuration } from "../schema.ts";
import { parsedRanges, pathOf } from "./clusterNetworks.ts";

/** Shortest prefix of a network for services that Kubernetes accepts, and the prefix of each node's network for pods. */
const prefixes = { ipv4: { services: 12, node: 24 }, ipv6: { services: 108, node: 64 } };

/** Bits by which the networks of nodes may be smaller than that for all pods. */
const nodeBits = 16;

/** Networks that Kubernetes does not start with, or that have no room for all nodes. */
export function unfitNetworkSizes(configuration: Configuration, hosts: readonly ConfiguredHost[]): Problem[] {
  const nodes = hosts.filter(({ role, entry }) => (role === "server" || role === "agent") && !entry.lost).length;
  return parsedRanges(configuration).flatMap(({ setting, text, family }) => {
    const prefix = Number(text.split("/")[1]);
    const fault =
      setting === "service-cidr"
        ? serviceFault(text, prefix, prefixes[family].services)
        : configuration.k3s?.network === "own" || hasOwnNodeSize(configuration)
          ? undefined
          : podFault(text, prefix, prefixes[family].node, nodes);
    return fault === undefined ? [] : [{ path: pathOf(setting), fault }];
  });
}

function serviceFault(text: string, prefix: number, shortest: number): string | undefined {
  if (prefix >= shortest) return undefined;
  return `has ${text}, but Kubernetes accepts no network for services larger than /${shortest}: write /${shortest} or a longer prefix`;
}

function podFault(text: string, prefix: number, node: number, nodes: number): string | undefined {
  if (prefix > node)
    return `has ${text}, which is smaller than the /${node} that each node gets: write /${node - 8} or a shorter prefix`;
  if (node - prefix > nodeBits)
    return `has ${text}, but Kubernetes accepts no network for pods larger than /${node - nodeBits}: write /${node - nodeBits} or a longer prefix`;
  const room = 2 ** (node - prefix);
  if (room >= nodes) return undefined;
  return `has ${text}, which has room for ${room} ${room === 1 ? "node" : "nodes"} with a /${node} each, but there are ${nodes}: write a shorter prefix`;
}

/** Whether nodes get networks of another size than Kubernetes's default. */
function hasOwnNodeSize({ k3s }: Configuration): boolean {
  const settings = Object.entries(k3s?.serverConfig ?? {});
  return settings.some(
    ([key, value]) =>
      key.startsWith("kube-controller-manager-arg") &&
      [value].flat().some((argument) => String(argument).startsWith("node-cidr-mask-size")),
  );
}
