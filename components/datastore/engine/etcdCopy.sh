# shellcheck shell=bash
# ---- restoring a snapshot, and what it has to hold ----

# as_verifier COMMAND...: in the copy's directory, by the user that can do nothing else.
as_verifier() {
  local user=${setting[verifier]}
  cd "$work/server"
  setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups --no-new-privs --pdeathsig=KILL "$@"
}

# A snapshot carries its own sum, which is compared here.
restore() {
  as_verifier etcdutl snapshot restore snapshot --data-dir data --name copy --initial-cluster copy=http://localhost:1 --initial-advertise-peer-urls http://localhost:1
}

# restore_copy: makes data of the snapshot, in $work/server/data.
restore_copy() {
  local user=${setting[verifier]}
  install --directory --mode=0700 --owner="$user" --group="$(id -gn "$user")" "$work/server"
  chmod 0711 "$work"
  setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups test -x "$work/server" ||
    die "the user $user cannot reach $work; make every directory above it searchable (chmod o+x)"
  install --mode=0600 --owner="$user" "$work/$dump_name" "$work/server/snapshot" 2>"$work/complaints" || die "the snapshot could not be copied: $(complaint)"
  attend restore >/dev/null || die "the snapshot cannot be restored: $(complaint)"
  rm "$work/server/snapshot"
}

# judge_copy OWN ALL NAMESPACES: keys of the cluster under this token and under any, and its namespaces. They are in $work/bootstrap.
judge_copy() {
  ((revision >= revision_before)) || die "the restored copy ends at revision $revision, but the etcd was at $revision_before before the snapshot"
  (($1 >= 1)) || die "$(explain_bootstrap "$2")"
  [[ -s $work/bootstrap && -n $(head -n 1 "$work/bootstrap") ]] || die "$(explain_bootstrap 0)"
  (($3 >= 1)) || die "the restored copy holds no namespace; this is not a complete K3s datastore"
}

# explain_bootstrap ALL: why the cluster's keys are not in the copy, from the keys for them under any token.
explain_bootstrap() {
  if (($1 == 0)); then
    say "the etcd does not hold the cluster's keys (/bootstrap/) yet: K3s has not finished its first start on it"
  else
    say "the etcd holds no cluster keys under /bootstrap/$token_fingerprint: they belong to another server token, so this snapshot could not be restored with this cluster's"
  fi
}
