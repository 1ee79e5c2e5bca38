# shellcheck shell=bash
# Reads, changes nothing: whose host is this, and what is on it that this program did not put there?
owner_path=$state_directory/owner

# report_foreign PATH: what would be replaced.
report_foreign() {
  if [[ $adopt == true ]]; then report adopted "$1" "$originals_directory$1"; else report foreign-file "$1"; fi
}

owner_line() { sed -n "s/^$1=//p" "$owner_path"; }

check_owner() {
  local owner
  if [[ ! -e $owner_path ]]; then
    check_unmarked
    return
  fi
  owner=$(owner_line project)/$(owner_line stack)
  if [[ $owner != "$owner_name" ]]; then
    report owner "$owner" "$(owner_line role)" "$(owner_line host)"
  elif [[ -n $cluster_id && $(owner_line cluster) != "$cluster_id" ]]; then
    report owner-cluster "$owner" "$(owner_line role)" "$(owner_line host)"
  fi
}

# Releases of this program without marks have set up hosts as well: these are known by the servers that they serve.
check_unmarked() {
  local owner addresses
  owner=$(owner_of_node)
  [[ -z $owner || $owner == "$owner_name" ]] || report owner-unmarked "$owner"
  addresses=$(served_addresses)
  if [[ -n $addresses ]] && ! grep -qxF "$(printf '%s\n' "${server_addresses[@]}")" <<<"$addresses"; then
    report other-servers "${addresses//$'\n'/, }"
  fi
}

