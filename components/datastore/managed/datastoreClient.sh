# shellcheck shell=bash
# Lets one address through the firewall. Its account is made with all the others; it is dropped when no client logs in from there.
address_path=$clients_directory/$entry.address

reload_firewall() {
  [[ $firewall == true ]] || return 0
  systemctl reload-or-restart k3s-ha-datastore-firewall || die "$host_name: the firewall rules were refused; see: journalctl --unit k3s-ha-datastore-firewall"
}

# forget CLIENT: its rule, and what is recorded of it.
forget() {
  rm -f "$clients_directory/$1.nft" "$clients_directory/$1.address" "$state_directory/datastore-client-$1.revision" \
    "$state_directory/datastore-client-$1.address.revision"
}

# is_in_use ADDRESS: whether another client logs in from there as the same user.
is_in_use() {
  local path present
  for path in "$clients_directory"/*.address; do
    [[ -f $path && $path != "$address_path" ]] || continue
    present=$(head -n 1 "$path")
    # Earlier releases recorded no user: it was K3s's.
    if [[ $present == "$user $1" || $present == "$1" ]]; then return 0; fi
  done
  return 1
}

drop_account() {
  ! is_in_use "$1" || return 0
  systemctl is-active --quiet mariadb || return 0
  # Nobody logs in as this user any more; a connection that is left would outlive the account.
  mariadb --batch --execute "DROP USER IF EXISTS '$user'@'$1'; KILL USER '$user'@'$1'"
}

# addresses_of CLIENT: its address and, below, those that it had before: their accounts go with it, at the end of a run.
addresses_of() { if [[ -s $clients_directory/$1.address ]]; then sed 's/^.* //' "$clients_directory/$1.address"; fi; }

apply() {
  local former each
  lock_host
  former=$({ addresses_of "$entry"; [[ -z $earlier_entry ]] || addresses_of "$earlier_entry"; } | grep -vxF "$address" | sort -u) || former=""
  put_files
  ((${#changed_paths[@]} == 0)) || reload_firewall
  put_file "$address_path" 0644 root:root < <(for each in "$address" $former; do printf '%s %s\n' "$user" "$each"; done)
  [[ -z $earlier_entry ]] || forget "$earlier_entry"
  print_revision "datastore-client-$entry"
}

remove() {
  local addresses each
  lock_host
  mapfile -t addresses < <(addresses_of "$entry")
  forget "$entry"
  if [[ $(systemctl is-active k3s-ha-datastore-firewall) == active ]]; then reload_firewall; fi
  for each in "$address" "${addresses[@]}"; do drop_account "$each"; done
}
