# shellcheck shell=bash
# The PostgreSQL cluster of a datastore's host: new ones with checksums, with this program's settings and certificate.

fail() {
  local outcome=""
  journal_tail "$cluster_unit"
  tail -n 20 "/var/log/postgresql/postgresql-$version-main.log" >&2 2>/dev/null || outcome=""
  if put_back postgres; then
    systemctl daemon-reload
    if systemctl restart "$cluster_unit" && answers; then
      outcome="; it runs with its previous settings again"
    else
      outcome="; its previous settings are back in place, and it does not start with them either"
    fi
  fi
  die "$host_name: $*$outcome"
}

# answers: Debian's unit also counts as started when the server ended at once.
answers() {
  local deadline=$((SECONDS + 60))
  until sql --command 'SELECT 1' >/dev/null 2>&1; do
    ((SECONDS < deadline)) || return 1
    sleep 0.2
  done
}

# A quarter of the host's memory, at least PostgreSQL's own default and no more than a cluster's table needs.
put_memory() {
  local mebibytes limit=max cache
  mebibytes=$(awk '$1 == "MemTotal:" { print int($2 / 1024) }' /proc/meminfo)
  # A container's own limit; the root of a whole machine's control groups has none.
  if [[ -r /sys/fs/cgroup/memory.max ]]; then limit=$(</sys/fs/cgroup/memory.max); fi
  if [[ $limit =~ ^[0-9]+$ ]] && ((limit / 1048576 < mebibytes)); then mebibytes=$((limit / 1048576)); fi
  cache=$((mebibytes / 4 / 64 * 64))
  cache=$((cache < 128 ? 128 : cache > 8192 ? 8192 : cache))
  put_file "$memory_path" 0644 root:root <<<"# Written by k3s-ha; changes made here are overwritten.
shared_buffers = ${cache}MB"
}

# create_cluster: one that the package made is as empty as a new one, and is given checksums before anything is in it.
create_cluster() {
  if [[ -z $data_directory ]]; then
    pg_createcluster "$version" main -- --data-checksums >&2 || die "$host_name: the PostgreSQL cluster $version/main could not be created; the reason is above"
    find_cluster
    return 0
  fi
  [[ ! -e $config_path && $("/usr/lib/postgresql/$version/bin/pg_controldata" "$data_directory" | sed -n 's/^Data page checksum version: *//p') == 0 ]] || return 0
  systemctl stop "$cluster_unit"
  setpriv --reuid=postgres --regid=postgres --init-groups "/usr/lib/postgresql/$version/bin/pg_checksums" --enable --no-sync --pgdata "$data_directory" >&2 ||
    die "$host_name: the PostgreSQL cluster $version/main could not be given checksums; the reason is above"
}

# What the running server has not taken by reading its files again. Fewer connections are for its next start.
needs_restart() {
  local pending
  # Its settings are read again a moment after the signal.
  sleep 1
  pending=$(sql --command "SELECT name FROM pg_settings WHERE pending_restart AND name <> 'max_connections'
    UNION SELECT 'max_connections' WHERE current_setting('max_connections')::int < $max_connections") || return 0
  [[ -n $pending ]]
}

served_certificate() {
  local at=$address
  [[ $at != *:* ]] || at=[$at]
  openssl s_client -connect "$at:$port" -starttls postgres 2>/dev/null </dev/null |
    openssl x509 -noout -fingerprint -sha256 2>/dev/null || printf 'none'
}

restart_server() { systemctl restart "$cluster_unit" || fail "PostgreSQL does not start; its log above says why"; }

# start_server: a restart only where reading the files again does not do.
start_server() {
  local now expected deadline=$((SECONDS + 20))
  now=$(fingerprint "$config_path" "$memory_path" "$drop_in_path" "$tls_directory/ca.crt" "$tls_directory/server.crt" "$tls_directory/server.key")
  systemctl enable --quiet postgresql "$cluster_unit"
  if ! is_running || [[ $running_port != "$port" ]]; then
    restart_server
  elif ! runs_as_proved "$now"; then
    reload
    if needs_restart; then restart_server; fi
  fi
  answers || fail "PostgreSQL does not answer on port $port; its log above says why"
  expected=$(openssl x509 -in "$tls_directory/server.crt" -noout -fingerprint -sha256)
  until [[ $(served_certificate) == "$expected" ]]; do
    ((SECONDS < deadline)) || fail "PostgreSQL does not show the certificate that it was given; its log above may say why"
    sleep 0.3
  done
  keep postgres "$config_path" "$memory_path" "$drop_in_path" "$tls_directory/ca.crt" "$tls_directory/server.crt" "$tls_directory/server.key"
  proved postgres "$now"
}

runs_as_proved() { [[ -f $state_directory/postgres.proved && $(<"$state_directory/postgres.proved") == "$1" ]]; }

start_firewall() {
  if [[ $firewall == true ]]; then
    install_packages nftables
    load_firewall k3s-ha-datastore-firewall
  else
    remove_firewall k3s-ha-datastore-firewall
  fi
}

apply() {
  lock_host
  find_cluster
  [[ -n $version ]] || die "$host_name: PostgreSQL is not installed; its packages were removed since this host was set up"
  create_cluster
  running_port=$(pg_lsclusters --no-header "$version" main | awk '{ print $3 }')
  take_again postgres
  put_files
  put_file "$config_path" 0644 root:root <<<"$server_config"
  put_memory
  write_hba
  systemctl daemon-reload
  start_firewall
  start_server
  print_revision datastore-postgres
}

# The data stay, and so do the settings that protect them: deleting a cluster's record must not delete the cluster.
remove() {
  lock_host
  find_cluster
  printf '%s\n' "$host_name: PostgreSQL and its data in $data_directory are kept" >&2
}
