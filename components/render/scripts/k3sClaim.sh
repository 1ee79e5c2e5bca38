# shellcheck shell=bash
# Which resources of the stack keep K3s on this host: for a moment two, when an agent moves from one pool to another.
claims_directory=$state_directory/k3s.claims

claim_host() {
  mkdir -p "$claims_directory"
  printf '%s %s\n' "$role" "$node_name" >"$claims_directory/$claim"
}

# Then the one that goes leaves everything to the other.
is_claimed_elsewhere() { [[ -d $claims_directory && -n $(find "$claims_directory" -type f ! -name "$claim") ]]; }
