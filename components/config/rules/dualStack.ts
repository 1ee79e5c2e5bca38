import { isIP } from "node:net";
import { configPath } from "../configPath.ts";
import { type ConfiguredHost, configuredNodeAddress } from "../hosts.ts";
import type { Problem } from "../problem.ts";
import type { Configuration } from "../schema.ts";
import { parsedRanges, pathOf } from "./clusterNetworks.ts";

type Family = "ipv4" | "ipv6";

const words: Readonly<Record<Family, string>> = { ipv4: "IPv4", ipv6: "IPv6" };

const otherFamily: Readonly<Record<Family, Family>> = { ipv4: "ipv6", ipv6: "ipv4" };

function familiesOf(configuration: Configuration, setting: "cluster-cidr" | "service-cidr"): Family[] {
  return parsedRanges(configuration)
    .filter((range) => range.setting === setting)
    .map(({ family }) => family);
}

function familyOf(address: string): Family | undefined {
  return ({ 4: "ipv4", 6: "ipv6" } as const)[isIP(address)];
}

/** Networks for pods and services that K3s does not start with together: each has one network, or one of each family, in one order. */
export function unfitFamilies(configuration: Configuration): Problem[] {
  const pods = familiesOf(configuration, "cluster-cidr");
  const services = familiesOf(configuration, "service-cidr");
  const repeated = (["cluster-cidr", "service-cidr"] as const).flatMap((setting) => {
    const families = familiesOf(configuration, setting);
    const twice = families.find((family, index) => families.indexOf(family) !== index);
    if (twice === undefined) return [];
    const count = families.filter((family) => family === twice).length;
    const fault = `has ${count} ${words[twice]} networks, but Kubernetes takes one network of each family: keep one of them`;
    return [{ path: pathOf(setting), fault }];
  });
  if (repeated.length > 0 || pods.length === 0 || services.length === 0) return repeated;
  const [podWords, serviceWords] = [pods, services].map((families) =>
    families.map((family) => words[family]).join(", "),
  );
  if (podWords === serviceWords) return [];
  const fault = `has networks of ${serviceWords ?? ""}, but cluster-cidr has ${podWords ?? ""}, and K3s starts only with the same families in the same order: write one network for services to each for pods`;
  return [{ path: pathOf("service-cidr"), fault }];
}

/** Nodes that lack an address of a family of the cluster's networks, or have one too many. */
export function unfitNodeFamilies(configuration: Configuration, hosts: readonly ConfiguredHost[]): Problem[] {
  const families = familiesOf(configuration, "cluster-cidr");
  const [first] = families;
  // What is wrong with the networks is told already.
  if (first === undefined || unfitFamilies(configuration).length > 0) return [];
  return hosts
    .filter(({ role }) => role === "server" || role === "agent")
    .flatMap((host) => {
      const { path } = host;
      const own = familyOf(configuredNodeAddress(host));
      if (own === undefined) return [];
      const found = families.length === 1 ? inOneFamily(host, own, first) : inBothFamilies(host, own, first);
      return found === undefined ? [] : [{ path: found.isSecondary ? `${path}.secondaryNodeAddress` : path, ...found }];
    })
    .map(({ path, fault }) => ({ path, fault }));
}

interface Found {
  readonly fault: string;
  readonly isSecondary?: true;
}

function inOneFamily(host: ConfiguredHost, own: Family, only: Family): Found | undefined {
  if (own !== only) {
    return {
      fault: `has the ${words[own]} node address ${configuredNodeAddress(host)}, but the cluster's networks have no ${words[own]}: set another nodeAddress, or set ${pathOf("cluster-cidr")} and service-cidr to ${words[own]} networks`,
    };
  }
  if (host.entry.secondaryNodeAddress === undefined) return undefined;
  return {
    isSecondary: true,
    fault: `is set, but the cluster's networks are ${words[only]} alone: remove it, or, before the cluster is created, add an ${words[otherFamily[only]]} network to ${pathOf("cluster-cidr")} and service-cidr`,
  };
}

function inBothFamilies(host: ConfiguredHost, own: Family, first: Family): Found | undefined {
  const { secondaryNodeAddress } = host.entry;
  const other = otherFamily[own];
  if (secondaryNodeAddress === undefined) {
    return {
      isSecondary: true,
      fault: `is missing, but the cluster's networks are of both families, and each node needs an address of each: add the node's ${words[other]} address`,
    };
  }
  if (familyOf(secondaryNodeAddress) === own) {
    return {
      isSecondary: true,
      fault: `is ${secondaryNodeAddress}, an ${words[own]} address like the node address ${configuredNodeAddress(host)}: write the node's ${words[other]} address`,
    };
  }
  if (own === first) return undefined;
  return {
    fault: `has the ${words[own]} node address ${configuredNodeAddress(host)}, but ${pathOf("cluster-cidr")} begins with ${words[first]}, whose address the API server then gives out: write the ${words[first]} address in nodeAddress and the other one in secondaryNodeAddress, or begin cluster-cidr and service-cidr with ${words[own]}`,
  };
}

/** A size of nodes' networks that the controller manager refuses for two families. */
export function unfitNodeSizes(configuration: Configuration): Problem[] {
  const setting = "kube-controller-manager-arg";
  const values = [configuration.k3s?.serverConfig[setting] ?? []].flat();
  const found = values.map(String).find((value) => value.startsWith("node-cidr-mask-size="));
  if (found === undefined || new Set(familiesOf(configuration, "cluster-cidr")).size < 2) return [];
  const fault = `has "${found}", with which Kubernetes does not start with networks of both families: write node-cidr-mask-size-ipv4 or node-cidr-mask-size-ipv6`;
  return [{ path: configPath("k3s", "serverConfig", setting), fault }];
}
