# shellcheck shell=bash
# Puts a backup in the datastore's place, in three phases that may each be repeated: "prepare" keeps what is there and
# imports the backup beside it, "swap" exchanges the two in one step, "open" lets the servers in again.
restore_directory=$state_directory/restore
dump=$restore_directory/kine.sql.zst
beside=${database}_restoring

sql() { mariadb --batch --skip-column-names --max-allowed-packet=64M "$@"; }

is_there() { [[ $(sql --execute "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = '$1' AND table_name = 'kine'") == 1 ]]; }

accounts() { sql --execute "SELECT CONCAT('''', User, '''@''', Host, '''') FROM mysql.user WHERE User = '$k3s_user'"; }

# No server writes while the data are exchanged, one that nobody knows of included.
lock_out_servers() {
  local account id
  while read -r account; do sql --execute "ALTER USER $account ACCOUNT LOCK"; done < <(accounts)
  while read -r id; do
    # It may have ended by itself.
    sql --execute "KILL $id" 2>/dev/null || [[ -z $(sql --execute "SELECT ID FROM information_schema.PROCESSLIST WHERE ID = $id") ]]
  done < <(sql --execute "SELECT ID FROM information_schema.PROCESSLIST WHERE USER = '$k3s_user'")
}

keep_current() {
  is_there "$database" || {
    printf '%s\n' "nothing is in the schema $database, so there is nothing to keep"
    return 0
  }
  local kept=$safety_directory/before-restore-$started.sql.zst free needed
  mkdir -p "$safety_directory"
  needed=$(sql --execute "SELECT COALESCE(SUM(data_length + index_length), 0) * 3 FROM information_schema.tables WHERE table_schema = '$database'")
  free=$(df --output=avail --block-size=1 /var/lib/mysql | tail -n 1)
  ((free > needed)) || die "$host_name: /var/lib/mysql has $((free >> 20)) MiB free and a restore needs $((needed >> 20)) MiB; free some, then run it again. Nothing was changed."
  if [[ ! -e $kept ]]; then
    (umask 077 && mariadb-dump --single-transaction --quick --hex-blob --max-allowed-packet=64M "$database" kine | zstd --quiet >"$kept.new") ||
      die "$host_name: what is in the datastore now could not be dumped, so nothing was changed"
    [[ $(zstd --quiet --decompress --stdout "$kept.new" | tail -n 1) == "-- Dump completed"* ]] || die "$host_name: the dump of what is there now is cut short, so nothing was changed"
    sync "$kept.new"
    mv "$kept.new" "$kept"
  fi
  printf '%s\n' "what was in the datastore is kept in $kept"
}

import_beside() {
  local answer rows revision bootstrap
  sql --execute "DROP DATABASE IF EXISTS \`$beside\`; CREATE DATABASE \`$beside\` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"
  choose_sandbox mariadb
  answer=$({ zstd --quiet --decompress --stdout "$dump" | importable | sql "${sandbox[@]}" "$beside"; } 2>&1) ||
    die "$host_name: the backup cannot be imported; the datastore is as it was: $(tail -n 1 <<<"$answer")"
  IFS=$'\t' read -r rows revision bootstrap < <(sql "$beside" --execute "SELECT COUNT(*), MAX(id), COUNT(CASE WHEN name = '/bootstrap/$token_fingerprint' THEN 1 END) FROM kine")
  [[ $rows == "$expected_rows" && $revision == "$expected_revision" ]] ||
    die "$host_name: the import has $rows rows up to revision $revision, and the backup $expected_rows up to $expected_revision; the datastore is as it was"
  ((bootstrap >= 1)) || die "$host_name: the backup holds no keys of this cluster's token; the datastore is as it was"
}

prepare() {
  lock_out_servers
  keep_current
  import_beside
}

swap() {
  local replaced=${database}_replaced_$started renames
  is_there "$beside" || die "$host_name: there is no import to exchange; run the restore again from its beginning"
  renames="\`$beside\`.kine TO \`$database\`.kine"
  if is_there "$database"; then
    sql --execute "CREATE DATABASE IF NOT EXISTS \`$replaced\`"
    renames="\`$database\`.kine TO \`$replaced\`.kine, $renames"
    printf '%s\n' "the table that was replaced is $replaced.kine; when all is well: mariadb --execute 'DROP DATABASE $replaced'"
  fi
  # Both at once, or none, also when the power goes.
  sql --execute "RENAME TABLE $renames"
  sql --execute "DROP DATABASE \`$beside\`"
}

open_up() {
  local account
  while read -r account; do sql --execute "ALTER USER $account ACCOUNT UNLOCK"; done < <(accounts)
  rm -f "$dump"
}

apply() {
  lock_host
  mkdir -p "$restore_directory"
  chmod 0700 "$restore_directory"
  case $phase in
    prepare) prepare ;;
    swap) swap ;;
    open) open_up ;;
  esac
}

remove() { :; }
