# shellcheck shell=bash
# All of an agent: its release, its settings with their secrets, and K3s itself.

# ancestors: the processes that this script runs below, up to the SSH server's. They are others once its run has ended.
ancestors() {
  local pid=$PPID
  while ((pid > 1)); do
    printf '%s ' "$pid"
    pid=$(sed -n 's/^PPid:\t//p' "/proc/$pid/status")
  done
}

# An agent that joins after its run was killed would join behind the back of the next run, which may have taken it out.
before_restart() {
  if [[ ! -e $state_directory/$unit.proved && $(ancestors) != "$ancestors_at_start" ]]; then
    die "$host_name: the run that creates this agent has ended, so it does not join; run up again"
  fi
  make_room
}

after_proof() { uncordon_node; }

apply_agent() {
  ancestors_at_start=$(ancestors)
  lock_host
  claim_host
  install_release
  set_aside "" "${replaced_paths[@]}"
  # All that a failed change rolled back is written again.
  rm -f "$state_directory/$unit.refused"
  choose_pod_card
  put_shared_files
  put_files
  remove_optional
  start_node
}

# However much of an agent there is. The claims go last: as long as there are any, there may be more to remove.
uninstall_agent() {
  uninstall_k3s
  put_paths=()
  remove_optional
  rm -rf "${secret_paths[@]}" "$releases_directory" "$state_directory/k3s.images" "$state_directory/$unit-secrets.revision"
  give_back "" /usr/local/bin "$config_path" "$config_path.d"
  rm -rf "$claims_directory"
}

# An agent that moved to another pool is kept by that one, from its own claim on.
remove_agent() {
  lock_host
  if is_claimed_elsewhere; then
    rm -f "$claims_directory/$claim"
    return 0
  fi
  uninstall_agent
  rm -f "$functions_path"
}
