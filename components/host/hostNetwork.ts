import { nodeAddressOf } from "./host.ts";
import { type HostCheckPart } from "./hostCheckPart.ts";
import { hostScripts } from "./scripts.ts";

/** Checks of a node's address, and of the network interface of its pod traffic. */
export const hostNetwork: HostCheckPart = {
  script: hostScripts.hostNetwork,
  checks: ["check_node_address", "check_pod_network"],
  variables: ({ host, role }) => ({ node_address: role === "server" || role === "agent" ? nodeAddressOf(host) : "" }),
  sentences: {
    "node-address": (_, address = "?", addresses = "?") =>
      `has the node address ${address} on none of its network interfaces, so its node would not start. Its addresses: ${addresses}. Set nodeAddress in the host's entry to the address at which other nodes reach it.`,
  },
  notes: {
    "pod-network": (_, chosen = "?", own = "?", address = "?") =>
      `the traffic of its pods uses ${chosen}, the network interface of the default route, instead of ${own}, which has its node address ${address}. A running node keeps this. To move pod traffic to the node addresses, set flannel-iface to ${own} for all nodes. While one node after the other restarts, pods cannot reach those on other nodes.`,
  },
};
