# shellcheck shell=bash
# Lets one address through the firewall of a member of etcd. That it is let in by etcd takes a certificate as well.
entry_path=$clients_directory/$entry.nft

reload_firewall() {
  [[ $firewall == true ]] || return 0
  systemctl reload-or-restart k3s-ha-etcd-firewall || die "$host_name: the firewall rules were refused; see: journalctl --unit k3s-ha-etcd-firewall"
}

apply() {
  lock_host
  put_files
  ((${#changed_paths[@]} == 0)) || reload_firewall
  print_revision "etcd-client-$entry"
}

remove() {
  lock_host
  rm -f "$entry_path" "$state_directory/etcd-client-$entry.revision"
  if [[ $(systemctl is-active k3s-ha-etcd-firewall) == active ]]; then reload_firewall; fi
}
