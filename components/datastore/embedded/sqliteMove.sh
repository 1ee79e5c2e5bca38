# shellcheck shell=bash
# Moves the cluster from K3s's SQLite database to a MariaDB while K3s is stopped. Every row is written in one transaction and compared
# with the old database; only then is that put aside. Until then K3s starts on it again, from then on on no other than the MariaDB.
kept=$safety_directory/$(date --utc +%Y%m%dT%H%M%SZ)/state.db
aside=$(dirname "$database_file")/before-move/state.db
# In the database's place: a name in a directory that does not exist, so that K3s cannot make an empty database there.
block=/moved-to/$target/state.db
unit=k3s
# The target of a move that was begun here: rows there are those of a copy that did not end.
begun=$state_directory/sqlite.moving
# The rows on their way. Not in the directory for temporary files, which may be in memory.
statements=$safety_directory/moving.sql

# ask FILE SQL
ask() { sqlite3 -batch -bail -readonly -separator $'\t' -nullvalue NULL -cmd '.timeout 30000' "$1" "$2"; }

is_moved() { [[ -L $database_file && $(readlink "$database_file") == "$block" ]]; }

require_database() {
  [[ ! -L $database_file ]] ||
    die "$host_name: the SQLite database was moved before, to $(readlink "$database_file" | sed 's#^/moved-to/##; s#/state.db$##'), and not to $target. Correct the datastore, or remove k3s-ha:datastore.movingFrom. Nothing was changed"
  [[ -s $database_file && -e $mark ]] ||
    die "$host_name: there is no SQLite database of this stack to move: $database_file. If another server has it, make that the first one in k3s-ha:servers; otherwise remove k3s-ha:datastore.movingFrom. Nothing was changed"
}

