# shellcheck shell=bash
# A server: its release and its secrets have commands of their own, so that a preview shows what changes of the rest.

# The datastore as this server will see it: reachable, with a certificate for the very address in the endpoint.
check_datastore() {
  local index
  for index in "${!datastore_addresses[@]}"; do
    check_datastore_at "${datastore_addresses[index]}" "${datastore_hosts[index]}" "${datastore_host_kinds[index]}"
  done
}

# check_datastore_at ADDRESS HOST KIND: HOST is that of the address, a hostname or an ip.
check_datastore_at() {
  local address=$1 host=$2 kind=$3 answer options
  options=(-connect "$address" -CAfile "$datastore_ca_path" -verify_return_error "-verify_$kind" "$host")
  [[ $kind != hostname ]] || options+=(-servername "$host")
  [[ -z $datastore_start_tls ]] || options+=(-starttls "$datastore_start_tls")
  [[ ! -s $datastore_key_path ]] || options+=(-cert "$datastore_certificate_path" -key "$datastore_key_path")
  answer=$(timeout 10 openssl s_client "${options[@]}" 2>&1 </dev/null) && return 0
  die "$host_name: no verified TLS connection to the datastore at $address: $(grep -m 1 -iE 'verify error|refused|unreachable|timed out|no route|not known|resolution' <<<"$answer"). Check its address, its certificate and the firewalls in between."
}

was_running=false

before_restart() {
  if systemctl is-active --quiet "$unit"; then was_running=true; fi
  leave_balancers
}

after_proof() {
  return_to_balancers
  if $was_running; then wait_for_leaders; fi
}

apply() {
  lock_host
  take_again "$unit"
  check_datastore
  choose_pod_card
  put_files
  start_balancer_state
  start_node
}

# A cluster that K3s kept in a database of its own is in this one file.
keep_own_database() {
  local database=/var/lib/rancher/k3s/server/db/state.db kept
  rm -f "$state_directory/sqlite"
  [[ -s $database ]] || return 0
  kept=/var/backups/k3s-ha-removed/$(date --utc +%Y%m%dT%H%M%SZ)
  systemctl stop "$unit"
  (umask 077 && mkdir -p "$kept" && cp --reflink=auto "$database"* "$kept/")
  sync "$kept"/*
  printf '%s\n' "$host_name: the SQLite database of the removed cluster is kept in $kept" >&2
}

remove() {
  lock_host
  if is_claimed_elsewhere; then return 0; fi
  keep_own_database
  uninstall_k3s
}
