# shellcheck shell=bash
# The network interface for pod traffic. Flannel by itself uses that of the default route, which on a host with several
# need not be the one that has the node's address.

# card_of ADDRESS: the network interface that has it; nothing without one.
card_of() { ip -oneline address show to "$1" | awk 'NR == 1 { sub("@.*", "", $2); print $2 }'; }

# default_card ADDRESS: the network interface of the default route, of the address's family; nothing without such a route.
default_card() {
  local family=-4
  [[ $1 != *:* ]] || family=-6
  ip "$family" -oneline route show default | sed -nE '1s/.* dev ([^ ]+).*/\1/p'
}

# is_node_decided: a verified node keeps its network interface: while nodes use different ones, their pods do not reach
# each other. It is decided again for another address, and when the settings no longer name an interface.
is_node_decided() {
  [[ -e $state_directory/$unit.proved ]] && grep -qF -e "node-ip: \"$node_address\"" -e "node-ip: \"$node_address," "$config_path" && ! grep -q '^flannel-iface:' "$config_path"
}

# Before the settings are put, so that a run that was killed in between decides again.
choose_pod_card() {
  local card
  if [[ $chooses_pod_card == false ]]; then
    remove_ours "$pod_network_path"
    return 0
  fi
  if is_node_decided; then return 0; fi
  card=$(card_of "$node_address")
  if [[ -z $card || $card == lo ]] || [[ $chooses_pod_card != always && $card == "$(default_card "$node_address")" ]]; then
    remove_ours "$pod_network_path"
  else
    printf '# Written by k3s-ha; changes made here are overwritten.\nflannel-iface: "%s"\n' "$card" | write_file "$pod_network_path" 0600
  fi
}
