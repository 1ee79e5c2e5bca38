# shellcheck shell=bash
# All of an agent: its release, its settings with their secrets, and K3s itself.

before_restart() { make_room; }

after_proof() { uncordon_node; }

apply() {
  lock_host
  claim_host
  install_release
  set_aside "" "${replaced_paths[@]}"
  # All that a failed change put back is put anew.
  rm -f "$state_directory/$unit.refused"
  put_files
  remove_optional
  start_node
}

# An agent that moved to another pool is kept by that one, from its own claim on.
remove() {
  lock_host
  if is_claimed_elsewhere; then
    rm -f "$claims_directory/$claim"
    return 0
  fi
  uninstall_k3s
  put_paths=()
  remove_optional
  rm -rf "${secret_paths[@]}" "$releases_directory" "$state_directory/k3s.images" "$claims_directory"
  give_back "" /usr/local/bin "$config_path" "$config_path.d"
}
