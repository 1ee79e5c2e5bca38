# shellcheck shell=bash
# Prepares a host for a member of etcd: packages, the unit, and a firewall that nobody is let through yet.

start_firewall() {
  if [[ $firewall == true ]]; then
    install_packages nftables
    mkdir -p "$clients_directory"
    load_firewall k3s-ha-etcd-firewall
  else
    remove_firewall k3s-ha-etcd-firewall
  fi
}

apply() {
  lock_host
  install_etcd openssl
  put_files
  systemctl daemon-reload
  start_firewall
  print_revision etcd-host
}

# What a member's data are protected by stays with them.
remove() {
  lock_host
  if [[ -e $initial_path ]]; then return 0; fi
  remove_firewall k3s-ha-etcd-firewall
  rm -rf "$unit_path" "$clients_directory" "$state_directory/etcd-host.revision"
  systemctl daemon-reload
}