# What MariaDB would not keep as it is; asked while K3s runs.
check_rows() {
  local answer long large same
  answer=$(ask "$database_file" "SELECT
    (SELECT COUNT(*) FROM kine WHERE LENGTH(name) > 630 OR name GLOB '*[^ -~]*'),
    (SELECT COUNT(*) FROM kine WHERE COALESCE(LENGTH(value), 0) + COALESCE(LENGTH(old_value), 0) > 6 << 20),
    COALESCE((SELECT MIN(name) FROM (SELECT DISTINCT name FROM kine) GROUP BY LOWER(name) HAVING COUNT(*) > 1 LIMIT 1), '')" 2>&1) ||
    die "$host_name: the SQLite database cannot be read: ${answer##*$'\n'}. Nothing was changed"
  IFS=$'\t' read -r long large same <<<"$answer"
  ((long == 0)) || die "$host_name: $long rows have names that MariaDB does not store: longer than 630 characters, or not ASCII. Delete these objects, then run up again. Nothing was changed"
  ((large == 0)) || die "$host_name: $large rows are larger than 6 MiB, more than MariaDB takes in one statement. Delete these objects, then run up again. Nothing was changed"
  [[ -z $same ]] || die "$host_name: $same has a name that differs from another one only in capital letters, which K3s does not tell apart in MariaDB. Rename one of the two objects, then run up again. Nothing was changed"
}

# As a copy, as statements whose digits take twice the bytes, and in the log of the database itself.
check_space() {
  local needed free
  needed=$((4 * $(du --bytes --total "$database_file"* | tail -n 1 | cut -f 1) + (64 << 20)))
  (umask 077 && mkdir -p "$safety_directory")
  free=$(df --output=avail --block-size=1 "$safety_directory" | tail -n 1)
  ((free >= needed)) || die "$host_name: $safety_directory has $((free >> 20)) MiB free, but the copies of the SQLite database need $((needed >> 20)) MiB. Free some space, then run up again. Nothing was changed"
}

ask_target() { sql --connect-timeout=60 --database="$database" "$@"; }

check_target() {
  local found rows
  found=$(ask_target --execute "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = '$database' AND table_name = 'kine'")
  ((found == 1)) || return 0
  rows=$(ask_target --execute "SELECT COUNT(*) FROM kine")
  ((rows == 0)) || [[ -s $begun && $(<"$begun") == "$target" ]] ||
    die "$host_name: the schema \"$database\" of the new datastore is not empty: its table kine has $rows rows. Choose another k3s-ha:datastore.managed.database, or drop that schema. Nothing was changed"
}

# Whatever ends the move before the old database was put aside, the cluster goes on there.
go_back() {
  is_moved || {
    systemctl start --no-block "$unit"
    printf '%s\n' "$host_name: the move was taken back: K3s starts on its SQLite database again, which is unchanged. Correct the cause, then run up again" >&2
  }
}

stop_k3s() {
  trap 'rm -rf "$client_directory" "$statements"; go_back' EXIT
  systemctl stop "$unit"
}

# One read transaction that includes the log, in a file of its own.
keep_copy() {
  local answer
  (umask 077 && mkdir -p "$(dirname "$kept")")
  (umask 077 && sqlite3 -batch -bail -readonly -cmd '.timeout 30000' "$database_file" "VACUUM INTO '$kept'") ||
    die "$host_name: the SQLite database could not be copied; the reason is above"
  answer=$(ask "$kept" "PRAGMA integrity_check(1)")
  [[ $answer == ok ]] || die "$host_name: the SQLite database is damaged: ${answer%%$'\n'*}. Restore a backup with make restore before you move it"
  [[ $(ask "$kept" "SELECT COUNT(*) FROM kine WHERE name = '/bootstrap/$token_fingerprint'") != 0 ]] ||
    die "$host_name: the SQLite database holds no keys of this cluster's token"
  chmod 0400 "$kept"
  sync "$kept" "$(dirname "$kept")"
}

# The table as K3s makes it; it adds the other indexes at its start.
table_statement() {
  cat <<'SQL'
CREATE TABLE IF NOT EXISTS kine (
  id BIGINT UNSIGNED AUTO_INCREMENT, name VARCHAR(630) CHARACTER SET ascii, created INTEGER, deleted INTEGER,
  create_revision BIGINT UNSIGNED, prev_revision BIGINT UNSIGNED, lease INTEGER, value MEDIUMBLOB, old_value MEDIUMBLOB,
  PRIMARY KEY (id)
);
SQL
}

# The rows as SQL, many in each statement. Bytes are written as hexadecimal digits, which neither side interprets.
insert_statements() {
  ask "$kept" "SELECT '(' || id || ',X''' || hex(name) || ''',' || quote(created) || ',' || quote(deleted) || ',' || quote(create_revision)
    || ',' || quote(prev_revision) || ',' || quote(lease) || ',' || CASE WHEN value IS NULL THEN 'NULL' ELSE 'X''' || hex(value) || '''' END
    || ',' || CASE WHEN old_value IS NULL THEN 'NULL' ELSE 'X''' || hex(old_value) || '''' END || ')' FROM kine ORDER BY id" |
    awk 'function flush() { if (count) print "INSERT INTO kine (id, name, created, deleted, create_revision, prev_revision, lease, value, old_value) VALUES " rows ";"; rows = ""; count = 0 }
      { if (length(rows) + length($0) > 500000) flush(); rows = count ? rows "," $0 : $0; count++ }
      END { flush() }'
}

# The rows of an earlier copy, if any, go in the same transaction: a copy that does not end leaves what was there.
copy_rows() {
  local answer
  write_file "$begun" <<<"$target"
  (umask 077 && insert_statements >"$statements")
  answer=$(ask_target 2>&1 < <(table_statement; printf 'START TRANSACTION;\nDELETE FROM kine;\n'; cat "$statements"; printf 'COMMIT;\n')) ||
    die "$host_name: the new datastore did not take the rows: $(sed -E "s/near '.*//" <<<"$answer" | tail -n 1)"
  rm -f "$statements"
}

old_rows() {
  ask "$database_file" "SELECT id, hex(name), created, deleted, create_revision, prev_revision, lease,
    CASE WHEN value IS NOT NULL THEN hex(value) END, CASE WHEN old_value IS NOT NULL THEN hex(old_value) END FROM kine ORDER BY id"
}

new_rows() {
  ask_target --quick --execute "SELECT id, HEX(name), created, deleted, create_revision, prev_revision, lease, HEX(value), HEX(old_value) FROM kine ORDER BY id"
}

# Every row with every byte, in order; and the next revision.
compare_rows() {
  local old new numbers="SELECT COUNT(*), COALESCE(MAX(id), 0) FROM kine" sequence highest
  old="$(ask "$database_file" "$numbers") $(old_rows | sha256sum)"
  new="$(ask_target --execute "$numbers") $(new_rows | sha256sum)"
  [[ $old == "$new" ]] ||
    die "$host_name: the rows in the new datastore are not those of the SQLite database (rows, revision, checksum): ${new% *} instead of ${old% *}"
  # A revision that was given to a row which is gone is not given again.
  sequence=$(ask "$database_file" "SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = 'kine'")
  highest=$(ask "$database_file" "SELECT MAX(id) FROM kine")
  ((sequence <= highest)) || ask_target --execute "INSERT INTO kine (id, name, created, deleted, create_revision, prev_revision, lease) VALUES ($sequence, 'gap-$sequence', 0, 1, 0, 0, 0)"
  printf '%s\n' "moved: ${new% *}" >&2
}

# The log first, so that the database is one file. Whenever the power fails, either K3s finds it, or nothing in its place.
put_aside() {
  sqlite3 -batch -bail "$database_file" "PRAGMA wal_checkpoint(TRUNCATE)" >/dev/null
  rm -f "$database_file-wal" "$database_file-shm"
  (umask 077 && mkdir -p "$(dirname "$aside")")
  ln -f "$database_file" "$aside"
  chmod 0400 "$aside"
  sync "$aside" "$(dirname "$aside")"
  ln -sfn "$block" "$database_file.moved"
  put_in_place "$database_file.moved" "$database_file"
  rm -f "$begun"
}

apply() {
  lock_host
  if is_moved; then return 0; fi
  require_database
  install_packages sqlite3 mariadb-client
  check_rows
  check_space
  open_client
  check_target
  stop_k3s
  keep_copy
  copy_rows
  compare_rows
  put_aside
}

# A move that is taken back before K3s got the settings of the new datastore: the old database is put back, as it was.
remove() {
  lock_host
  is_moved || return 0
  ! grep -qs datastore-endpoint /etc/rancher/k3s/config.yaml.d/* || return 0
  chmod 0600 "$aside"
  put_in_place "$aside" "$database_file"
  systemctl start --no-block "$unit"
}
