# shellcheck shell=bash
# What a server that read its certificate and key answers. Over the network it answers only those who have an account,
# so that every K3s server verifies its own connection before it starts.
tls_state() { mariadb --batch --skip-column-names --execute 'SELECT @@have_ssl'; }

# A server that failed is rolled back to the files that it was last verified with, if any.
fail() {
  local outcome=""
  journal_tail mariadb
  if put_back mariadb; then
    systemctl daemon-reload
    if start_socket && systemctl restart mariadb; then
      outcome="; it runs with its previous settings again"
    else
      outcome="; its previous settings are back in place, and it does not start with them either"
    fi
  fi
  die "$host_name: $*$outcome"
}

# New clients are shown the new certificate at once, and connections that are open stay open.
reload_certificate() {
  local served expected
  mariadb --execute 'FLUSH SSL' || fail "MariaDB does not take its new certificate; see its answer above"
  served=$(openssl s_client -unix /run/mysqld/mysqld.sock -starttls mysql 2>/dev/null </dev/null | openssl x509 -noout -fingerprint -sha256) || served="none"
  expected=$(openssl x509 -in "$tls_directory/server.crt" -noout -fingerprint -sha256)
  [[ $served == "$expected" ]] ||
    fail "MariaDB shows another certificate ($served) than it was given ($expected); see: journalctl --unit mariadb"
}

keep_proved() {
  keep mariadb "$config_path" "$memory_path" "$socket_path" "$drop_in_path" "$tls_directory/ca.crt" "$tls_directory/server.crt" "$tls_directory/server.key"
  proved mariadb "$1"
}

# systemd listens, also while MariaDB restarts. Only for another address do the two have to stop.
start_socket() {
  local listen
  listen=$(sed -nE 's/^ListenStream=([^/].*)$/\1/p' "$socket_path")
  if ! systemctl is-active --quiet mariadb.socket ||
    [[ $'\n'$(systemctl show --property Listen --value mariadb.socket)$'\n' != *$'\n'"$listen (Stream)"$'\n'* ]]; then
    systemctl stop mariadb.socket mariadb
    systemctl start mariadb.socket
  fi
}

start_mariadb() {
  local settings certificate now state
  # The key's content is part of what the server has read. The number of connections is not: it can be set while it runs.
  settings=$({ grep -v '^max_connections ' "$config_path"; cat "$memory_path" "$socket_path" "$drop_in_path"; } | sha256sum | cut -d ' ' -f 1)
  certificate=$(fingerprint "$tls_directory/ca.crt" "$tls_directory/server.crt" "$tls_directory/server.key")
  now=$settings$certificate
  if runs_with mariadb "$now"; then
    keep_proved "$now"
    return 0
  fi
  if systemctl is-active --quiet mariadb && [[ -f $state_directory/mariadb.proved && $(<"$state_directory/mariadb.proved") == "$settings"* ]]; then
    reload_certificate
    keep_proved "$now"
    return 0
  fi
  systemctl enable --quiet mariadb mariadb.socket
  start_socket || fail "systemd cannot listen on $address port $port; its journal says why: journalctl --unit mariadb.socket"
  systemctl restart mariadb || fail "MariaDB does not start; its journal above says why"
  state=$(tls_state)
  [[ $state == YES ]] || fail "MariaDB does not offer TLS (have_ssl is $state); its journal above says why"
  keep_proved "$now"
}

# Another server may come or go at any time, and must not cost the others their datastore. Fewer connections than now are for
# MariaDB's next start: servers that go, or that are to hold fewer, still have theirs.
set_connections() {
  mariadb --execute "SET GLOBAL max_connections = GREATEST(@@GLOBAL.max_connections, $max_connections)" ||
    die "$host_name: the running MariaDB refuses max_connections = $max_connections; see its answer above"
}

start_firewall() {
  if [[ $firewall == true ]]; then
    install_packages nftables
    load_firewall k3s-ha-datastore-firewall
  else
    remove_firewall k3s-ha-datastore-firewall
  fi
}

# A MariaDB that others use keeps running for them when the cluster is destroyed.
remember_server() {
  if [[ $adopt != true ]] || is_ours "$config_path"; then return 0; fi
  record_service mariadb
  record_service mariadb.socket
  set_aside "" "$socket_path" "$drop_in_path" "$config_path"
}

take_settings_back() {
  remove_firewall k3s-ha-datastore-firewall
  systemctl disable --quiet --now mariadb.socket
  rm -rf "$config_path" "$memory_path" "$socket_path" "$drop_in_path" "$tls_directory" "$state_directory"/mariadb.{proved,kept,refused} "$state_directory"/datastore-{server,tls}.revision
  systemctl daemon-reload
  give_back mariadb.socket "$socket_path"
  give_back mariadb "$drop_in_path" "$config_path"
}

apply() {
  lock_host
  size_buffer_pool
  note_binary_log
  remember_server
  take_again mariadb
  put_files
  put_buffer_pool
  systemctl daemon-reload
  start_firewall
  start_mariadb
  remove_binary_log
  set_connections
  print_revision datastore-server
}

# The data stay, and so do the settings that protect them: deleting a cluster's record must not delete the cluster.
remove() {
  lock_host
  if [[ -f $originals_directory/mariadb.service ]]; then
    take_settings_back
    printf '%s\n' "$host_name: MariaDB has its earlier settings again; the cluster's schema stays in it" >&2
    return 0
  fi
  printf '%s\n' "$host_name: MariaDB and its data in /var/lib/mysql are kept" >&2
}
