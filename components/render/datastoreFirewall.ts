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
# Written by k3s-ha; changes made here are overwritten.
table inet k3s_ha_datastore
delete table inet k3s_ha_datastore
table inet k3s_ha_datastore {
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

/** The unit that loads these rules at every start of the host, before the database. */
export function renderFirewallUnit(rules: string): string {
  return `# Written by k3s-ha; changes made here are overwritten.
[Unit]
Description=Datastore firewall of k3s-ha
Before=mariadb.service
# The distribution's own rules, where they are used, begin by removing all others: these come back after them.
After=nftables.service
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft -f ${rules}
ExecReload=/usr/sbin/nft -f ${rules}
ExecStop=/usr/sbin/nft delete table inet k3s_ha_datastore

[Install]
WantedBy=multi-user.target
`;
}
