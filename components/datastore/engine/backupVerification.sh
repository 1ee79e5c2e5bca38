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
  importable <"$work/kine.sql" | (ask_copy "${sandbox[@]}" kine)
}

# Restores the dump and checks the copy: only backups that were seen to work are kept.
verify() {
  local answer bootstrap own_rows bootstrap_rows compact_rows compacted namespaces least
  start_verification_server
  (ask_copy <<<"CREATE DATABASE kine") >"$work/complaints" 2>&1 || die "the verification server refuses a schema: $(complaint)"
  attend restore || die "the dump cannot be restored: $(complaint)"
  answer=$(ask_copy kine 2>"$work/complaints" <<SQL
SELECT COUNT(*), COALESCE(MAX(id), 0),
       COUNT(CASE WHEN name = '/bootstrap/$token_fingerprint' AND deleted = 0 AND LENGTH(value) > 0
                   AND id = (SELECT MAX(id) FROM kine WHERE name = '/bootstrap/$token_fingerprint') THEN 1 END),
       COUNT(CASE WHEN name = '/bootstrap/$token_fingerprint' THEN 1 END),
       COUNT(CASE WHEN name LIKE '/bootstrap/%' THEN 1 END),
       COUNT(CASE WHEN name = 'compact_rev_key' THEN 1 END),
       COALESCE(MAX(CASE WHEN name = 'compact_rev_key' THEN prev_revision END), 0),
       COUNT(CASE WHEN name LIKE '/registry/namespaces/%' AND deleted = 0 THEN 1 END)
FROM kine;
SQL
  ) || die "the restored copy cannot be read: $(complaint)"
  IFS=$'\t' read -r rows revision bootstrap own_rows bootstrap_rows compact_rows compacted namespaces <<<"$answer"
  ask_copy kine >"$work/bootstrap" 2>"$work/complaints" <<<"SELECT value FROM kine WHERE name = '/bootstrap/$token_fingerprint' ORDER BY id DESC LIMIT 1" ||
    die "the restored copy cannot be read: $(complaint)"
  stop_verification_server

  # K3s only ever adds rows, except when it compacts. Compacting steps over revisions, and each one it steps over
  # frees two rows at the most: the row that it replaced and, if it is a deletion, itself.
  least=$((rows_before - 2 * (compacted - compacted_before)))
  ((rows >= least)) || die "the restored copy has $rows rows, but the datastore had $rows_before before the dump"
  ((revision >= revision_before)) || die "the restored copy ends at revision $revision, but the datastore was at $revision_before before the dump"
  ((bootstrap == 1)) || die "$(explain_bootstrap "$own_rows" "$bootstrap_rows")"
  ((compact_rows == 1)) || die "the restored copy has $compact_rows rows compact_rev_key where K3s keeps 1; this is not a complete K3s datastore"
  ((namespaces >= 1)) || die "the restored copy holds no namespace; this is not a complete K3s datastore"
}

# explain_bootstrap OWN ALL: why the cluster's keys are not in the copy, from the rows for them under our token and under any.
explain_bootstrap() {
  if (($1 > 0 || $2 == 0)); then
    say "the datastore does not hold the cluster's keys (/bootstrap/) yet: K3s has not finished its first start on it"
  else
    say "the datastore holds no cluster keys under /bootstrap/$token_fingerprint: they belong to another server token, so this dump could not be restored with this cluster's"
  fi
}

