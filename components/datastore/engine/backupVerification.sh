# shellcheck shell=bash
# ---- restoring what was read, to see that it works ----

# ask_copy: SQL on standard input, in the verification server. Its socket is reached by a relative name, because an
# absolute one must not be longer than 107 characters.
ask_copy() {
  cd "$work/server"
  "$client" --no-defaults --socket=socket --batch --skip-column-names --max-allowed-packet="$max_packet" "$@"
}

# A server of its own for one backup: no network, no accounts, reachable by root alone, and gone with this process.
start_verification_server() {
  local deadline=$((SECONDS + 60)) user=${setting[verifier]}
  install --directory --mode=0700 --owner="$user" --group="$(id -gn "$user")" "$work/server"
  chmod 0711 "$work"
  setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups test -x "$work/server" ||
    die "the user $user cannot reach $work; make every directory above it searchable (chmod o+x)"
  setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups --no-new-privs --pdeathsig=KILL \
    mariadbd --no-defaults --datadir="$work/server" --tmpdir="$work/server" --socket=socket --pid-file=pid \
    --skip-networking --skip-grant-tables --skip-log-bin --skip-slave-start --performance-schema=OFF \
    --max-connections=5 --max-allowed-packet="$max_packet" --key-buffer-size=1M --innodb-buffer-pool-size=64M \
    --innodb-log-file-size=48M --innodb-flush-log-at-trx-commit=0 --innodb-doublewrite=0 \
    >"$work/server.log" 2>&1 9>&- &
  verification_server=$!
  until (ask_copy <<<"SELECT 1") >"$work/complaints" 2>&1; do
    kill -0 "$verification_server" 2>/dev/null ||
      die "the verification server does not start: $(if is_disk_full; then complaint; else grep --max-count=1 ERROR "$work/server.log"; fi)"
    ((SECONDS < deadline)) || die "the verification server does not answer within a minute: $(complaint)"
    sleep 0.1
  done
}

stop_verification_server() {
  end "$verification_server"
  verification_server=
  rm -rf "$work/server"
}

restore() {
  choose_sandbox "$client"
  importable <"$work/$dump_name" | (ask_copy "${sandbox[@]}" kine)
}

# Restores the dump and checks the copy: only backups that were seen to work are kept.
verify() {
  local answer
  start_verification_server
  (ask_copy <<<"CREATE DATABASE kine") >"$work/complaints" 2>&1 || die "the verification server refuses a schema: $(complaint)"
  attend restore || die "the dump cannot be restored: $(complaint)"
  answer=$(kine_questions | ask_copy kine 2>"$work/complaints") || die "the restored copy cannot be read: $(complaint)"
  kine_bootstrap_question | ask_copy kine >"$work/bootstrap" 2>"$work/complaints" || die "the restored copy cannot be read: $(complaint)"
  stop_verification_server
  judge_copy "$answer"
}
