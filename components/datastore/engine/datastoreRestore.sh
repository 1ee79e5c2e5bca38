# shellcheck shell=bash
# Puts a backup in the datastore's place, in phases that may each be repeated: "room" checks for space and
# removes what an interrupted restore left, "lock" keeps the servers out and reports the current content, "prepare" keeps that and
# imports the backup beside it, "swap" exchanges the two in one step, "open" lets the servers in again.
restore_directory=$state_directory/restore
dump=$restore_directory/kine.sql.zst
beside=${database}_restoring

sql() { mariadb --batch --skip-column-names --max-allowed-packet=64M "$@"; }

accounts() { sql --execute "SELECT CONCAT('''', User, '''@''', Host, '''') FROM mysql.user WHERE User REGEXP '$k3s_user_pattern'"; }

# No server writes while the data are exchanged, not even an unknown one.
lock_out_servers() {
  local account id
  while read -r account; do sql --execute "ALTER USER $account ACCOUNT LOCK"; done < <(accounts)
  while read -r id; do
    # It may have ended by itself.
    sql --execute "KILL $id" 2>/dev/null || [[ -z $(sql --execute "SELECT ID FROM information_schema.PROCESSLIST WHERE ID = $id") ]]
  done < <(sql --execute "SELECT ID FROM information_schema.PROCESSLIST WHERE USER REGEXP '$k3s_user_pattern'")
}

# Checked while everything still runs. The import takes what its dump does, which is hexadecimal where a table has indexes,
# and the binary log as much again.
check_room() {
  local held
  rm -f "$dump" "$dump.new" "$safety_directory"/*.new
  drop_beside
  held=$(bytes_of "$database")
  (umask 077 && mkdir -p "$safety_directory")
  if [[ $(stat --format %d "$safety_directory") == $(stat --format %d /var/lib/mysql) ]]; then
    require_room /var/lib/mysql $((2 * expected_bytes + held + packed_bytes))
  else
    require_room /var/lib/mysql $((2 * expected_bytes))
    require_room "$safety_directory" "$held"
  fi
  if [[ $(stat --format %d "$state_directory") != $(stat --format %d /var/lib/mysql) ]]; then require_room "$state_directory" "$packed_bytes"; fi
}

keep_current() {
  is_there "$database" || {
    printf '%s\n' "the schema $database is empty, so there is nothing to keep"
    return 0
  }
  local kept=$safety_directory/before-restore-$started.sql.zst
  if [[ ! -e $kept ]]; then
    (umask 077 && mariadb-dump --single-transaction --quick --hex-blob --max-allowed-packet=64M "$database" kine | zstd --quiet >"$kept.new") ||
      die "$host_name: the current content of the datastore could not be dumped, so nothing was changed"
    [[ $(zstd --quiet --decompress --stdout "$kept.new" | tail -n 1) == "-- Dump completed"* ]] || die "$host_name: the dump of the current content is incomplete, so nothing was changed"
    sync "$kept.new"
    mv "$kept.new" "$kept"
  fi
  printf '%s\n' "the old content of the datastore is kept in $kept"
}

prepare() {
  keep_current
  import_beside
  raise_revisions
}

open_up() {
  local account
  while read -r account; do sql --execute "ALTER USER $account ACCOUNT UNLOCK"; done < <(accounts)
  rm -f "$dump"
}

apply() {
  lock_host
  (umask 077 && mkdir -p "$restore_directory")
  case $phase in
    room) check_room ;;
    lock)
      lock_out_servers
      tell_current
      ;;
    prepare) prepare ;;
    swap) exchange ;;
    open) open_up ;;
  esac
}

remove() { :; }
