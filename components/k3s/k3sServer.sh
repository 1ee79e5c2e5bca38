# shellcheck shell=bash
# A server: its release and its secrets have commands of their own, so that a preview shows what changes of the rest.

was_running=false

before_restart() {
  hold_quorum
  if systemctl is-active --quiet "$unit"; then was_running=true; fi
  leave_balancers
}

after_proof() {
  prove_datastore
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
  leave_datastore
  keep_own_database
  uninstall_k3s
}
