#!/bin/bash
# Backups of a K3s datastore: takes one and proves it, or tells about those there are.
set -euo pipefail
umask 077
export LC_ALL=C TZ=UTC PATH=${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin

# The largest row is an object and its predecessor, 1.5 MiB each, in hexadecimal.
max_packet=64M
# What an empty verification server takes, in bytes, with room to spare.
server_bytes=$((160 << 20))
declare -A setting

say() { printf '%s\n' "$*"; }

die() {
  printf 'k3s-ha-backup: %s\n' "$*" >&2
  exit 1
}

usage() {
  cat <<'TEXT'
usage: k3s-ha-backup COMMAND
  run             take a backup, prove that it can be restored, and remove the oldest ones
  list            show the backups on this host
  latest          print the id of the newest backup of this cluster
  latest --json   print the manifest of that backup
TEXT
}

# The settings are read, not executed: lines "name=value".
read_settings() {
  local file=${K3S_HA_BACKUP_CONFIG:-/etc/k3s-ha/backup.conf} name value
  [[ -r $file ]] || die "cannot read the settings in $file; run as root"
  while IFS='=' read -r name value; do setting[$name]=$value; done <"$file"
  for name in directory keep database source client_options token_fingerprint_file k3s_version verifier; do
    [[ -n ${setting[$name]:-} ]] || die "$file lacks the setting $name; run pulumi up again"
  done
  directory=${setting[directory]}
  work=$directory/.partial
  [[ -d $directory ]] || die "the backup directory $directory does not exist; is its disk mounted?"
  token_fingerprint=$(<"${setting[token_fingerprint_file]}") || die "cannot read ${setting[token_fingerprint_file]}; run as root"
}

# ---- the backups that there are ----

# manifest_value ID NAME
manifest_value() { sed -nE "s/^  \"$2\": \"?([^\",]*)\"?,?$/\1/p" "$directory/$1/manifest.json"; }

# Ids of all backups, the oldest first. Whatever lies under such a name is complete: it got its name at the very end.
backup_ids() {
  local path
  for path in "$directory"/[0-9]*Z-[0-9]*/manifest.json; do
    [[ ! -e $path ]] || basename "$(dirname "$path")"
  done
}

is_intact() {
  local size
  size=$(manifest_value "$1" size)
  [[ -n $size && $(stat --format %s "$directory/$1/$(manifest_value "$1" file)" 2>/dev/null) == "$size" ]]
}

# Ids of the verified backups of this cluster, the oldest first. Those of another cluster are not ours to count.
own_backup_ids() {
  local id
  for id in $(backup_ids); do
    if [[ $(manifest_value "$id" tokenFingerprint) == "$token_fingerprint" ]] && is_intact "$id"; then say "$id"; fi
  done
}

list() {
  local id verified
  printf '%-32s %-20s %9s %9s %-8s %s\n' ID TAKEN ROWS SIZE VERIFIED TOKEN
  for id in $(backup_ids); do
    if is_intact "$id"; then verified=yes; else verified=DAMAGED; fi
    printf '%-32s %-20s %9s %9s %-8s %s\n' "$id" "$(manifest_value "$id" startedAt)" "$(manifest_value "$id" rows)" \
      "$(numfmt --to=iec "$(manifest_value "$id" size)")" "$verified" "$(manifest_value "$id" tokenFingerprint)"
  done
}

latest() {
  local id
  id=$(own_backup_ids | tail -n 1)
  [[ -n $id ]] || die "there is no verified backup of this cluster in $directory yet"
  if [[ ${1:-} == --json ]]; then cat "$directory/$id/manifest.json"; else say "$id"; fi
}

# ---- taking one ----

child=
verification_server=

# Runs in the background and waits, so that a signal is acted on at once and not when the child is done.
attend() {
  local status=0
  "$@" 2>"$work/complaints" &
  child=$!
  # The shell's own remark on a child that was killed; the caller says it better.
  wait "$child" 2>/dev/null || status=$?
  child=
  return "$status"
}

# end PID: a child that has nothing to finish.
end() {
  if kill -KILL "$1" 2>/dev/null; then
    while kill -0 "$1" 2>/dev/null; do wait "$1" 2>/dev/null || break; done
  fi
}

clean_up() {
  local status=$? pid
  trap - EXIT
  trap '' HUP INT TERM
  for pid in $child $verification_server; do end "$pid"; done
  rm -rf "$work"
  exit "$status"
}

# A full disk takes the complaints with it, so it is looked for first.
is_disk_full() { (($(free_bytes) < 1 << 20)); }
free_bytes() { df --output=avail --block-size=1 "$directory" | tail -n 1; }

# The last line that a program printed which failed, without its name. The lines before can quote what it was given.
complaint() {
  if is_disk_full; then
    say "the disk of $directory is full"
  else
    tail -n 1 "$work/complaints" | sed -E 's/^[a-z-]+: //'
  fi
}

# ask_source: answers SQL on standard input from the datastore; its password travels in the option file alone.
ask_source() {
  mariadb --defaults-file="${setting[client_options]}" --connect-timeout=10 --batch --skip-column-names "${setting[database]}" 2>"$work/complaints" ||
    die "$(explain_source "$(complaint)")"
}

# explain_source COMPLAINT: a sentence with the remedy, by the error number that clients and servers agree on.
explain_source() {
  local source=${setting[source]} number=
  if [[ ${1,,} =~ error:?\ ([0-9]+) ]]; then number=${BASH_REMATCH[1]}; fi
  case $number in
    1045) say "the datastore $source refused the backup user or its password; run pulumi up, which sets both: $1" ;;
    1044 | 1142) say "the backup user may not read the datastore $source; run pulumi up, which grants it: $1" ;;
    1049 | 1146) say "the datastore $source holds no cluster: K3s has never started on it: $1" ;;
    2026) say "the datastore $source did not prove who it is (TLS), so nothing was read from it: $1" ;;
    2002 | 2003 | 2005 | 2006 | 2013) say "the datastore $source does not answer; check that it runs and lets this host in: $1" ;;
    *) say "the datastore $source could not be read: $1" ;;
  esac
}

