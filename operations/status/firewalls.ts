/** The firewalls that the stack keeps on its hosts. */
import { vrrpFirewallUnit } from "../../components/balancer/vrrpFirewall.ts";
import { etcdFirewallUnit } from "../../components/datastore/etcd/etcdFirewall.ts";
import { datastoreFirewallUnit } from "../../components/datastore/datastoreFirewall.ts";

/** When a firewall's rules were last found missing, and were loaded again. */
export interface PutBackFact {
  /** The firewall's unit, without its ending. */
  readonly unit: string;
  readonly at: Date;
}

/** Units of firewalls, and what each is for. */
export const firewallPurposes: Readonly<Record<string, string>> = {
  [datastoreFirewallUnit]: "closes the port of the datastore to all except the servers and the backup host",
  [etcdFirewallUnit]: "closes the ports of etcd to all except its members and the servers",
  [vrrpFirewallUnit]: "protects the virtual IP from other hosts",
};

/** Hours for which missing rules are reported: longer than from one status to the next. */
const toldHours = 48;

/** A sentence for each firewall of a host that is not loaded, or that something else has removed. */
export function firewallProblems(
  name: string,
  units: Readonly<Record<string, string>>,
  putBack: readonly PutBackFact[],
  now: Date,
): string[] {
  return [
    ...Object.entries(firewallPurposes).flatMap(([unit, purpose]) =>
      units[unit] === undefined || units[unit] === "active"
        ? []
        : [
            `${name}: the firewall that ${purpose} is not loaded (${unit} is ${units[unit]}). See "journalctl --unit ${unit}" there, then run "systemctl restart ${unit}".`,
          ],
    ),
    ...putBack
      .filter(({ at }) => now.getTime() - at.getTime() < toldHours * 3_600_000)
      .map(
        ({ unit, at }) =>
          `${name}: something removed the rules of the firewall that ${firewallPurposes[unit] ?? "the stack keeps"}, last at ${at.toISOString()}; they were loaded again within seconds. Find what flushes all rules there, such as "nft flush ruleset" in another tool's service, and make it remove its own tables only.`,
      ),
  ];
}
