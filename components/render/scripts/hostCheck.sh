# shellcheck shell=bash
# Reads, changes nothing: is this a host that the program can work on?
problems=()
problem() { problems+=("$host_path ($host_address): $*"); }

port_holder() {
  ss --listening --tcp --numeric --processes --no-header "sport = :$1" | sed -nE 's/.*users:\(\("([^"]+)".*/\1/p' | head -n 1
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
  [[ " $id $id_like " =~ \ (debian|ubuntu)\  ]] ||
    problem "runs $name; only Debian and Ubuntu are supported. Use a host with one of these."
  [[ $(uname -m) =~ ^(x86_64|aarch64)$ ]] ||
    problem "has the processor architecture $(uname -m); K3s is released for x86_64 and aarch64 here. Use such a host."
  [[ -d /run/systemd/system ]] || problem "does not run systemd. Use a host whose services systemd manages."
}

check_disk() {
  local free_mib
  free_mib=$(df --output=avail --block-size=1M /var | tail -n 1 | tr -d ' ')
  ((free_mib >= needed_mib)) ||
    problem "has $free_mib MiB free under /var and needs $needed_mib MiB. Free some space or use a larger disk."
}

check_port() {
  local holder
  [[ -n $port ]] || return 0
  holder=$(port_holder "$port")
  [[ -z $holder || " $port_owners " == *" $holder "* ]] ||
    problem "port $port is taken by $holder. Stop that program or choose another port."
}

check_leftovers() {
  [[ $role == server ]] || return 0
  # Any K3s server has the directory; a member with a log is what makes K3s prefer it.
  [[ ! -e /var/lib/rancher/k3s/server/db/etcd/member/wal ]] ||
    problem "holds the embedded etcd of an earlier cluster in /var/lib/rancher/k3s/server/db/etcd, which K3s would prefer to the external datastore. Move it away."
  [[ ! -e /var/lib/rancher/k3s/server/db/state.db ]] ||
    problem "holds the SQLite datastore of an earlier cluster in /var/lib/rancher/k3s/server/db/state.db. Uninstall that K3s first, with its k3s-uninstall.sh."
}

# The node that a host is stays in the cluster under its name, and K3s on the host, until its entry is gone.
check_node() {
  local path node
  for path in "$state_directory"/k3s.claims/*; do
    [[ -f $path && $path != *.k3s-ha-new ]] || continue
    node=$(<"$path")
    [[ $node == "$role $host_name" ]] ||
      problem "is the ${node% *} ${node#* }, and is to be the $role_word $host_name. A host gets another role or another name in two steps: take its entry out and run up, which uninstalls K3s; then add it as what it is to be. If it was declared lost, install it anew."
  done
}

apply() {
  [[ $(id -u) == 0 ]] || problem "the login user is not root and did not become root through sudo. Give it password-less sudo."
  check_system
  check_disk
  check_port
  check_leftovers
  check_node
  if ((${#problems[@]})); then
    printf '%s\n' "${problems[@]}" >&2
    exit 1
  fi
}

remove() { :; }
