# shellcheck shell=bash
# Lets one address log in: through the firewall, and by a line in the list of clients. Both go when no client logs in from there.
address_path=$clients_directory/$entry.address

open_or_close() {
  write_hba
  if is_running; then reload; fi
  if [[ $(systemctl is-active k3s-ha-datastore-firewall) == active ]]; then
    systemctl reload-or-restart k3s-ha-datastore-firewall || die "$host_name: the firewall rules were refused; see: journalctl --unit k3s-ha-datastore-firewall"
  fi
}

apply() {
  lock_host
  find_cluster
  put_files
  put_file "$address_path" 0644 root:root <<<"$login $address"
  open_or_close
  print_revision "datastore-client-$entry"
}

remove() {
  lock_host
  find_cluster
  rm -f "$clients_directory/$entry.nft" "$address_path" "$state_directory/datastore-client-$entry.revision"
  open_or_close
}
