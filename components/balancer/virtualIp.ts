import * as pulumi from "@pulumi/pulumi";
import type { HostArgs } from "../host/host.ts";
import { HostCommand } from "../host/hostCommand.ts";
import { balancerCheck, balancerCheckPath } from "./balancerCheck.ts";
import { renderFirewallRequirement, renderFirewallUnit } from "../host/firewallUnit.ts";
import { renderHostScript } from "../host/hostScript.ts";
import { renderKeepalivedConfig } from "./keepalivedConfig.ts";
import { renderRestartDropIn } from "./restartDropIn.ts";
import { renderVrrpFirewall, vrrpFirewallTable, vrrpFirewallUnit } from "./vrrpFirewall.ts";
import { balancerScripts } from "./scripts.ts";
import { hostScripts } from "../host/scripts.ts";
import { unitPath } from "../host/unitPath.ts";

/** An address that several load balancers share: one holds it, and another takes it over when that one fails. */
export interface VirtualIp {
  /** A free IP address of the network that the load balancers are in. */
  address: string;
  /** Network interface of the load balancers that it is put on. Default: the one that has the host's node address. */
  interface?: string | undefined;
  /**
   * Command, an absolute path with arguments, that a load balancer runs as root when it takes the address: for networks that
   * do not follow gratuitous ARP, such as a cloud's. Default: none.
   */
  notify?: string | undefined;
}

/** One of the load balancers that share an address. */
export interface SharerArgs {
  host: HostArgs;
  hostName: string;
  virtualIp: VirtualIp;
  /** Port that HAProxy offers the API on. */
  port: number;
  /** The host's own node address. */
  ownAddress: pulumi.Input<string>;
  /** The node addresses of the others. */
  peerAddresses: pulumi.Input<string>[];
}

/** Packages that {@link shareVirtualIp} needs on its host. */
export const virtualIpPackages = ["keepalived", "nftables"];

const configDirectory = "/etc/keepalived/k3s-ha";
const firewallRules = "/etc/k3s-ha/vrrp-firewall.nft";
const firewallUnit = unitPath(`${vrrpFirewallUnit}.service`);
const requirementPath = unitPath("keepalived.service.d/k3s-ha-firewall.conf");
const dropInPath = unitPath("keepalived.service.d/k3s-ha.conf");

/** The command that lets a host share the address. It ends when exactly one host holds it. */
export function shareVirtualIp(name: string, args: SharerArgs, opts: pulumi.CustomResourceOptions): HostCommand {
  const { virtualIp, hostName } = args;
  return new HostCommand(
    name,
    {
      host: args.host,
      script: pulumi.all([args.ownAddress, pulumi.all(args.peerAddresses)]).apply(([ownAddress, peerAddresses]) =>
        renderHostScript({
          body: balancerScripts.virtualIp,
          parts: [hostScripts.originals, hostScripts.keptFiles, hostScripts.firewall],
          variables: {
            host_name: hostName,
            virtual_address: virtualIp.address,
            family: virtualIp.address.includes(":") ? 6 : 4,
            interface: virtualIp.interface ?? "",
            notify_program: virtualIp.notify?.split(" ")[0] ?? "",
            own_address: ownAddress,
            peer_addresses: peerAddresses,
            port: args.port,
            config_directory: configDirectory,
            check_path: balancerCheckPath,
            drop_in_path: dropInPath,
            firewall_unit: firewallUnit,
            firewall_rules: firewallRules,
            requirement_path: requirementPath,
          },
          files: [
            {
              path: `${configDirectory}/keepalived.conf`,
              content: renderKeepalivedConfig({
                hostName,
                virtualAddress: virtualIp.address,
                ownAddress,
                peerAddresses,
                checkPath: balancerCheckPath,
                notify: virtualIp.notify,
              }),
            },
            { path: balancerCheckPath, content: balancerCheck, mode: "0755" },
            { path: dropInPath, content: renderRestartDropIn() },
            { path: firewallRules, content: renderVrrpFirewall(peerAddresses) },
            { path: requirementPath, content: renderFirewallRequirement(firewallRules) },
            {
              path: firewallUnit,
              content: renderFirewallUnit({
                description: "VRRP firewall",
                unit: vrrpFirewallUnit,
                protects: "keepalived.service",
                rules: firewallRules,
                table: vrrpFirewallTable,
              }),
            },
          ],
        }),
      ),
    },
    opts,
  );
}
