# shellcheck shell=bash
# ---- reading the datastore ----

# The name of a dump, and what the settings have to have for this engine.
dump_name=kine.sql
driver_settings=(client_options)

# The largest row is an object and its predecessor, 1.5 MiB each, in hexadecimal.
max_packet=64M
# What an empty verification server takes, in bytes, with room to spare.
server_bytes=$((160 << 20))

# Both families of clients read both families of servers; which one is there decides about options. MariaDB's checks the
# server's certificate by its option file.
choose_client() {
  if command -v mariadb-dump >/dev/null; then
    client=mariadb dumper=mariadb-dump tls_options=() dump_options=()
  elif command -v mysqldump >/dev/null; then
    client=mysql dumper=mysqldump tls_options=(--ssl-mode=VERIFY_IDENTITY) dump_options=(--set-gtid-purged=OFF --column-statistics=0)
    [[ $(mysqldump --version) != *MariaDB* ]] || tls_options=() dump_options=()
  else
    die "this host has neither mariadb-dump nor mysqldump; run pulumi up, which installs the first"
  fi
}

# ask_source: answers SQL on standard input from the datastore; its password travels in the option file alone.
ask_source() {
  "$client" --defaults-file="${setting[client_options]}" "${tls_options[@]}" --connect-timeout=10 --batch --skip-column-names "${setting[database]}" 2>"$work/complaints" ||
    die "$(explain_source "$(complaint)")"
}

# explain_source COMPLAINT: a sentence with the remedy, by the error number that clients and servers agree on.
explain_source() {
  local source=${setting[source]} number=
  if [[ ${1,,} =~ error:?\ ([0-9]+) ]]; then number=${BASH_REMATCH[1]}; fi
  case $number in
    1045) say "the datastore $source refused the backup user or its password; run pulumi up, which sets both: $1" ;;
    1044 | 1142) say "the backup user may not read the datastore $source; run pulumi up, which grants it: $1" ;;
    1049 | 1146) say "the datastore $source holds no cluster, because K3s never started on it: $1" ;;
    2026) say "the TLS certificate of the datastore $source could not be verified, so nothing was read from it: $1" ;;
    2002 | 2003 | 2005 | 2006 | 2013) say "the datastore $source does not answer; check that it runs and accepts this host: $1" ;;
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
    die "$directory has $((free >> 20)) MiB left, but a backup in progress needs up to $((needed >> 20)) MiB; free some space, or keep fewer backups"
}

dump() {
  local status=0
  attend "$dumper" --defaults-file="${setting[client_options]}" "${tls_options[@]}" "${dump_options[@]}" --single-transaction --quick --hex-blob \
    --skip-triggers --no-tablespaces --max-allowed-packet="$max_packet" --result-file="$work/$dump_name" \
    "${setting[database]}" kine || status=$?
  ((status < 128)) || die "the signal $(kill -l "$status") ended the dump before it was complete"
  ((status == 0)) || ! is_disk_full || die "the dump could not be written: $(complaint)"
  ((status == 0)) || die "$(explain_source "$(complaint)")"
  [[ -s $work/kine.sql && $(tail -n 1 "$work/$dump_name") == "-- Dump completed"* ]] ||
    die "the dump is incomplete: its last line is not \"-- Dump completed\""
}

