import { BlockList, isIP } from "node:net";
import * as pulumi from "@pulumi/pulumi";
import { writtenBy } from "./writtenBy.ts";

/** The proxy through which hosts reach what is outside of the cluster. */
export interface ProxyArgs {
  /** URL of the proxy for http:// requests, without a login. */
  http?: string | undefined;
  /** URL of the proxy for https:// requests, without a login. Default: that for http:// requests. */
  https?: string | undefined;
  /** More names, addresses and networks that are reached directly. Default: none, beside those of the cluster. */
  noProxy?: readonly string[] | undefined;
  /** Login at the proxy, as "user:password". Secret. Default: none. */
  credentials?: pulumi.Input<string> | undefined;
}

/** What a cluster reaches directly, whatever the proxy. */
export interface DirectPlaces {
  /** Addresses of nodes. Their networks are taken, so that one more node changes nothing on the others. */
  readonly nodes: readonly pulumi.Input<string>[];
  /** Other addresses and names, and networks. */
  readonly others: readonly pulumi.Input<pulumi.Input<string>[] | string>[];
}

/** The file on every host of a cluster with a proxy. Scripts know it as well. */
export const proxyPath = "/etc/k3s-ha/proxy.env";

/** The proxy as lines `NAME=value`, which bash and systemd read alike. Secret if it has a login. */
export function proxyEnvironment(proxy: ProxyArgs, direct: DirectPlaces): pulumi.Output<string> {
  return pulumi
    .all([proxy.credentials ?? "", pulumi.output([...direct.nodes]), pulumi.output([...direct.others])])
    .apply(([credentials, nodes, others]) =>
      renderProxyEnvironment(proxy, credentials, directEntries(proxy.noProxy ?? [], nodes, others.flat())),
    );
}

function renderProxyEnvironment(
  { http, https = http }: ProxyArgs,
  credentials: string,
  noProxy: readonly string[],
): string {
  const variables = {
    ...(http === undefined ? {} : { http_proxy: withLogin(http, credentials) }),
    ...(https === undefined ? {} : { https_proxy: withLogin(https, credentials) }),
    no_proxy: noProxy.join(","),
  };
  // curl and apt know the first spelling, and some programs only the second.
  const lines = Object.entries(variables).flatMap(([name, value]) => [
    `${name}=${value}`,
    `${name.toUpperCase()}=${value}`,
  ]);
  return `# ${writtenBy}\n${lines.join("\n")}\n`;
}

function withLogin(proxy: string, credentials: string): string {
  const url = new URL(proxy);
  const colon = credentials.indexOf(":");
  const login = colon < 0 ? "" : `${encoded(credentials.slice(0, colon))}:${encoded(credentials.slice(colon + 1))}@`;
  return `${url.protocol}//${login}${url.host}`;
}

/** As in a URL, without the characters that a shell, systemd or a list of exceptions takes for others. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16)}`);
}

/** The exceptions in one fixed order; none that another one covers. */
export function directEntries(
  configured: readonly string[],
  nodes: readonly string[],
  others: readonly string[],
): string[] {
  const entries = ["localhost", "127.0.0.0/8", "::1", ...configured];
  const add = (more: readonly string[]) => {
    for (const entry of more) if (!covers(entries, entry)) entries.push(entry);
  };
  add(others.filter((entry) => entry.includes("/")));
  add([...new Set(nodes.filter((node) => !covers(entries, node)).map(networkOf))].toSorted());
  add(others);
  return entries;
}

/** The network of a node's address, as it is in most places. */
function networkOf(address: string): string {
  if (isIP(address) === 4) return `${address.replace(/\.\d+$/, ".0")}/24`;
  const [start = "", end = ""] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const groups = [start.split(":"), end.split(":")].map((part) => part.filter((group) => group !== ""));
  const [before = [], after = []] = groups;
  const all = [...before, ...Array<string>(8 - before.length - after.length).fill("0"), ...after];
  return `${all.slice(0, 4).join(":")}::/64`;
}

/** Whether an address, or the same text, is among the entries. */
function covers(entries: readonly string[], wanted: string): boolean {
  if (entries.includes(wanted)) return true;
  const version = isIP(wanted);
  if (version === 0) return false;
  const blocks = new BlockList();
  for (const entry of entries) {
    const [address = "", prefix] = entry.split("/");
    const family = isIP(address);
    if (family === 0) continue;
    blocks.addSubnet(address, Number(prefix ?? (family === 4 ? 32 : 128)), family === 4 ? "ipv4" : "ipv6");
  }
  return blocks.check(wanted, version === 4 ? "ipv4" : "ipv6");
}