owner_of_node() {
  local claim kubeconfig node=""
  for claim in "$state_directory"/k3s.claims/*; do
    [[ -f $claim ]] || continue
    node=$(<"$claim")
  done
  [[ -n $node ]] || return 0
  kubeconfig=/var/lib/rancher/k3s/agent/kubelet.kubeconfig
  [[ ! -e /etc/rancher/k3s/k3s.yaml ]] || kubeconfig=/etc/rancher/k3s/k3s.yaml
  # A node that cannot be asked is this stack's by its name and role, which are checked as well.
  timeout 5 k3s kubectl --kubeconfig "$kubeconfig" get node "${node#* }" --request-timeout 4s \
    --output 'jsonpath={.metadata.annotations.k3s-ha\.io/stack}' 2>/dev/null || return 0
}

served_addresses() {
  if [[ -d /etc/k3s-ha/datastore-clients ]]; then
    # "USER ADDRESS"; earlier releases recorded no user.
    find /etc/k3s-ha/datastore-clients -name '*.address' -exec sed 's/^.* //' {} + | sort --unique
  elif is_ours /etc/haproxy/haproxy.cfg; then
    sed -nE 's/^ +server [^ ]+ \[?([^] ]+)\]?:[0-9]+$/\1/p' /etc/haproxy/haproxy.cfg
  fi
}

# Once they were verified here, these are this program's files.
check_load_balancer() {
  [[ $role == loadBalancer ]] || return 0
  if [[ ! -e $state_directory/haproxy.proved ]] && is_foreign /etc/haproxy/haproxy.cfg; then report_foreign /etc/haproxy/haproxy.cfg; fi
  if [[ $shares_address == true && ! -e $state_directory/keepalived.proved ]] && is_foreign /etc/keepalived/keepalived.conf; then
    report_foreign /etc/keepalived/keepalived.conf
  fi
}

check_database() {
  local schemas packages
  [[ ($role == datastore || $role == backup) && $runs_etcd != true ]] || return 0
  if [[ $database_engine == postgres ]]; then
    [[ $role != datastore ]] || check_postgres
    return 0
  fi
  packages=$(conflicting_packages)
  [[ -z $packages ]] || report mysql-packages "${packages//$'\n'/, }"
  if [[ $role == backup || -n $packages ]] || is_ours /etc/mysql/mariadb.conf.d/90-k3s-ha.cnf; then return 0; fi
  schemas=$(other_schemas)
  [[ -n $schemas ]] || return 0
  if [[ $adopt == true ]]; then report adopted-schemas "${schemas//$'\n'/, }"; else report schemas "${schemas//$'\n'/, }"; fi
}

# The cluster that is used is "main" of the newest version, or the one that the package will create. This program's own has its settings.
check_postgres() {
  local version name port clusters=() databases
  command -v pg_lsclusters >/dev/null || return 0
  local newest
  newest=$(pg_lsclusters --no-header 2>/dev/null | awk '$2 == "main" { print $1 }' | sort --numeric-sort | tail -n 1)
  while read -r version name port _; do
    if [[ $name != main || $version != "$newest" ]]; then
      # What pg_upgradecluster leaves of this program's own is stopped, and kept until its owner drops it.
      is_ours "/etc/postgresql/$version/$name/conf.d/90-k3s-ha.conf" || clusters+=("$version/$name")
    elif ! is_ours "/etc/postgresql/$version/$name/conf.d/90-k3s-ha.conf"; then
      databases=$(other_databases "$version" "$port")
      [[ -z $databases ]] || report postgres-databases "${databases//$'\n'/, }"
    fi
  done < <(pg_lsclusters --no-header 2>/dev/null)
  if ((${#clusters[@]})); then report postgres-clusters "${clusters[*]}"; fi
}

# other_databases VERSION PORT: of the cluster "main". One that is stopped, or that does not let its superuser in, has a directory for
# each, below the numbers of which are PostgreSQL's own.
other_databases() {
  local answer
  if answer=$(cd / && timeout 10 setpriv --reuid=postgres --regid=postgres --init-groups psql --no-psqlrc --no-password --tuples-only --no-align \
    --port="$2" --dbname=postgres --command 'SELECT datname FROM pg_database' 2>/dev/null); then
    awk -v own="$schema" '$0 != own && !/^(postgres|template0|template1|)$/' <<<"$answer" | sort
  else
    find "$(pg_lsclusters --no-header "$1" main | awk '{ print $6 }')/base" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' 2>/dev/null |
      awk '/^[0-9]+$/ && $0 >= 16384 { print "number " $0 }' | sort
  fi
}

# Servers that the packages of MariaDB exclude.
conflicting_packages() {
  dpkg-query --show --showformat='${db:Status-Status} ${Package}\n' 2>/dev/null |
    sed -nE 's/^installed ((mysql|percona)-[a-z-]*server[a-z0-9.-]*)$/\1/p' | sort
}

other_schemas() {
  local directory=/var/lib/mysql schemas
  if ! systemctl is-active --quiet mariadb || ! schemas=$(timeout 10 mariadb --batch --skip-column-names --execute 'SHOW DATABASES' 2>/dev/null); then
    # A server that is stopped, or that does not let root in, has a directory for each.
    [[ -d $directory ]] || return 0
    schemas=$(find "$directory" -mindepth 1 -maxdepth 1 -type d -printf '%f\n')
  fi
  awk -v own="$schema" '$0 != own && !/^(mysql|sys|performance_schema|information_schema|test|lost\+found|[.#].*|)$/' <<<"$schemas" | sort
}

check_etcd() {
  if [[ $runs_etcd == true ]] && systemctl is-active --quiet etcd; then report foreign-etcd; fi
}

unit_file() { systemctl show --property FragmentPath --value "$1.service" 2>/dev/null || return 0; }

check_kubernetes() {
  local unit path
  [[ $role == server || $role == agent ]] || return 0
  # A K3s with a claim is this program's, and check_node checks it.
  [[ ! -d $state_directory/k3s.claims ]] || return 0
  for unit in k3s k3s-agent; do
    path=$(unit_file "$unit")
    if [[ -n $path ]] && ! is_ours "$path"; then report k3s-unit "$path"; fi
  done
  for path in /var/lib/rancher/k3s/server/token /var/lib/rancher/k3s/server/cred /var/lib/rancher/k3s/agent/kubelet.kubeconfig; do
    if [[ -e $path ]]; then
      report k3s-data "$path"
      break
    fi
  done
  for unit in kubelet rke2-server rke2-agent k0scontroller k0sworker snap.microk8s.daemon-kubelite; do
    path=$(unit_file "$unit")
    if [[ -n $path ]]; then report kubernetes "$unit.service"; fi
  done
  check_k3s_files
}

check_k3s_files() {
  local path
  if is_foreign /usr/local/bin/k3s; then report_foreign /usr/local/bin/k3s; fi
  for path in /usr/local/bin/{kubectl,crictl,ctr}; do
    # Only one that follows K3s's own program comes to mean something else.
    if [[ -L $path && $(readlink "$path") =~ ^(/usr/local/bin/)?k3s$ ]]; then report_foreign "$path"; fi
  done
  if is_foreign /etc/rancher/k3s/config.yaml; then report_foreign /etc/rancher/k3s/config.yaml; fi
  for path in /etc/rancher/k3s/config.yaml.d/*.y*ml; do
    if is_other_node "$path"; then report_foreign "$path"; fi
  done
  if [[ $writes_registries == true ]] && is_foreign /etc/rancher/k3s/registries.yaml; then report_foreign /etc/rancher/k3s/registries.yaml; fi
}

# Ports that the role's own program is to listen on: "PORT PROGRAM…".
check_held_ports() {
  local entry port holder holders
  for entry in "${own_ports[@]}"; do
    read -r port entry <<<"$entry"
    holders=$(holders_of "$port")
    # What systemd starts for a connection to another of its sockets has this one too, under any name, until it runs its program.
    if [[ " $entry " == *" systemd "* && $'\n'$holders$'\n' == *$'\nsystemd\n'* ]]; then continue; fi
    for holder in $holders; do
      if [[ " $entry " != *" $holder "* ]]; then
        report held-port "$port" "$holder"
        break
      fi
    done
  done
}

# holders_of PORT: the programs that listen there; nothing if there is none.
holders_of() {
  ss --listening --tcp --numeric --processes --no-header "sport = :$1" | { grep -oE '\("[^"]+"' || test $? = 1; } | tr -d '("' | sort -u
}