# What the dump has to hold at least, and how much room it takes.
look_at_source() {
  local answer
  answer=$(ask_source <<'SQL'
SELECT COUNT(*), COALESCE(MAX(id), 0), COALESCE(MAX(CASE WHEN name = 'compact_rev_key' THEN prev_revision END), 0),
       (SELECT COALESCE(SUM(data_length + index_length), 0) FROM information_schema.tables
        WHERE table_schema = DATABASE() AND table_name = 'kine'),
       REPLACE(VERSION(), '\t', ' ')
FROM kine;
SQL
  )
  IFS=$'\t' read -r rows_before revision_before compacted_before source_bytes server_version <<<"$answer"
  case $server_version in *MariaDB*) engine=mariadb ;; *) engine=mysql ;; esac
}

# The dump is twice the data, being hexadecimal; its copy in the verification server takes what the source does.
check_space() {
  local needed=$((3 * source_bytes + server_bytes)) free
  free=$(free_bytes)
  ((free >= needed)) ||
    die "$directory has $((free >> 20)) MiB left and a backup takes up to $((needed >> 20)) MiB while it is made; free some, or keep fewer backups"
}

dump() {
  local status=0
  attend mariadb-dump --defaults-file="${setting[client_options]}" --single-transaction --quick --hex-blob \
    --skip-triggers --no-tablespaces --max-allowed-packet="$max_packet" --result-file="$work/kine.sql" \
    "${setting[database]}" kine || status=$?
  ((status < 128)) || die "the dump was ended by the signal $(kill -l "$status") before it was complete"
  ((status == 0)) || ! is_disk_full || die "the dump could not be written: $(complaint)"
  ((status == 0)) || die "$(explain_source "$(complaint)")"
  [[ -s $work/kine.sql && $(tail -n 1 "$work/kine.sql") == "-- Dump completed"* ]] ||
    die "the dump is cut short: its last line is not \"-- Dump completed\""
}

# ask_copy: SQL on standard input, in the verification server. Its socket is reached by a relative name, because an
# absolute one must not be longer than 107 characters.
ask_copy() {
  cd "$work/server"
  mariadb --no-defaults --socket=socket --batch --skip-column-names --max-allowed-packet="$max_packet" "$@"
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

restore() { (ask_copy kine <"$work/kine.sql"); }

# Restores the dump and looks into the copy: what is kept is what was seen to work.
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
  stop_verification_server

  # K3s only ever adds rows, except when it compacts. Compacting steps over revisions, and each one it steps over
  # frees two rows at the most: the row that it replaced and, if it is a deletion, itself.
  least=$((rows_before - 2 * (compacted - compacted_before)))
  ((rows >= least)) || die "the restored copy has $rows rows, and the datastore had $rows_before before the dump"
  ((revision >= revision_before)) || die "the restored copy ends at revision $revision, and the datastore was at $revision_before before the dump"
  ((bootstrap == 1)) || die "$(explain_bootstrap "$own_rows" "$bootstrap_rows")"
  ((compact_rows == 1)) || die "the restored copy has $compact_rows rows compact_rev_key where K3s keeps 1; this is not a whole K3s datastore"
  ((namespaces >= 1)) || die "the restored copy holds no namespace; this is not a whole K3s datastore"
}

