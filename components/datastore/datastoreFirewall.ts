import { writtenBy } from "../host/writtenBy.ts";

/** Name of the unit that keeps the rules loaded, without its ending. */
export const datastoreFirewallUnit = "k3s-ha-datastore-firewall";

/** The table that {@link renderDatastoreFirewall} makes, of family inet. */
export const datastoreFirewallTable = "k3s_ha_datastore";

/** The rule that lets one address in. */
export function renderDatastoreAccept(port: number, address: string): string {
  return `tcp dport ${port} ${address.includes(":") ? "ip6" : "ip"} saddr ${address} accept`;
}

/**
 * nftables rules that close the database's port to everybody but the given addresses, and to those whose rules stand in
 * files that the pattern `others` matches.
 */
export function renderDatastoreFirewall(port: number, addresses: readonly string[], others?: string): string {
  const family = (version: "ip" | "ip6", of: readonly string[]) =>
    of.length === 0 ? "" : `    tcp dport ${port} ${version} saddr { ${of.join(", ")} } accept\n`;
  return `#!/usr/sbin/nft -f
# ${writtenBy}
table inet ${datastoreFirewallTable}
delete table inet ${datastoreFirewallTable}
table inet ${datastoreFirewallTable} {
  chain input {
    type filter hook input priority -10; policy accept;
    iif lo accept
${family(
  "ip",
  addresses.filter((address) => !address.includes(":")),
)}${family(
    "ip6",
    addresses.filter((address) => address.includes(":")),
  )}${others === undefined ? "" : `    include "${others}"\n`}    tcp dport ${port} drop
  }
}
`;
}
