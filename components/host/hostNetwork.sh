# shellcheck shell=bash
# Reads, changes nothing: has the host the address that the cluster is to reach it at?
check_node_address() {
  local addresses
  [[ -n $node_address ]] || return 0
  addresses=$(ip -oneline address show to "$node_address")
  [[ -z $addresses ]] || return 0
  addresses=$(ip -oneline address show scope global | awk '{ sub("/.*", "", $4); print $4 " (" $2 ")" }' | paste -s -d , | sed 's/,/, /g')
  report node-address "$node_address" "${addresses:-none}"
}

# A running node keeps the network interface of its pod traffic.
check_pod_network() {
  local family=-4 own default
  [[ -n $node_address && ( -e $state_directory/k3s.proved || -e $state_directory/k3s-agent.proved ) ]] || return 0
  if grep -qsE '^(flannel-iface|flannel-external-ip|flannel-backend: *"?none)' /etc/rancher/k3s/config.yaml /etc/rancher/k3s/config.yaml.d/*.y*ml; then return 0; fi
  [[ $node_address != *:* ]] || family=-6
  own=$(ip -oneline address show to "$node_address" | awk 'NR == 1 { sub("@.*", "", $2); print $2 }')
  default=$(ip "$family" -oneline route show default | sed -nE '1s/.* dev ([^ ]+).*/\1/p')
  [[ -z $own || $own == lo || -z $default || $own == "$default" ]] || report pod-network "$default" "$own" "$node_address"
}
