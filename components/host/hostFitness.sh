# shellcheck shell=bash
# Reads, changes nothing: is this a host that the program can work on?
port_holder() {
  ss --listening --tcp --numeric --processes --no-header "sport = :$1" | sed -nE 's/.*users:\(\("([^"]+)".*/\1/p' | head -n 1
}

check_root() {
  [[ $(id -u) == 0 ]] || report no-root
}

check_system() {
  local id="" id_like="" name="an unknown system" version="" oldest=""
  if [[ -r /etc/os-release ]]; then
    # shellcheck source=/dev/null
    id=$(. /etc/os-release && printf '%s' "${ID:-}")
    # shellcheck source=/dev/null
    id_like=$(. /etc/os-release && printf '%s' "${ID_LIKE:-}")
    # shellcheck source=/dev/null
    name=$(. /etc/os-release && printf '%s' "${PRETTY_NAME:-$ID}")
    # shellcheck source=/dev/null
    version=$(. /etc/os-release && printf '%s' "${VERSION_ID:-}")
  fi
  [[ " $id $id_like " =~ \ (debian|ubuntu)\  ]] || report system "$name"
  # Their testing releases have no number, and those of other names count in their own way. A host that this program has worked
  # on is let be.
  case $id in
    debian) oldest=12 ;;
    ubuntu) oldest=24.04 ;;
  esac
  [[ -z $oldest || -z $version || -d $state_directory || $(printf '%s\n' "$oldest" "$version" | sort --version-sort | head -n 1) == "$oldest" ]] || report release "$name"
  [[ $(uname -m) =~ ^(x86_64|aarch64)$ ]] || report processor "$(uname -m)"
  [[ -d /run/systemd/system ]] || report no-systemd
}

# Members of etcd are those of the distribution.
check_etcd_release() {
  local id="" version="" name="" oldest=""
  [[ $runs_etcd == true && -r /etc/os-release ]] || return 0
  # shellcheck source=/dev/null
  read -r id version name < <(. /etc/os-release && printf '%s\n' "${ID:-} ${VERSION_ID:-none} ${PRETTY_NAME:-}")
  case $id in
    debian) oldest=13 ;;
    ubuntu) oldest=25.04 ;;
  esac
  [[ -z $oldest || $version == none || $(printf '%s\n' "$oldest" "$version" | sort --version-sort | head -n 1) == "$oldest" ]] || report etcd-release "$name"
}

# has_module NAME: whether the kernel has it or can load it. Where that cannot be told, K3s says so if it misses it.
has_module() {
  [[ -d /sys/module/$1 || ! -d $modules_directory/$(uname -r) ]] || ! command -v modprobe >/dev/null || modprobe --dry-run --quiet "$1" 2>/dev/null
}

# What a node takes of its kernel. The old control groups and the unified ones may offer a part each.
check_kernel() {
  local missing=() name controllers
  [[ $role == server || $role == agent ]] || return 0
  for name in overlay br_netfilter; do has_module "$name" || missing+=("$name"); done
  ((${#missing[@]} == 0)) || report modules "${missing[*]}" "$(uname -r)"
  has_module vxlan || report vxlan "$(uname -r)"
  controllers=" $(cat "$control_groups/cgroup.controllers" 2>/dev/null) $(awk '$4 == 1 { print $1 }' "$processes/cgroups" | paste -s -d ' ') "
  missing=()
  for name in cpu cpuset memory pids; do
    [[ $controllers == *" $name "* ]] || missing+=("$name")
  done
  ((${#missing[@]} == 0)) || report control-groups "${missing[*]}"
}

# A host that this program has worked on has what its role takes, and a full disk there must not stand in the way of what frees it.
check_disk() {
  local free_mib needed=$needed_mib at=$data_directory
  [[ ! -d $state_directory ]] || needed=$needed_for_change_mib
  until [[ -e $at ]]; do at=$(dirname "$at"); done
  free_mib=$(df --output=avail --block-size=1M "$at" | tail -n 1 | tr -d ' ')
  ((free_mib >= needed)) || report disk "$free_mib" "$needed" "$data_directory"
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
  [[ ! -e $database/etcd/member/wal || ($embedded_datastore == etcd && (-e $state_directory/k3s.claims || -e $state_directory/etcd-begins)) ]] || report embedded-etcd "$database/etcd"
  # This stack's own has a mark beside what it is.
  [[ ! -e $database/state.db || ($embedded_datastore == sqlite && -e $state_directory/sqlite) ]] || report sqlite "$database/state.db"
}

# The node that a host is stays in the cluster under its name, and K3s on the host, until its entry is gone.
check_node() {
  local path node
  for path in "$state_directory"/k3s.claims/*; do
    [[ -f $path && $path != *.k3s-ha-new ]] || continue
    node=$(<"$path")
    [[ $node == "$role $host_name" || $node == "$shared_node" ]] || report node "$node"
  done
}