# explain_bootstrap OWN ALL: why the cluster's keys are not in the copy, from the rows for them under our token and under any.
explain_bootstrap() {
  if (($1 > 0 || $2 == 0)); then
    say "the datastore does not hold the cluster's keys (/bootstrap/) yet: K3s has not finished its first start on it"
  else
    say "the datastore holds no cluster keys under /bootstrap/$token_fingerprint: they belong to another server token, and this dump could not be restored with ours"
  fi
}

# What is kept is compared with what was verified, byte by byte.
compress() {
  gzip --no-name <"$work/kine.sql" >"$1" || return
  gzip --decompress --stdout "$1" | cmp --silent - "$work/kine.sql" || {
    say "what was written reads back differently; check this disk" >&2
    return 1
  }
}

utc() { date --utc --date="@$1" "+$2"; }

json_string() {
  local text=${1//\\/\\\\}
  printf '"%s"' "${text//\"/\\\"}"
}

write_manifest() {
  cat <<JSON
{
  "id": $(json_string "$id"),
  "engine": "$engine",
  "serverVersion": $(json_string "$server_version"),
  "k3sVersion": $(json_string "${setting[k3s_version]}"),
  "source": $(json_string "${setting[source]}/${setting[database]}"),
  "rows": $rows,
  "revision": $revision,
  "tokenFingerprint": "$token_fingerprint",
  "startedAt": "$(utc "$started" %FT%TZ)",
  "finishedAt": "$(utc "$(date +%s)" %FT%TZ)",
  "file": "kine.sql.gz",
  "size": $(stat --format %s "$work/backup/kine.sql.gz"),
  "sha256": "$(sha256sum <"$work/backup/kine.sql.gz" | cut -d ' ' -f 1)"
}
JSON
}

# The backup appears whole, with its manifest, or not at all; also when the power goes.
publish() {
  mkdir "$work/backup"
  attend compress "$work/backup/kine.sql.gz" || die "the dump could not be compressed: $(complaint)"
  write_manifest >"$work/backup/manifest.json" 2>"$work/complaints" || die "the manifest could not be written: $(complaint)"
  sync "$work/backup/kine.sql.gz" "$work/backup/manifest.json" "$work/backup"
  mv --no-target-directory "$work/backup" "$directory/$id"
  sync "$directory"
}

# Only a run that ended well removes anything, and never what it has just made, whatever the clock says.
remove_oldest() {
  local old others
  mapfile -t others < <(own_backup_ids | grep --fixed-strings --line-regexp --invert-match "$id")
  mkdir "$work/removed"
  for ((old = 0; old < ${#others[@]} - setting[keep] + 1; old++)); do
    # Renamed first: a removal that is cut short leaves no half of a backup under a backup's name.
    mv "$directory/${others[old]}" "$work/removed/"
    say "removed ${others[old]}, as ${setting[keep]} are kept"
  done
}

run() {
  local started
  started=$(date +%s)
  exec 9>"$directory/.lock"
  flock --nonblock 9 || die "another backup is being taken on this host; this run did nothing"
  # What a run left behind that was killed before it could clean up.
  rm -rf "$work"
  trap clean_up EXIT
  trap 'printf "k3s-ha-backup: stopped by a signal; the earlier backups are as they were\n" >&2; exit 143' HUP INT TERM
  mkdir "$work"
  look_at_source
  check_space
  dump
  verify
  id=$(utc "$started" %Y%m%dT%H%M%SZ)-$revision
  publish
  remove_oldest
  say "backup $id: $rows rows, $(numfmt --to=iec "$(manifest_value "$id" size)"), restored and checked in $(($(date +%s) - started)) s"
}

case ${1:-} in
  run | list | latest)
    read_settings
    "$@"
    ;;
  *)
    usage >&2
    exit 2
    ;;
esac
