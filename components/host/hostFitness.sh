# shellcheck shell=bash
# Reads, changes nothing: is this a host that the program can work on?
port_holder() {
  ss --listening --tcp --numeric --processes --no-header "sport = :$1" | sed -nE 's/.*users:\(\("([^"]+)".*/\1/p' | head -n 1
}

check_root() {
  [[ $(id -u) == 0 ]] || report no-root
}

check_system() {
  local id="" id_like="" name="an unknown system"
  if [[ -r /etc/os-release ]]; then
    # shellcheck source=/dev/null
    id=$(. /etc/os-release && printf '%s' "${ID:-}")
    # shellcheck source=/dev/null
    id_like=$(. /etc/os-release && printf '%s' "${ID_LIKE:-}")
    # shellcheck source=/dev/null
    name=$(. /etc/os-release && printf '%s' "${PRETTY_NAME:-$ID}")
  fi
  [[ " $id $id_like " =~ \ (debian|ubuntu)\  ]] || report system "$name"
  [[ $(uname -m) =~ ^(x86_64|aarch64)$ ]] || report processor "$(uname -m)"
  [[ -d /run/systemd/system ]] || report no-systemd
}

# A host that this program has worked on has what its role takes, and a full disk there must not stand in the way of what frees it.
check_disk() {
  local free_mib needed=$needed_mib
  [[ ! -d $state_directory ]] || needed=$needed_for_change_mib
  free_mib=$(df --output=avail --block-size=1M /var | tail -n 1 | tr -d ' ')
  ((free_mib >= needed)) || report disk "$free_mib" "$needed"
}

check_port() {
  local holder
  [[ -n $port ]] || return 0
  holder=$(port_holder "$port")
  [[ -z $holder || " $port_owners " == *" $holder "* ]] || report port "$port" "$holder"
}

check_leftovers() {
  local database=/var/lib/rancher/k3s/server/db
  [[ $role == server ]] || return 0
  # Any K3s server has the directory; a member with a log is what makes K3s prefer it.
  [[ ! -e $database/etcd/member/wal ]] || report embedded-etcd "$database/etcd"
  [[ ! -e $database/state.db ]] || report sqlite "$database/state.db"
}

# The node that a host is stays in the cluster under its name, and K3s on the host, until its entry is gone.
check_node() {
  local path node
  for path in "$state_directory"/k3s.claims/*; do
    [[ -f $path && $path != *.k3s-ha-new ]] || continue
    node=$(<"$path")
    [[ $node == "$role $host_name" ]] || report node "$node"
  done
}
