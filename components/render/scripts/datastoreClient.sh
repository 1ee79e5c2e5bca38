# shellcheck shell=bash
# Lets one server through the firewall. Its account is made with all the others; it goes when the server has gone.
reload_firewall() {
  [[ $firewall == true ]] || return 0
  systemctl reload-or-restart k3s-ha-datastore-firewall || die "$host_name: the firewall rules were refused; see: journalctl --unit k3s-ha-datastore-firewall"
}

drop_account() {
  systemctl is-active --quiet mariadb || return 0
  mariadb --batch --execute "DROP USER IF EXISTS '$user'@'$1'"
}

apply() {
  local former=""
  lock_host
  if [[ -s $address_path ]]; then former=$(<"$address_path"); fi
  put_files
  ((${#changed_paths[@]} == 0)) || reload_firewall
  [[ -z $former || $former == "$address" ]] || drop_account "$former"
  put_file "$address_path" 0644 root:root <<<"$address"
  print_revision "datastore-client-${address_path##*/}"
}

remove() {
  lock_host
  rm -f "$rule_path" "$address_path" "$state_directory/datastore-client-${address_path##*/}.revision"
  if [[ $(systemctl is-active k3s-ha-datastore-firewall) == active ]]; then reload_firewall; fi
  drop_account "$address"
}
