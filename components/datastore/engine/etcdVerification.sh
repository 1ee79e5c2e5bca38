# shellcheck shell=bash
# ---- restoring a snapshot, to see that it works ----

# as_verifier COMMAND...: in the verification member's directory, whose sockets are reached by relative names.
as_verifier() {
  local user=${setting[verifier]}
  cd "$work/server"
  setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups --no-new-privs --pdeathsig=KILL "$@"
}

# ask_copy COMMAND...: of the verification member.
ask_copy() { (cd "$work/server" && timeout 60 etcdctl --command-timeout 30s --endpoints unix://localhost:2379 "$@"); }

# A snapshot carries its own sum, which is compared here.
restore() {
  as_verifier etcdutl snapshot restore snapshot --data-dir data --name copy --initial-cluster copy=http://localhost:1 --initial-advertise-peer-urls http://localhost:1
}

# A member of its own for one backup: no network, reachable by root alone, and gone with this process.
start_verification_server() {
  local deadline=$((SECONDS + 90)) user=${setting[verifier]}
  install --directory --mode=0700 --owner="$user" --group="$(id -gn "$user")" "$work/server"
  chmod 0711 "$work"
  setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups test -x "$work/server" ||
    die "the user $user cannot reach $work; make every directory above it searchable (chmod o+x)"
  install --mode=0600 --owner="$user" "$work/$dump_name" "$work/server/snapshot" 2>"$work/complaints" || die "the snapshot could not be copied: $(complaint)"
  attend restore >/dev/null || die "the snapshot cannot be restored: $(complaint)"
  rm "$work/server/snapshot"
  (as_verifier etcd --data-dir data --name copy --log-level error --quota-backend-bytes "$((8 << 30))" --snapshot-count 100000 \
    --listen-client-urls unix://localhost:2379 --advertise-client-urls http://localhost:1 \
    --listen-peer-urls unix://localhost:2380 --initial-advertise-peer-urls http://localhost:1 --initial-cluster copy=http://localhost:1) \
    >"$work/server.log" 2>&1 9>&- &
  verification_server=$!
  until ask_copy endpoint health >"$work/complaints" 2>&1; do
    kill -0 "$verification_server" 2>/dev/null ||
      die "the verification member does not start: $(if is_disk_full; then complaint; else tail -n 1 "$work/server.log"; fi)"
    ((SECONDS < deadline)) || die "the verification member does not answer within 90 s: $(complaint)"
    sleep 0.2
  done
}

stop_verification_server() {
  end "$verification_server"
  verification_server=
  rm -rf "$work/server"
}

# count_of PREFIX
count_of() { ask_copy get "$1" --prefix --count-only --write-out fields | field Count; }

# Restores the snapshot and checks the copy: only backups that were seen to work are kept. Of a datastore of SQL the manifest has
# rows; of an etcd, keys.
verify() {
  local answer bootstrap all_bootstraps namespaces
  start_verification_server
  answer=$(ask_copy get '' --prefix --count-only --write-out fields 2>"$work/complaints") || die "the restored copy cannot be read: $(complaint)"
  rows=$(field Count <<<"$answer") revision=$(field Revision <<<"$answer")
  { bootstrap=$(count_of "/bootstrap/$token_fingerprint") && all_bootstraps=$(count_of /bootstrap/) && namespaces=$(count_of /registry/namespaces/); } 2>"$work/complaints" ||
    die "the restored copy cannot be read: $(complaint)"
  ask_copy get "/bootstrap/$token_fingerprint" --print-value-only >"$work/bootstrap" 2>"$work/complaints" || die "the restored copy cannot be read: $(complaint)"
  stop_verification_server
  ((revision >= revision_before)) || die "the restored copy ends at revision $revision, but the etcd was at $revision_before before the snapshot"
  ((bootstrap == 1)) || die "$(explain_bootstrap "$all_bootstraps")"
  [[ -s $work/bootstrap && -n $(head -n 1 "$work/bootstrap") ]] || die "$(explain_bootstrap 0)"
  ((namespaces >= 1)) || die "the restored copy holds no namespace; this is not a complete K3s datastore"
}

# explain_bootstrap ALL: why the cluster's keys are not in the copy, from the keys for them under any token.
explain_bootstrap() {
  if (($1 == 0)); then
    say "the etcd does not hold the cluster's keys (/bootstrap/) yet: K3s has not finished its first start on it"
  else
    say "the etcd holds no cluster keys under /bootstrap/$token_fingerprint: they belong to another server token, so this snapshot could not be restored with this cluster's"
  fi
}
