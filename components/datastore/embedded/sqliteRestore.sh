# shellcheck shell=bash
# Puts a backup in the place of K3s's SQLite database, in phases that may each be repeated: "room" checks for space and
# removes what an interrupted restore left, "lock" reports the content once K3s has stopped, "prepare" keeps that and unpacks the backup
# beside it, "swap" exchanges the two in one step.
restore_directory=$state_directory/restore
dump=$restore_directory/kine.sql.zst
beside=$database_file.restoring
kept=$safety_directory/before-restore-$started

# ask FILE SQL
ask() { sqlite3 -batch -bail -separator $'\t' -cmd '.timeout 30000' "$1" "$2"; }

is_there() { [[ -s $database_file ]]; }

# tell_current: rows and revision; nothing without a database. Fails with one that cannot be read.
tell_current() { ! is_there || ask "$database_file" "SELECT COUNT(*), COALESCE(MAX(id), 0) FROM kine"; }

# require_room PATH BYTES
require_room() {
  local at=$1 free
  until [[ -e $at ]]; do at=$(dirname "$at"); done
  free=$(df --output=avail --block-size=1 "$at" | tail -n 1)
  ((free > $2 + (64 << 20))) ||
    die "$host_name: $1 has $((free >> 20)) MiB free, but a restore needs $((($2 >> 20) + 64)) MiB there; free some space, then run it again. Nothing was changed."
}

# Checked while everything still runs: the backup as it is kept, unpacked, and what is there now once more.
check_room() {
  local held=0 directory
  directory=$(dirname "$database_file")
  rm -f "$dump" "$dump.new" "$beside"
  (umask 077 && mkdir -p "$safety_directory" "$directory")
  if is_there; then held=$(du --bytes --total "$database_file"* | tail -n 1 | cut -f 1); fi
  if [[ $(stat --format %d "$safety_directory") == $(stat --format %d "$directory") ]]; then
    require_room "$directory" $((expected_bytes + held + packed_bytes))
  else
    require_room "$directory" "$expected_bytes"
    require_room "$safety_directory" "$held"
  fi
  if [[ $(stat --format %d "$state_directory") != $(stat --format %d "$directory") ]]; then require_room "$state_directory" "$packed_bytes"; fi
}

require_stopped() {
  ! systemctl is-active --quiet k3s || die "$host_name: K3s runs, and would write on; run the restore again from its beginning"
}

# Byte by byte, with its log: what is damaged is kept as well.
keep_current() {
  is_there || {
    printf '%s\n' "there is no SQLite database, so there is nothing to keep"
    return 0
  }
  if [[ ! -e $kept ]]; then
    rm -rf "$kept.new"
    (umask 077 && mkdir -p "$kept.new" && cp --reflink=auto "$database_file" "$kept.new/")
    if [[ -e $database_file-wal ]]; then cp --reflink=auto "$database_file-wal" "$kept.new/"; fi
    sync "$kept.new"/* "$kept.new"
    mv --no-target-directory "$kept.new" "$kept"
    sync "$safety_directory"
  fi
  printf '%s\n' "the old database is kept in $kept"
}

unpack_beside() {
  local answer rows revision bootstrap
  rm -f "$beside"
  (umask 077 && zstd --quiet --decompress -o "$beside" "$dump") || die "$host_name: the backup cannot be unpacked; the database is unchanged"
  answer=$(ask "$beside" "SELECT COUNT(*), MAX(id), COUNT(CASE WHEN name = '/bootstrap/$token_fingerprint' THEN 1 END) FROM kine" 2>&1) ||
    die "$host_name: the backup is no database of K3s; the database is unchanged: ${answer##*$'\n'}"
  IFS=$'\t' read -r rows revision bootstrap <<<"$answer"
  [[ $rows == "$expected_rows" && $revision == "$expected_revision" ]] ||
    die "$host_name: the unpacked backup has $rows rows up to revision $revision, but the manifest $expected_rows up to $expected_revision; the database is unchanged"
  ((bootstrap >= 1)) || die "$host_name: the backup holds no keys of this cluster's token; the database is unchanged"
}

# What datastoreExchange.sh does for MySQL: the backup continues above both histories, and is compacted up to there, so that a
# watch from before is told to list again.
raise_revisions() {
  local answer rows current="" raised compacted
  if answer=$(tell_current 2>&1); then
    IFS=$'\t' read -r rows current <<<"$answer"
  else
    printf '%s\n' "the old database cannot be read (${answer##*$'\n'}), so revisions continue from those of the backup"
  fi
  raised=$(raised_revision "${current:-0}")
  compacted=$(ask "$beside" "BEGIN IMMEDIATE;
INSERT INTO kine (id, name, created, deleted, create_revision, prev_revision, lease, value, old_value) VALUES ($raised, 'gap-$raised', 0, 1, 0, 0, 0, NULL, NULL);
UPDATE kine SET prev_revision = $raised WHERE id = (SELECT MAX(id) FROM kine WHERE name = 'compact_rev_key');
SELECT changes();
COMMIT") || die "$host_name: the backup does not accept revision $raised; the reason is above. The database is unchanged"
  [[ $compacted == 1 ]] || die "$host_name: the backup has no row compact_rev_key, so it is not a complete K3s datastore; the database is unchanged"
  printf '%s\n' "revisions continue from $raised, so that watches list everything again"
}

# The old log would be read into the new file, so it is emptied into the old one first: whenever the power fails, one of the
# two is there whole.
swap() {
  [[ -s $beside ]] || die "$host_name: there is no backup beside the database to exchange; run the restore again from its beginning"
  if is_there && ! ask "$database_file" "PRAGMA wal_checkpoint(TRUNCATE)" >/dev/null 2>&1; then
    printf '%s\n' "the log of the old database cannot be written into it; both are in $kept as they were"
  fi
  rm -f "$database_file-wal" "$database_file-shm"
  sync "$(dirname "$database_file")"
  write_file "$mark" <<<"$host_name"
  put_in_place "$beside" "$database_file"
  rm -f "$dump"
}

apply() {
  lock_host
  (umask 077 && mkdir -p "$restore_directory")
  [[ $phase == room ]] || require_stopped
  case $phase in
    room) check_room ;;
    lock) tell_current || printf '%s\n' "$host_name: the current database cannot be read; it is kept as it is" >&2 ;;
    prepare)
      keep_current
      unpack_beside
      raise_revisions
      ;;
    swap) swap ;;
  esac
}

remove() { :; }
