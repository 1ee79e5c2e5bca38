import { BlockList, isIP, isIPv6 } from "node:net";

const dnsLabel = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Whether text is a DNS name of RFC 1123 in lower case, as Kubernetes wants node names: labels of 63, 253 in all. */
export function isDnsName(text: string): boolean {
  return text.length <= 253 && text.split(".").every((label) => dnsLabel.test(label));
}

/** Whether text is one label of a DNS name. */
export function isDnsLabel(text: string): boolean {
  return dnsLabel.test(text);
}

/** Whether text can be dialled: an IP address, or a DNS name that cannot be a mistyped IPv4 address. */
export function isAddress(text: string): boolean {
  if (isIP(text) !== 0) return true;
  const name = text.toLowerCase();
  return isDnsName(name) && !/^\d+$/.test(name.split(".").at(-1) ?? "");
}

/** The address in the one spelling by which two of them can be compared: `2001:DB8::0:1` is `2001:db8::1`. */
export function canonicalAddress(address: string): string {
  return isIPv6(address) ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address.toLowerCase();
}

/** Addresses that no single host has: all of a host's own, all hosts of a network, many at once. */
const shared = new BlockList();
for (const [network, bits] of [
  ["0.0.0.0", 8],
  ["224.0.0.0", 3],
] as const)
  shared.addSubnet(network, bits, "ipv4");
shared.addAddress("::", "ipv6");
shared.addSubnet("ff00::", 8, "ipv6");

/** Whether text is an IP address that one host can have: neither "all addresses" nor a multicast one. */
export function isUnicastAddress(text: string): boolean {
  const version = isIP(text);
  return version !== 0 && !shared.check(text, version === 4 ? "ipv4" : "ipv6");
}
