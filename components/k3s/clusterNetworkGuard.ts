import { isIPv4 } from "node:net";

/** Settings that K3s fixes permanently when the first server of a cluster starts, with their defaults. */
const fixedSettings: Readonly<Record<string, string>> = {
  "cluster-cidr": "10.42.0.0/16",
  "service-cidr": "10.43.0.0/16",
  "cluster-dns": "",
  "cluster-domain": "cluster.local",
};

/**
 * Why the networks and names of a cluster may not be changed, with the remedy; undefined when they stay as they are. K3s would
 * take them, restart, and go on with the old ones for all that exists.
 *
 * @param recorded the script that last started the server, as the stack's state has it.
 */
export function networkFault(
  server: string,
  recorded: string,
  config: Readonly<Record<string, unknown>>,
): string | undefined {
  const before = configIn(recorded);
  if (before === undefined) return undefined;
  for (const setting of Object.keys(fixedSettings)) {
    const [was, is] = [effective(before, setting), effective(config, setting)];
    if (was === is) continue;
    const path = `k3s-ha:k3s.serverConfig.${setting}`;
    return `${server}'s cluster was created with ${setting} ${was}, but ${path} is now ${is}: K3s would restart and keep the old value for everything that exists. Revert the change. To move, create a second cluster with the new value, as another stack with another datastore, move the workloads there, and destroy this one, as docs/day-two.md describes.`;
  }
  return undefined;
}

/** The settings in the config.yaml that a script writes; undefined when it writes none. */
function configIn(script: string): Record<string, unknown> | undefined {
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
function effective(config: Readonly<Record<string, unknown>>, setting: string): string {
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
