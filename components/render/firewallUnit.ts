/** Rules of nftables that a unit keeps loaded. */
export interface FirewallUnit {
  /** What the rules are, for people: "Datastore firewall". */
  description: string;
  /** The service that the rules protect, and that is started after them. */
  protects: string;
  /** Path of the rules. */
  rules: string;
  /** The table of family inet that the rules make. */
  table: string;
}

/** The unit that loads rules of nftables at every start of the host, before the service that they protect. */
export function renderFirewallUnit({ description, protects, rules, table }: FirewallUnit): string {
  return `# Written by k3s-ha; changes made here are overwritten.
[Unit]
Description=${description} of k3s-ha
Before=${protects}
# The distribution's own rules, where they are used, begin by removing all others: these come back after them.
After=nftables.service
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft -f ${rules}
ExecReload=/usr/sbin/nft -f ${rules}
ExecStop=/usr/sbin/nft delete table inet ${table}

[Install]
WantedBy=multi-user.target
`;
}
