# shellcheck shell=bash
# Marks a host as this cluster's before anything else is changed on it, until nothing of the cluster is left there.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
umask 022
owner_path=/var/lib/k3s-ha/owner

owner_line() { sed -n "s/^$1=//p" "$owner_path"; }

# The first three lines are project, stack and cluster.
is_owned_by_another() { [[ -e $owner_path && $(head -n 3 "$owner_path") != "$(printf '%s\n' "${mark[@]:0:3}")" ]]; }

refuse() {
  printf '%s\n' "$host_name: $*" >&2
  exit 1
}

# As every other script does.
lock_host() {
  install --directory --mode=0700 /run/k3s-ha
  exec 9>/run/k3s-ha/host.lock
  flock --timeout 300 9 || refuse "another run has been working on this host for 5 minutes; see: fuser -v /run/k3s-ha/host.lock"
}

apply() {
  local new=$owner_path.k3s-ha-new
  lock_host
  # The check of the host has looked; another stack's run may have come in between.
  ! is_owned_by_another || refuse "the stack $(owner_line project)/$(owner_line stack) has taken this host meanwhile. Nothing was changed here; run up again to see what to do."
  mkdir -p "${owner_path%/*}"
  rm -f "$new"
  (umask 077 && printf '%s\n' "${mark[@]}" >"$new")
  sync "$new"
  mv -fT "$new" "$owner_path"
  sync "${owner_path%/*}"
}

# Everything that depends on the mark has been removed by now, as far as the state knows of it. Another entry of the stack may
# have taken the host over.
remove() {
  if [[ ! -e $owner_path || $(owner_line host) != "$host_name" ]] || is_owned_by_another; then return 0; fi
  lock_host
  "$uninstall_unknown"
  rm -f "$owner_path"
}
