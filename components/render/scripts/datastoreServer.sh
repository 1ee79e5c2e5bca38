# shellcheck shell=bash
tls_answer() {
  openssl s_client -connect "$address:$port" -starttls mysql -CAfile "$tls_directory/ca.crt" \
    -verify_return_error -verify_ip "$address" 2>&1
}

start_mariadb() {
  local now answer deadline=$((SECONDS + 60))
  # The key's content is part of what the server has read.
  now=$(fingerprint "$config_path" "$tls_directory/ca.crt" "$tls_directory/server.crt" "$tls_directory/server.key")
  runs_with mariadb "$now" && return 0
  systemctl enable --quiet mariadb
  systemctl restart mariadb || {
    journal_tail mariadb
    die "$host_name: MariaDB does not start; its journal above says why"
  }
  until answer=$(tls_answer); do
    ((SECONDS < deadline)) || {
      journal_tail mariadb
      die "$host_name: MariaDB offers no verified TLS on $address:$port: $(grep -m 1 -iE 'verify error|error|refused' <<<"$answer")"
    }
    sleep 0.2
  done
  proved mariadb "$now"
}

start_firewall() {
  if [[ $firewall == true ]]; then
    install_packages nftables
    systemctl enable --quiet k3s-ha-datastore-firewall
    systemctl reload-or-restart k3s-ha-datastore-firewall || die "$host_name: the firewall rules were refused; see: journalctl --unit k3s-ha-datastore-firewall"
  else
    remove_firewall
  fi
}

remove_firewall() {
  [[ -e $firewall_unit ]] || return 0
  systemctl disable --quiet --now k3s-ha-datastore-firewall
  rm -f "$firewall_unit" "$firewall_rules"
  systemctl daemon-reload
}

apply() {
  lock_host
  put_files
  systemctl daemon-reload
  start_firewall
  start_mariadb
  print_revision datastore-server
}

# The data stay, and so do the settings that protect them: deleting a cluster's record must not delete the cluster.
remove() {
  lock_host
  printf '%s\n' "$host_name: MariaDB and its data in /var/lib/mysql are left as they are" >&2
}
