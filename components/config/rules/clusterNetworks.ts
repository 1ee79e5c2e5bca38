import { BlockList, isIP } from "node:net";
import { configPath } from "../configPath.ts";
import { type ConfiguredHost, configuredNodeAddresses } from "../hosts.ts";
import type { Problem } from "../problem.ts";
import type { Configuration } from "../schema.ts";

/** The networks of K3s's own that hosts must not be in, with K3s's defaults. */
const networks = {
  "cluster-cidr": { meaning: "pods", standard: "10.42.0.0/16" },
  "service-cidr": { meaning: "services", standard: "10.43.0.0/16" },
};

type Setting = keyof typeof networks;

interface Range {
  readonly setting: Setting;
  readonly text: string;
  readonly address: string;
  readonly family: "ipv4" | "ipv6";
  readonly blocks: BlockList;
}

const settings = Object.keys(networks) as Setting[];

/** Where the configuration has a network. */
export function pathOf(setting: Setting): string {
  return configPath("k3s", "serverConfig", setting);
}

/** The ranges as the configuration writes them, K3s's defaults where it does not. */
function rangesIn(k3s: NonNullable<Configuration["k3s"]>, setting: Setting): string[] {
  const value = k3s.serverConfig[setting] ?? networks[setting].standard;
  return [value]
    .flat()
    .flatMap((item) => String(item).split(","))
    .map((item) => item.trim());
}

function parseRange(setting: Setting, text: string): Range | undefined {
  const [address = "", prefix = "", ...more] = text.split("/");
  const version = isIP(address);
  if (version === 0 || more.length > 0 || !/^\d{1,3}$/.test(prefix)) return undefined;
  if (Number(prefix) > (version === 4 ? 32 : 128)) return undefined;
  const family = version === 4 ? "ipv4" : "ipv6";
  const blocks = new BlockList();
  blocks.addSubnet(address, Number(prefix), family);
  return { setting, text, address, family, blocks };
}

/** The networks of K3s that could be parsed. */
export function parsedRanges({ k3s }: Configuration): Range[] {
  if (k3s === undefined) return [];
  return settings.flatMap((setting) => rangesIn(k3s, setting).flatMap((text) => parseRange(setting, text) ?? []));
}

/** Ranges that K3s would not start with. */
export function invalidClusterNetworks({ k3s }: Configuration): Problem[] {
  if (k3s === undefined) return [];
  return settings.flatMap((setting) =>
    rangesIn(k3s, setting)
      .filter((text) => parseRange(setting, text) === undefined)
      .map((text) => ({
        path: pathOf(setting),
        fault: `has ${JSON.stringify(text)}, but each has to be a network in CIDR notation: write it like ${networks[setting].standard}`,
      })),
  );
}

/** Pods and services that share addresses could not be told apart. */
export function overlappingClusterNetworks(configuration: Configuration): Problem[] {
  const ranges = parsedRanges(configuration);
  return ranges
    .filter(({ setting }) => setting === "service-cidr")
    .flatMap((services) => {
      const pods = ranges.find(
        (range) => range.setting === "cluster-cidr" && (contains(range, services) || contains(services, range)),
      );
      if (pods === undefined) return [];
      const fault = `has ${services.text}, which overlaps ${pods.text}, the network of the pods (cluster-cidr): choose another network for services`;
      return [{ path: pathOf("service-cidr"), fault }];
    });
}

function contains(outer: Range, inner: Range): boolean {
  return outer.family === inner.family && outer.blocks.check(inner.address, inner.family);
}

/** A host inside a network of K3s's own cannot be reached from the cluster: the nodes route it into the cluster. */
export function hostsInClusterNetworks(configuration: Configuration, hosts: readonly ConfiguredHost[]): Problem[] {
  return hosts.flatMap((host) =>
    configuredNodeAddresses(host).flatMap((address) => {
      const network = clusterNetworkOf(configuration, address);
      if (network === undefined) return [];
      const fault = `has the node address ${address}, which is in ${network.text}, K3s's network for ${network.meaning}: set ${network.path} to a network without hosts`;
      return [{ path: host.path, fault }];
    }),
  );
}

/** The network of K3s's own that an address is in, what it is for, and the setting that moves it. */
export function clusterNetworkOf(
  configuration: Configuration,
  address: string,
): { text: string; meaning: string; path: string } | undefined {
  const version = isIP(address);
  if (version === 0) return undefined;
  const range = parsedRanges(configuration).find(({ blocks }) =>
    blocks.check(address, version === 4 ? "ipv4" : "ipv6"),
  );
  if (range === undefined) return undefined;
  return { text: range.text, meaning: networks[range.setting].meaning, path: pathOf(range.setting) };
}

/** A network of the user's own, beside which K3s is told to run flannel. */
export function twoNetworks({ k3s }: Configuration): Problem[] {
  const backend = k3s?.serverConfig["flannel-backend"];
  if (k3s?.network !== "own" || backend === undefined || backend === "none") return [];
  const fault = `is ${JSON.stringify(backend)}, but ${configPath("k3s", "network")} is own, so K3s runs no flannel: remove one of them`;
  return [{ path: configPath("k3s", "serverConfig", "flannel-backend"), fault }];
}
