import { writtenBy } from "./writtenBy.ts";

/** Rules of nftables that a unit keeps loaded. */
export interface FirewallUnit {
  /** The description of the rules: "Datastore firewall". */
  description: string;
  /** The service that the rules protect, and that is started after them. */
  protects: string;
  /** The unit's own name, without its ending. */
  unit: string;
  /** Path of the rules. */
  rules: string;
  /** The table of family inet that the rules make. */
  table: string;
}

/** Seconds after which rules are back that something else removed. */
const watchSeconds = 5;

/** The file in which a firewall records, in seconds, when its rules were last missing: its unit's name with this suffix. */
export const putBackRecords = "/run/k3s-ha";
export const putBackEnding = ".put-back";

/**
 * The unit that loads rules of nftables at every start of the host, before the service that they protect, and puts them
 * back when another tool has flushed them: `nft flush ruleset` is how most begin.
 */
export function renderFirewallUnit({ description, protects, rules, table, unit }: FirewallUnit): string {
  const record = `${putBackRecords}/${unit}${putBackEnding}`;
  return `# ${writtenBy}
[Unit]
Description=${description} of k3s-ha
Before=${protects}
# The distribution's own rules, where they are used, begin by removing all others: these come back after them.
After=nftables.service
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service
StartLimitIntervalSec=0

[Service]
ExecStartPre=/usr/sbin/nft -f ${rules}
ExecStart=/bin/sh -c 'while sleep ${watchSeconds}; do /usr/sbin/nft list table inet ${table} 2>/dev/null | grep -q drop || { echo "the rules of ${table} were removed by something else; loading them again"; /usr/sbin/nft -f ${rules} || exit 1; install -d -m 0700 ${putBackRecords}; date +%%s >${record}; }; done'
ExecReload=/usr/sbin/nft -f ${rules}
ExecStopPost=-/usr/sbin/nft delete table inet ${table}
Restart=always
RestartSec=1s

[Install]
WantedBy=multi-user.target
`;
}

/** A drop-in for the service that rules protect: it does not start where they cannot be loaded. It needs no restart of the service. */
export function renderFirewallRequirement(rules: string): string {
  return `# ${writtenBy}
[Service]
ExecStartPre=+/usr/sbin/nft -f ${rules}
`;
}
