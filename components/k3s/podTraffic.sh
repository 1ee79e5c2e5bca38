# shellcheck shell=bash
# Whether the traffic of pods reaches another node. Between nodes it takes flannel's own network interface, at which each node
# has the first address of its network for pods. A ping of that address takes the same way as a packet from pod to pod.

has_link() { [[ -e /sys/class/net/$1 ]]; }

link_mtu() { cat "/sys/class/net/$1/mtu"; }

# pod_links: flannel's network interfaces that carry pods' traffic to other nodes. A backend without one, such as host-gw, has
# none, and neither has the network of another CNI plugin.
pod_links() {
  local link
  for link in flannel.1 flannel-v6.1 flannel-wg flannel-wg-v6; do
    if has_link "$link"; then printf '%s\n' "$link"; fi
  done
}

# link_family LINK: the option for programs that have to be told the family of addresses.
link_family() { if [[ $1 == *-v6* ]]; then printf '%s' -6; else printf '%s' -4; fi; }

# link_port LINK: the UDP port that its packets go to on the other node.
link_port() {
  local port
  port=$(ip -details -oneline link show dev "$1" | sed -nE 's/.* dstport ([0-9]+).*/\1/p')
  case $1 in
    flannel-wg-v6) printf '%s' 51821 ;;
    flannel-wg) printf '%s' 51820 ;;
    *) printf '%s' "${port:-8472}" ;;
  esac
}

own_pod_address() { ip "$(link_family "$1")" -oneline address show dev "$1" scope global | awk 'NR == 1 { sub("/.*", "", $4); print $4 }'; }

# pod_peers LINK: the addresses of all other nodes at it, as flannel has routed them.
pod_peers() { ip "$(link_family "$1")" -oneline route show dev "$1" | awk '$1 ~ "/" && $1 !~ "^(fe80|ff00)" { sub("/.*", "", $1); print $1 }'; }

# pod_peer_host LINK ADDRESS: the address of the host that has the other end; nothing where only WireGuard knows it.
pod_peer_host() {
  local mac
  mac=$(ip "$(link_family "$1")" neighbour show "$2" dev "$1" | sed -nE 's/.*lladdr ([^ ]+).*/\1/p')
  [[ -z $mac ]] || bridge fdb show dev "$1" | awk -v mac="$mac" '$1 == mac { for (i = 2; i < NF; i++) if ($i == "dst") { print $(i + 1); exit } }'
}

# next_pod_peer LINK: the node after this one, in an order that all nodes agree on, so that each is asked by one other: a ring.
next_pod_peer() {
  local own
  own=$(own_pod_address "$1")
  [[ -n $own ]] || return 0
  { pod_peers "$1" && printf '%s\n' "$own"; } | LC_ALL=C sort -Vu |
    awk -v own="$own" 'NR == 1 { first = $0 } found { print; found = 0; done = 1; exit } $0 == own { found = 1 } END { if (!done && first != own) print first }'
}

# is_answered LINK ADDRESS [OPTION...]: one of three pings.
is_answered() {
  local link=$1 address=$2 try
  shift 2
  for try in 1 2 3; do
    if ping "$(link_family "$link")" -n -q -c 1 -W 1 "$@" "$address" >/dev/null 2>&1; then return 0; fi
  done
  return 1
}

# is_connected ADDRESS: its kubelet accepts a connection, or refuses it, which is an answer too.
is_connected() {
  local answer
  answer=$(timeout 3 bash -c "exec 3<>/dev/tcp/$1/10250" 2>&1) || [[ $answer == *refused* ]]
}

# pod_traffic LINK ADDRESS: "ok", "silent", or "small" where only small packets arrive. Without ping, which a host may lack, the
# size is not tried.
pod_traffic() {
  local headers=28
  [[ $1 != *-v6* ]] || headers=48
  if ! command -v ping >/dev/null; then
    if is_connected "$2"; then printf ok; else printf silent; fi
  elif ! is_answered "$1" "$2"; then
    printf silent
  elif ! is_answered "$1" "$2" -M "do" -s "$(($(link_mtu "$1") - headers))"; then
    printf small
  else
    printf ok
  fi
}

# tell_pod_traffic: "link, port, address, host, MTU, answer" of the next node at each link, separated by tabs.
tell_pod_traffic() {
  local link peer
  for link in $(pod_links); do
    peer=$(next_pod_peer "$link")
    [[ -z $peer ]] || printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$link" "$(link_port "$link")" "$peer" "$(pod_peer_host "$link" "$peer")" \
      "$(link_mtu "$link")" "$(pod_traffic "$link" "$peer")"
  done
}
