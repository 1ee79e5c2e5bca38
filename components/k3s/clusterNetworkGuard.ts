import { isIPv4 } from "node:net";

/** Settings that K3s fixes permanently when the first server of a cluster starts, with their defaults. */
const fixedSettings: Readonly<Record<string, string>> = {
  "cluster-cidr": "10.42.0.0/16",
  "service-cidr": "10.43.0.0/16",
  "cluster-dns": "",
  "cluster-domain": "cluster.local",
};

/** Settings of K3s by name. */
export type NetworkSettings = Readonly<Record<string, unknown>>;

/**
 * Why the networks and names of a cluster may not be changed, with the remedy; undefined when they stay as they are. K3s would
 * take them, restart, and go on with the old ones for all that exists.
 *
 * @param before the settings that the server last started with; undefined when it never has.
 */
export function networkFault(
  server: string,
  before: NetworkSettings | undefined,
  config: NetworkSettings,
): string | undefined {
  if (before === undefined) return undefined;
  for (const setting of Object.keys(fixedSettings)) {
    const [was, is] = [effective(before, setting), effective(config, setting)];
    if (was === is) continue;
    const path = `k3s-ha:k3s.serverConfig.${setting}`;
    return `${server}'s cluster was created with ${setting} ${was}, but ${path} is now ${is}: K3s would restart and keep the old value for everything that exists. Revert the change. To move, create a second cluster with the new value, as another stack with another datastore, move the workloads there, and destroy this one, as docs/day-two.md describes.`;
  }
  return undefined;
}

/** Of K3s's settings, those of the cluster's networks and names. */
export function networkSettings(config: NetworkSettings): NetworkSettings {
  return Object.fromEntries(Object.entries(config).filter(([name]) => Object.hasOwn(fixedSettings, name)));
}

/** The same in the config.yaml that a script of a release without records writes; undefined when it writes none. */
export function readEarlierNetworks(script: string): NetworkSettings | undefined {
  const [, text] =
    /^ {2}put_file '?\/etc\/rancher\/k3s\/config\.yaml'? .*\n([^]*?)^__END_OF_FILE__$/m.exec(script) ?? [];
  if (text === undefined) return undefined;
  const config: Record<string, unknown> = {};
  for (const [, name = "", value = ""] of text.matchAll(/^([a-z-]+): (.*)$/gm)) {
    if (Object.hasOwn(fixedSettings, name)) config[name] = JSON.parse(value);
  }
  return config;
}

/** A setting's value as K3s takes it: a list and the same with commas are one. */
function effective(config: NetworkSettings, setting: string): string {
  const values = [config[setting] ?? []].flat() as (string | number | boolean)[];
  const value = values.map((each) => String(each).trim()).join(",");
  if (value !== "") return value;
  return setting === "cluster-dns" ? standardDns(effective(config, "service-cidr")) : (fixedSettings[setting] ?? "");
}

/** K3s's own name server: the tenth address of the services' network. */
function standardDns(services: string): string {
  const [address = ""] = (services.split(",")[0] ?? "").split("/");
  if (!isIPv4(address)) return `the tenth address of ${services}`;
  const number = address.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0) + 10;
  return [24, 16, 8, 0].map((bits) => Math.floor(number / 2 ** bits) % 256).join(".");
}
