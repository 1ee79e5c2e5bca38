import { isIP } from "node:net";
import { isAddress } from "./address.ts";
import { configPath } from "./configPath.ts";
import { listOf, section, text } from "./schemaTypes.ts";

const like = "write it like http://proxy.example.com:3128";

function proxyFault(value: string): string | undefined {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol) || /\s/.test(value))
    return `has to be an http or https URL: ${like}`;
  if (url.username !== "" || url.password !== "")
    return `has to be a URL without a login, which would be stored in plain text: ${like}, and set the login with "pulumi config set --secret ${configPath("proxyCredentials")}"`;
  return url.pathname === "/" && url.search === "" && url.hash === ""
    ? undefined
    : `has to be a URL without a path, a query or a fragment: ${like}`;
}

const directExpectation =
  'has to be a DNS name, an IP address or a network: write it like example.com for a domain with its hosts, 192.0.2.10 or "10.0.0.0/8"';

function directFault(value: string): string | undefined {
  if (value === "*")
    return "has to be a part of what nodes reach, because with * nothing uses the proxy: remove it, or remove the proxy";
  const [address = "", prefix, ...more] = value.split("/");
  if (prefix === undefined) return isAddress(value.replace(/^\./, "")) ? undefined : directExpectation;
  const bits = isIP(address) === 4 ? 32 : 128;
  const isNetwork = isIP(address) !== 0 && more.length === 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= bits;
  return isNetwork ? undefined : directExpectation;
}

const proxyUrl = text(`has to be an http or https URL: ${like}`, proxyFault);

/** The proxy, except its login, which is secret. */
export const proxy = section({
  http: proxyUrl.optional().meta({ description: "URL of the proxy for http:// requests. Default: none." }),
  https: proxyUrl.optional().meta({ description: "URL of the proxy for https:// requests. Default: `proxy.http`." }),
  noProxy: listOf(text(directExpectation, directFault), '[example.com, "10.0.0.0/8"]').default([]).meta({
    description:
      "Domains, addresses and networks that hosts reach without the proxy, besides those of the cluster: nodes with their networks (/24, for IPv6 /64), pods, services, the cluster's domain, the load balancers and the datastore. apt understands no networks here.",
  }),
}).meta({
  description:
    "Proxy that hosts use for downloads, packages and images. A change of it restarts K3s on one node after the other.",
});

/** Why a login at the proxy cannot be used, with the remedy, or undefined. No part of it is repeated. */
export function proxyCredentialsFault(value: string): string | undefined {
  const expectation = "has to be a user and a password: write it like user:password";
  // eslint-disable-next-line no-control-regex -- exactly these characters
  return /^[^:]+:./.test(value) && !/[\0-\x1f\x7f]/.test(value) && value.isWellFormed() ? undefined : expectation;
}
