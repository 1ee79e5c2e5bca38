# shellcheck shell=bash
# Marks a host as this cluster's before anything else is changed on it, until nothing of the cluster is left there.
owner_path=$state_directory/owner

owner_line() { sed -n "s/^$1=//p" "$owner_path"; }

# The first three lines are project, stack and cluster.
is_owned_by_another() { [[ -e $owner_path && $(head -n 3 "$owner_path") != "$(printf '%s\n' "${mark[@]:0:3}")" ]]; }

apply() {
  lock_host
  # The check of the host has looked; another stack's run may have come in between.
  ! is_owned_by_another || die "$host_name: the stack $(owner_line project)/$(owner_line stack) has taken this host meanwhile. Nothing was changed here; run up again, and it says what to do."
  printf '%s\n' "${mark[@]}" | write_file "$owner_path" 0600
}

# Everything that depends on the mark has been removed by now. Another entry of the stack may have taken the host over.
remove() {
  lock_host
  if [[ ! -e $owner_path || $(owner_line host) != "$host_name" ]] || is_owned_by_another; then return 0; fi
  rm -f "$owner_path"
}
