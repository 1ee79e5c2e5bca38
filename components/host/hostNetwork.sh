# shellcheck shell=bash
# Reads, changes nothing: has the host the addresses that the cluster is to reach it at?
check_node_address() {
  local address addresses
  for address in $node_address $secondary_node_address; do
    addresses=$(ip -oneline address show to "$address")
    [[ -z $addresses ]] || continue
    addresses=$(ip -oneline address show scope global | awk '{ sub("/.*", "", $4); print $4 " (" $2 ")" }' | paste -s -d , | sed 's/,/, /g')
    report node-address "$address" "${addresses:-none}"
  done
}

# Flannel uses one network interface for both families.
check_dual_stack() {
  local first second
  [[ -n $secondary_node_address ]] || return 0
  first=$(interface_of "$node_address")
  second=$(interface_of "$secondary_node_address")
  [[ -z $first || -z $second || $first == "$second" ]] || report node-interfaces "$node_address" "$first" "$secondary_node_address" "$second"
}

interface_of() { ip -oneline address show to "$1" | awk 'NR == 1 { sub("@.*", "", $2); print $2 }'; }

# K3s turns on forwarding of IPv6. The kernel then ignores router advertisements, so a default route from one expires.
check_ipv6_route() {
  local interface
  [[ $node_address$secondary_node_address == *:* ]] || return 0
  interface=$(ip -6 -oneline route show default proto ra | sed -nE '1s/.* dev ([^ ]+).*/\1/p')
  [[ -z $interface || $(sysctl --values "net/ipv6/conf/$interface/accept_ra") != 1 ]] || report ipv6-route "$interface"
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
