# shellcheck shell=bash
# ---- starting a member on a restored snapshot, to see that it works ----

# ask_copy COMMAND...: of the verification member, whose sockets are reached by relative names.
ask_copy() { (cd "$work/server" && timeout 60 etcdctl --command-timeout 30s --endpoints unix://localhost:2379 "$@"); }

# A member of its own for one backup: no network, reachable by root alone, and gone with this process.
start_verification_server() {
  local deadline=$((SECONDS + 90))
  restore_copy
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
  local answer own all namespaces
  start_verification_server
  answer=$(ask_copy get '' --prefix --count-only --write-out fields 2>"$work/complaints") || die "the restored copy cannot be read: $(complaint)"
  rows=$(field Count <<<"$answer") revision=$(field Revision <<<"$answer")
  { own=$(count_of "/bootstrap/$token_fingerprint") && all=$(count_of /bootstrap/) && namespaces=$(count_of /registry/namespaces/); } 2>"$work/complaints" ||
    die "the restored copy cannot be read: $(complaint)"
  ask_copy get "/bootstrap/$token_fingerprint" --print-value-only >"$work/bootstrap" 2>"$work/complaints" || die "the restored copy cannot be read: $(complaint)"
  stop_verification_server
  judge_copy "$own" "$all" "$namespaces"
}
