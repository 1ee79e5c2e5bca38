# shellcheck shell=bash
# Reads, changes nothing: how this host is doing, a line "kind<TAB>value…" for each thing that there is to say.
tell() { local IFS=$'\t'; printf '%s\n' "$*"; }

# certificate OWNER NAME PATH [SOURCE]: the first certificate in a file, and nothing else of it: there may be a key behind it.
certificate() {
  local text
  text=$(sed -nE '/^-----BEGIN CERTIFICATE/,/^-----END CERTIFICATE/p; /^-----END CERTIFICATE/q' "${4:-$3}" 2>/dev/null | grep -v -e ----- | tr -d '\n') || text=
  if [[ -n $text ]]; then tell certificate "$1" "$2" "$3" "$text"; fi
}

# unit NAME: systemd's word, and how often it was started again.
unit() { tell unit "$1" "$(systemctl show --property ActiveState --value "$1")" "$(systemctl show --property NRestarts --value "$1")"; }

# Those of them that the host has, and when their rules were last found missing, in seconds.
tell_firewalls() {
  local name
  for name in "${firewall_units[@]}"; do
    [[ -e /etc/systemd/system/$name.service ]] || continue
    unit "$name"
    if [[ -s $runtime_directory/$name.put-back ]]; then tell put-back "$name" "$(<"$runtime_directory/$name.put-back")"; fi
  done
}

tell_balancer() {
  unit haproxy
  # name, state, seconds in it, result of the last check, and its words
  socat -t 2 - "UNIX-CONNECT:$haproxy_socket" <<<"show stat" 2>/dev/null |
    awk -F , -v OFS='\t' '$1 == "servers" && $2 != "BACKEND" { print "server", $2, $18, $24, $37, $57 }' || tell silent haproxy
  certificate balancer "readiness check" "$health_certificate_path"
  if [[ -n $virtual_address ]]; then
    unit keepalived
    if [[ $(ip -oneline address show) == *" $virtual_address/"* ]]; then tell virtual yes; else tell virtual no; fi
  fi
}

tell_server() {
  [[ -z $server_teller ]] || "$server_teller"
  local path name nodes ready failed
  unit k3s
  for path in "$k3s_tls"/{,kube-controller-manager/,kube-scheduler/}*.crt /var/lib/rancher/k3s/agent/*.crt; do
    name=$(basename "$path" .crt)
    certificate k3s "$name" "$path"
  done
  # What clients are shown is in no file of its own kind.
  certificate k3s API "$k3s_tls/dynamic-cert.json" <(timeout "$api_seconds" openssl s_client -connect "127.0.0.1:$api_port" 2>/dev/null </dev/null)
  ready=$(ask_api /readyz "$api_seconds") || ready="no answer"
  failed=$(sed -nE 's/^\[-\]([^ ]+) failed.*/\1/p' <<<"$ready" | paste -sd ,)
  tell ready "${failed:-${ready%%$'\n'*}}"
  if nodes=$(ask_api '/api/v1/nodes?includeObject=None&pretty=false' "$api_seconds") && [[ $nodes == *'"kind":"Table"'* ]]; then
    tell nodes "$(tr -d '\n\t' <<<"$nodes")"
    tell_system_pods "$api_seconds"
    tell_kubelets "$api_seconds" "${kubelets[@]}"
  fi
}

