# shellcheck shell=bash
# ---- restoring what was read, to see that it works ----

# in_copy PROGRAM...: a client in the verification server. Its socket is reached by a short name, because a long one is refused.
in_copy() { (cd "$work/server" && exec "$programs/$1" --no-password --host=/proc/self/cwd --username=postgres "${@:2}"); }

# ask_copy DATABASE: answers SQL on standard input.
ask_copy() { in_copy psql --no-psqlrc --tuples-only --no-align --quiet --field-separator=$'\t' --set=ON_ERROR_STOP=1 --dbname="$1"; }

as_verifier() {
  local user=${setting[verifier]}
  setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups --no-new-privs "$@"
}

# A server of its own for one backup: no network, no passwords, reachable by root alone, and gone with this process.
start_verification_server() {
  local deadline=$((SECONDS + 60)) user=${setting[verifier]} data=$work/server/data
  install --directory --mode=0700 --owner="$user" --group="$(id -gn "$user")" "$work/server"
  chmod 0711 "$work"
  as_verifier test -x "$work/server" ||
    die "the user $user cannot reach $work; make every directory above it searchable (chmod o+x)"
  (cd "$work/server" && as_verifier "$programs/initdb" --pgdata="$data" --username=postgres --auth=trust --encoding=UTF8 --locale=C --no-sync) >"$work/server.log" 2>&1 ||
    die "the verification server cannot be created: $(if is_disk_full; then complaint; else tail -n 1 "$work/server.log"; fi)"
  # Not by a function, which would be another process between the two.
  setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups --no-new-privs --pdeathsig=KILL "$programs/postgres" -D "$data" -c listen_addresses= -c unix_socket_directories=.. -c unix_socket_permissions=0700 \
    -c fsync=off -c full_page_writes=off -c wal_level=minimal -c max_wal_senders=0 -c max_wal_size=128MB -c shared_buffers=32MB -c max_connections=10 \
    -c dynamic_shared_memory_type=mmap -c jit=off -c autovacuum=off >>"$work/server.log" 2>&1 9>&- &
  verification_server=$!
  until ask_copy postgres <<<"SELECT 1" >"$work/complaints" 2>&1; do
    kill -0 "$verification_server" 2>/dev/null ||
      die "the verification server does not start: $(if is_disk_full; then complaint; else grep --max-count=1 -E 'FATAL|ERROR' "$work/server.log"; fi)"
    ((SECONDS < deadline)) || die "the verification server does not answer within a minute: $(complaint)"
    sleep 0.1
  done
}

# A killed one would leave its segment of shared memory.
stop_verification_server() {
  kill -INT "$verification_server"
  wait "$verification_server" || say "the verification server did not end as it should" >&2
  verification_server=
  rm -rf "$work/server"
}

# The dump is read by the user that can do nothing else, and through a pipe, since it is open to root alone.
restore() {
  cd "$work/server" || return
  as_verifier "$programs/pg_restore" --no-password --host=/proc/self/cwd --username=postgres --dbname=kine --no-owner --no-privileges \
    --exit-on-error --single-transaction <"$work/$dump_name"
}

# Restores the dump and checks the copy: only backups that were seen to work are kept.
verify() {
  local answer last
  start_verification_server
  ask_copy postgres <<<"CREATE DATABASE kine" >"$work/complaints" 2>&1 || die "the verification server refuses a database: $(complaint)"
  attend restore || die "the dump cannot be restored: $(complaint)"
  answer=$(ask_copy kine 2>"$work/complaints" < <(kine_questions)) || die "the restored copy cannot be read: $(complaint)"
  last=$(ask_copy kine 2>"$work/complaints" <<<"SELECT last_value FROM pg_sequences WHERE format('%I.%I', schemaname, sequencename) = pg_get_serial_sequence('kine', 'id')") ||
    die "the restored copy cannot be read: $(complaint)"
  ask_copy kine >"$work/bootstrap" 2>"$work/complaints" <<<"SELECT convert_from(value, 'UTF8') FROM kine WHERE name = '/bootstrap/$token_fingerprint' ORDER BY id DESC LIMIT 1" ||
    die "the restored copy cannot be read: $(complaint)"
  stop_verification_server
  judge_copy "$answer"
  ((${last:-0} >= revision)) || die "the restored copy ends at revision $revision, but its sequence at ${last:-none}: K3s could not write after a restore"
}
