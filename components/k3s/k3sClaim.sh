# shellcheck shell=bash
# Which resources of the stack keep K3s on this host: for a moment two, when an agent moves from one pool to another.
claims_directory=$state_directory/k3s.claims

claim_host() {
  write_file "$claims_directory/$claim" <<<"$role $node_name"
}

# Then the removed one leaves everything to the other.
is_claimed_elsewhere() { [[ -d $claims_directory && -n $(find "$claims_directory" -type f ! -name "$claim" ! -name '*.k3s-ha-new') ]]; }