tell_agent() {
  unit k3s-agent
  for path in /var/lib/rancher/k3s/agent/*.crt; do certificate k3s "$(basename "$path" .crt)" "$path"; done
}

# tell_answers ENGINE COMMAND...: puts an engine's questions, on standard input, to a client, and tells what it answers. Of a
# failure it tells what is neither an answer nor a client's advice, with a tab in it: a line for each host that was tried.
tell_answers() {
  local engine=$1 answer name value
  shift
  if answer=$("$@" 2>&1); then
    tell datastore engine "$engine"
    while IFS=$'\t' read -r name value; do tell datastore "$name" "$value"; done <<<"$answer"
  else
    tell datastore-fault "$(grep -v $'\t' <<<"$answer" | sed -E 's/^psql: (error: )?//' | paste -s -d '|' | sed 's/|/; /g')"
  fi
}

mysql_client() { mariadb --connect-timeout=3 --batch --skip-column-names "$@" < <(sql_questions); }

# The cluster "main" of the newest version, by its superuser on the socket.
postgres_client() {
  local cluster_port
  cluster_port=$(pg_lsclusters --no-header | awk '$2 == "main" { print $1, $3 }' | sort --numeric-sort | awk 'END { print $2 }')
  cd /
  setpriv --reuid=postgres --regid=postgres --init-groups psql --no-psqlrc --no-password --tuples-only --no-align --field-separator=$'\t' --quiet \
    --set=ON_ERROR_STOP=1 --port="$cluster_port" --dbname="$1" < <(postgres_questions)
}

tell_postgres_datastore() {
  local version
  version=$(pg_lsclusters --no-header 2>/dev/null | awk '$2 == "main" { print $1 }' | sort --numeric-sort | tail -n 1) || version=""
  tell unit postgresql "$(systemctl show --property ActiveState --value "postgresql@$version-main")" "$(systemctl show --property NRestarts --value "postgresql@$version-main")"
  tell_answers PostgreSQL postgres_client "$database"
  certificate datastore server "$postgres_tls/server.crt"
  certificate datastore ca "$postgres_tls/ca.crt"
}

tell_datastore() {
  if [[ $database_engine == postgres ]]; then
    tell_postgres_datastore
    return
  fi
  unit mariadb
  tell_answers MariaDB mysql_client "$database"
  certificate datastore server "$mariadb_tls/server.crt"
  certificate datastore ca "$mariadb_tls/ca.crt"
}

# The datastore of a cluster that runs none of its own, asked with the login that K3s has on this host: of those that are
# known, the one in K3s's own settings. One whose engine has no teller is not asked.
tell_remote_datastore() {
  local own which
  certificate datastore ca "$datastore_ca_path"
  own=$(grep '^datastore-endpoint: ' "$secrets_path" 2>/dev/null) || return 0
  for which in "${!endpoint_lines[@]}"; do
    [[ $own == "${endpoint_lines[which]}" ]] || continue
    [[ -z ${endpoint_tellers[which]} ]] || "${endpoint_tellers[which]}" "$which"
    return 0
  done
  tell datastore-unknown
}

tell_backup() {
  local manifest drill answer
  command -v "$backup_command" >/dev/null || return 0
  unit "$backup_unit.timer"
  unit "$backup_unit.service"
  unit "$inspection_unit.service"
  if manifest=$("$backup_command" latest --json 2>/dev/null); then
    tell backup "$(tr -d '\n\t' <<<"$manifest")"
    if ! answer=$("$backup_command" check 2>&1); then tell backup-check "$(tail -n 1 <<<"${answer#CRITICAL: }" | tr '\t' ' ')"; fi
  else
    tell backup-fault "$("$backup_command" latest 2>&1 | tail -n 1 | tr '\t' ' ')"
  fi
  unit "$drill_unit.timer"
  unit "$drill_unit.service"
  # When the last one succeeded, in seconds, and of which backup. A program of an earlier release does not know.
  if drill=$("$backup_command" drilled 2>/dev/null) && [[ -n $drill ]]; then tell drill "${drill% *}" "${drill#* }"; fi
}

# tell_disk DIRECTORY: bytes and inodes, used and free, of the file system that a directory is on, or will be.
tell_disk() {
  local at=$1 used free inodes_used inodes_free mount
  until [[ -e $at ]]; do at=$(dirname "$at"); done
  read -r used free inodes_used inodes_free mount < <(timeout 3 df --block-size=1 --output=used,avail,iused,iavail,target "$at" | tail -n 1) || return 0
  # A file system without a fixed number of inodes has "-".
  tell disk "$1" "$mount" "$used" "$free" "${inodes_used/#-/0}" "${inodes_free/#-/0}"
}

apply() {
  local directory traffic
  # Pings take their time, and so does a load balancer that does not answer: nothing of the rest waits for them.
  if [[ $role == server || $role == agent ]]; then
    exec {traffic}< <(
      tell_external_balancer &
      for link in $(pod_links); do tell pod-address "$(own_pod_address "$link")"; done
      tell_pod_traffic | sed 's/^/pod-traffic\t/'
      wait
    )
  fi
  case $role in
    loadBalancer) tell_balancer ;;
    server) tell_server ;;
    agent) tell_agent ;;
    datastore) if [[ $runs_etcd == true ]]; then tell_etcd; else tell_datastore; fi ;;
  esac
  tell_firewalls
  tell_backup
  for directory in "${growing_directories[@]}"; do tell_disk "$directory"; done
  if [[ -n ${traffic:-} ]]; then cat <&"$traffic"; fi
  tell end
}

remove() { :; }
