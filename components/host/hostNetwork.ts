import { nodeAddressOf } from "./host.ts";
import { type HostCheckPart } from "./hostCheckPart.ts";
import { hostScripts } from "./scripts.ts";

/** Checks of a node's address, and of the network interface of its pod traffic. */
export const hostNetwork: HostCheckPart = {
  script: hostScripts.hostNetwork,
  checks: ["check_node_address", "check_dual_stack", "check_ipv6_route", "check_pod_network"],
  variables: ({ host, role }) => {
    const isNode = role === "server" || role === "agent";
    return {
      node_address: isNode ? nodeAddressOf(host) : "",
      secondary_node_address: isNode ? (host.secondaryNodeAddress ?? "") : "",
    };
  },
  sentences: {
    "node-address": (_, address = "?", addresses = "?") =>
      `has the node address ${address} on none of its network interfaces, so its node would not start. Its addresses: ${addresses}. Set nodeAddress in the host's entry to the address at which other nodes reach it.`,
  },
  notes: {
    "node-interfaces": (_, address = "?", first = "?", secondary = "?", second = "?") =>
      `has its node addresses on two network interfaces, ${address} on ${first} and ${secondary} on ${second}, but flannel uses ${first} for the pod traffic of both families. Give ${first} an address of each family at which other nodes reach it, and set it as secondaryNodeAddress.`,
    "ipv6-route": (_, card = "?") =>
      `has its IPv6 default route from router advertisements, which the kernel ignores once K3s forwards IPv6, so the route expires. Set net.ipv6.conf.${card}.accept_ra = 2 in a file of /etc/sysctl.d, and run "sysctl --system".`,
    "pod-network": (_, chosen = "?", own = "?", address = "?") =>
      `the traffic of its pods uses ${chosen}, the network interface of the default route, instead of ${own}, which has its node address ${address}. A running node keeps this. To move pod traffic to the node addresses, set flannel-iface to ${own} for all nodes. While one node after the other restarts, pods cannot reach those on other nodes.`,
  },
};
