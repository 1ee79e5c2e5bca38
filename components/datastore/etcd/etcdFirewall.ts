import { writtenBy } from "../../host/writtenBy.ts";

/** Name of the unit that keeps the rules loaded, without its ending. */
export const etcdFirewallUnit = "k3s-ha-etcd-firewall";

/** The table that {@link renderEtcdFirewall} makes, of family inet. */
export const etcdFirewallTable = "k3s_ha_etcd";

/** The rule that lets one address in. */
export function renderEtcdAccept(ports: readonly number[], address: string): string {
  return `tcp dport { ${ports.join(", ")} } ${address.includes(":") ? "ip6" : "ip"} saddr ${address} accept`;
}

/**
 * nftables rules that close a member's ports to everybody but itself, and to those whose rules stand in files that the pattern
 * `others` matches.
 */
export function renderEtcdFirewall(ports: readonly number[], own: string, others: string): string {
  return `#!/usr/sbin/nft -f
# ${writtenBy}
table inet ${etcdFirewallTable}
delete table inet ${etcdFirewallTable}
table inet ${etcdFirewallTable} {
  chain input {
    type filter hook input priority -10; policy accept;
    iif lo accept
    ${renderEtcdAccept(ports, own)}
    include "${others}"
    tcp dport { ${ports.join(", ")} } drop
  }
}
`;
}
