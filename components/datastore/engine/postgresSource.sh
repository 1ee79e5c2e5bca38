# shellcheck shell=bash
# ---- reading the datastore ----

# The name of a dump, and what the settings have to have for this engine.
dump_name=kine.pgdump
driver_settings=(service_file)

# What an empty verification server takes, in bytes, with room to spare.
server_bytes=$((100 << 20))

# The programs of the newest version that is installed read every older server.
choose_client() {
  programs=$(find /usr/lib/postgresql -mindepth 3 -maxdepth 3 -path '*/bin/postgres' 2>/dev/null | sort --version-sort | tail -n 1) || programs=
  [[ -n $programs ]] || die "this host has no PostgreSQL programs; run pulumi up, which installs them"
  programs=${programs%/postgres}
}

# with_login PROGRAM...: with the login of the backup, whose password is in the service file alone.
with_login() { PGSERVICEFILE=${setting[service_file]} PGSERVICE=k3s "$@"; }

# ask_source: answers SQL on standard input from the datastore.
ask_source() {
  with_login "$programs/psql" --no-psqlrc --no-password --tuples-only --no-align --quiet --field-separator=$'\t' --set=ON_ERROR_STOP=1 --set=VERBOSITY=terse 2>"$work/complaints" ||
    die "$(explain_source "$(complaint)")"
}

# explain_source COMPLAINT: a sentence with the remedy.
explain_source() {
  local source=${setting[source]}
  case $1 in
    *"authentication failed"* | *"pg_hba.conf"*) say "the datastore $source refused the backup user or its password; run pulumi up, which sets both: $1" ;;
    *"permission denied"*) say "the backup user may not read the datastore $source; run pulumi up, which grants it: $1" ;;
    *"version mismatch"*) say "the datastore $source is newer than the PostgreSQL programs of this host, which cannot read it: take backups on a host with its version: $1" ;;
    *"does not exist"* | *"no matching tables"*) say "the datastore $source holds no cluster, because K3s never started on it: $1" ;;
    *certificate* | *SSL*) say "the TLS certificate of the datastore $source could not be verified, so nothing was read from it: $1" ;;
    *"connection to server"* | *"could not connect"* | *"could not translate"* | *"server closed the connection"*) say "the datastore $source does not answer; check that it runs and accepts this host: $1" ;;
    *) say "the datastore $source could not be read: $1" ;;
  esac
}

# What the dump has to hold at least, and how much room it takes.
look_at_source() {
  local answer
  answer=$(ask_source <<'SQL'
SELECT COUNT(*), COALESCE(MAX(id), 0), COALESCE(MAX(CASE WHEN name = 'compact_rev_key' THEN prev_revision END), 0),
       pg_total_relation_size('kine'), current_setting('server_version')
FROM kine;
SQL
  )
  IFS=$'\t' read -r rows_before revision_before compacted_before source_bytes server_version <<<"$answer"
  engine=postgres
}

# The dump, its compressed form, and its copy in the verification server each take no more than the source does.
check_space() {
  local needed=$((3 * source_bytes + server_bytes)) free
  free=$(free_bytes)
  ((free >= needed)) ||
    die "$directory has $((free >> 20)) MiB left, but a backup in progress needs up to $((needed >> 20)) MiB; free some space, or keep fewer backups"
}

# One snapshot, of the table with the sequence that it owns.
dump() {
  local status=0
  attend with_login "$programs/pg_dump" --no-password --format=custom --compress=0 --no-owner --no-privileges --no-tablespaces \
    --no-comments --no-security-labels --lock-wait-timeout=60s --table=kine --file="$work/$dump_name" || status=$?
  ((status < 128)) || die "the signal $(kill -l "$status") ended the dump before it was complete"
  ((status == 0)) || ! is_disk_full || die "the dump could not be written: $(complaint)"
  ((status == 0)) || die "$(explain_source "$(complaint)")"
  "$programs/pg_restore" --list "$work/$dump_name" >/dev/null 2>"$work/complaints" || die "the dump is incomplete: $(complaint)"
}
