import { writtenBy } from "../host/writtenBy.ts";

/** Name of the unit that keeps the rules loaded, without its ending. */
export const vrrpFirewallUnit = "k3s-ha-vrrp-firewall";

/** The table that {@link renderVrrpFirewall} makes, of family inet. */
export const vrrpFirewallTable = "k3s_ha_vrrp";

/**
 * nftables rules that let VRRP, the protocol by which load balancers agree on who holds the virtual address, in from the
 * peers alone. VRRP has no passwords since version 3: every sender could take over the address.
 */
export function renderVrrpFirewall(peers: readonly string[]): string {
  const accepts = (["ip", "ip6"] as const).flatMap((family) => {
    const addresses = peers.filter((peer) => peer.includes(":") === (family === "ip6"));
    return addresses.length === 0 ? [] : [`    meta l4proto 112 ${family} saddr { ${addresses.join(", ")} } accept\n`];
  });
  return `#!/usr/sbin/nft -f
# ${writtenBy}
table inet ${vrrpFirewallTable}
delete table inet ${vrrpFirewallTable}
table inet ${vrrpFirewallTable} {
  chain input {
    type filter hook input priority -10; policy accept;
${accepts.join("")}    meta l4proto 112 drop
  }
}
`;
}
