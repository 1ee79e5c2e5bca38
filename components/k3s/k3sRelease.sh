# shellcheck shell=bash
# A release on a server's host, and with it the claim that K3s there is this stack's.

apply() {
  lock_host
  claim_host
  install_release
}

# The last removal of a node. A service that was never verified has no other record, and is removed here.
remove() {
  lock_host
  if is_claimed_elsewhere; then
    rm -f "$claims_directory/$claim"
    return 0
  fi
  uninstall_k3s
  rm -rf "$releases_directory" "$state_directory/k3s.images" "$claims_directory"
  give_back "" /usr/local/bin "$config_path" "$config_path.d"
}
