# shellcheck shell=bash
# Puts a backup in the place of the database's content, in phases that may each be repeated: "room" checks for space and removes
# what an interrupted restore left, "lock" keeps the servers out and reports the current content, "prepare" keeps that and imports
# the backup beside it, "swap" exchanges the two in one step, "open" lets the servers in again.
restore_directory=$state_directory/restore
dump=$restore_directory/kine.sql.zst
beside=${database}_restoring

# run_as_postgres PROGRAM ARGUMENT...: PostgreSQL's own programs, as its superuser on the socket.
run_as_postgres() { (cd / && exec setpriv --reuid=postgres --regid=postgres --init-groups env PGPORT="$port" "$@"); }

has_database() { [[ $(sql --command "SELECT count(*) FROM pg_database WHERE datname = '$1'") == 1 ]]; }

is_there() { has_database "$1" && [[ $(sql --dbname="$1" --command "SELECT count(*) FROM pg_class WHERE oid = to_regclass('public.kine')") == 1 ]]; }

# tell_current: rows and revision of the current content; nothing without any.
tell_current() {
  if is_there "$database"; then sql --dbname="$database" --command "SELECT count(*), coalesce(max(id), 0) FROM public.kine"; fi
}

# require_room PATH BYTES
require_room() {
  local free
  free=$(df --output=avail --block-size=1 "$1" | tail -n 1)
  ((free > $2 + (64 << 20))) ||
    die "$host_name: $1 has $((free >> 20)) MiB free, but a restore needs $((($2 >> 20) + 64)) MiB there; free some space, then run it again. Nothing was changed."
}

# drop_database NAME: if it exists.
drop_database() {
  sql <<SQL
SET client_min_messages = warning;
DROP DATABASE IF EXISTS "$1" WITH (FORCE);
SQL
}

drop_beside() { drop_database "$beside"; }

# Checked while everything still runs. The import takes what the dump does, and as much for its indexes and its log.
check_room() {
  local held=0
  rm -f "$dump" "$dump.new" "$safety_directory"/*.new
  drop_beside
  if is_there "$database"; then held=$(sql --dbname="$database" --command "SELECT pg_total_relation_size('public.kine')"); fi
  (umask 077 && mkdir -p "$safety_directory")
  if [[ $(stat --format %d "$safety_directory") == $(stat --format %d "$data_directory") ]]; then
    require_room "$data_directory" $((3 * expected_bytes + held + packed_bytes))
  else
    require_room "$data_directory" $((3 * expected_bytes))
    require_room "$safety_directory" "$held"
  fi
  if [[ $(stat --format %d "$state_directory") != $(stat --format %d "$data_directory") ]]; then require_room "$state_directory" "$packed_bytes"; fi
}

# No server writes while the databases are exchanged.
lock_out_servers() {
  sql <<SQL
SELECT 'ALTER ROLE "$k3s_role" NOLOGIN' WHERE EXISTS (SELECT FROM pg_roles WHERE rolname = '$k3s_role') \gexec
SQL
  end_sessions
}

end_sessions() {
  sql --command "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname IN ('$database', '$beside') AND pid <> pg_backend_pid()" >/dev/null
}

keep_current() {
  local kept=$safety_directory/before-restore-$started.pgdump.zst
  is_there "$database" || {
    printf '%s\n' "the database $database is empty, so there is nothing to keep"
    return 0
  }
  if [[ ! -e $kept ]]; then
    (umask 077 && run_as_postgres pg_dump --format=custom --compress=0 --table=public.kine "$database" | zstd --quiet >"$kept.new") ||
      die "$host_name: the current content of the datastore could not be dumped, so nothing was changed"
    # The list of its content is at its beginning.
    zstd --quiet --decompress --stdout "$kept.new" | { run_as_postgres pg_restore --list >/dev/null && cat >/dev/null; } ||
      die "$host_name: the dump of the current content is incomplete, so nothing was changed"
    sync "$kept.new"
    mv "$kept.new" "$kept"
  fi
  printf '%s\n' "the old content of the datastore is kept in $kept"
}

# The owner's database, with the owner's table: what K3s takes at its next start.
import_beside() {
  local answer rows revision bootstrap
  drop_beside
  sql <<SQL
SELECT 'CREATE ROLE "$owner" NOLOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '$owner') \gexec
CREATE DATABASE "$beside" OWNER "$owner" TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C';
SQL
  sql --dbname="$beside" --command "ALTER SCHEMA public OWNER TO \"$owner\""
  answer=$({ zstd --quiet --decompress --stdout "$dump" | run_as_postgres pg_restore --dbname="$beside" --no-owner --no-privileges --role="$owner" --exit-on-error --single-transaction; } 2>&1) ||
    die "$host_name: the backup cannot be imported; the datastore is unchanged: $(tail -n 1 <<<"$answer")"
  IFS=$'\t' read -r rows revision bootstrap < <(sql --dbname="$beside" --command "SELECT count(*), max(id), count(CASE WHEN name = '/bootstrap/$token_fingerprint' THEN 1 END) FROM public.kine")
  [[ $rows == "$expected_rows" && $revision == "$expected_revision" ]] ||
    die "$host_name: the import has $rows rows up to revision $revision, but the backup $expected_rows up to $expected_revision; the datastore is unchanged"
  ((bootstrap >= 1)) || die "$host_name: the backup holds no keys of this cluster's token; the datastore is unchanged"
}

# raise_revisions: the import continues at a revision above both histories, and is compacted up to there. A watch from
# an older one is answered that it is too old, and lists again; otherwise it would see nothing until the numbers met again.
# A row, as kine fills gaps with, and not the sequence alone: kine would fill the gap one by one.
raise_revisions() {
  local rows current=0 raised compacted
  if is_there "$database"; then IFS=$'\t' read -r rows current < <(tell_current); fi
  raised=$(raised_revision "$current")
  compacted=$(sql --dbname="$beside" <<SQL
BEGIN;
INSERT INTO public.kine (id, name, created, deleted, create_revision, prev_revision, lease, value, old_value) VALUES ($raised, 'gap-$raised', 0, 1, 0, 0, 0, NULL, NULL);
WITH marked AS (UPDATE public.kine SET prev_revision = $raised WHERE id = (SELECT max(id) FROM public.kine WHERE name = 'compact_rev_key') RETURNING 1)
SELECT count(*) FROM marked;
DO \$\$ BEGIN PERFORM setval(pg_get_serial_sequence('public.kine', 'id'), $raised); END \$\$;
COMMIT;
ANALYZE public.kine;
SQL
  ) || die "$host_name: the import does not accept revision $raised; the reason is above. The datastore is unchanged"
  [[ $compacted == 1 ]] || die "$host_name: the backup has no row compact_rev_key, so it is not a complete K3s datastore; the datastore is unchanged"
  printf '%s\n' "revisions continue from $raised, so that watches list everything again"
}

# Both at once, or none, also after a power cut. Nobody else can connect to either of them.
exchange() {
  local replaced=${database}_replaced_$started
  if ! has_database "$beside"; then
    die "$host_name: there is no import to exchange; run the restore again from its beginning"
  fi
  replaced=${replaced,,}
  replaced=${replaced:0:63}
  end_sessions
  if ! is_there "$database"; then
    drop_database "$database"
    sql --command "ALTER DATABASE \"$beside\" RENAME TO \"$database\""
  else
    sql <<SQL
BEGIN;
ALTER DATABASE "$database" RENAME TO "$replaced";
ALTER DATABASE "$beside" RENAME TO "$database";
COMMIT;
SQL
    printf '%s\n' "the replaced database is $replaced; once everything works: DROP DATABASE $replaced"
  fi
}

# Rights belong to a database, not to its name.
open_up() {
  local role
  sql --command "REVOKE ALL ON DATABASE \"$database\" FROM PUBLIC"
  for role in "$k3s_role" "$backup_role"; do
    sql <<SQL
SELECT 'GRANT CONNECT ON DATABASE "$database" TO "$role"' WHERE EXISTS (SELECT FROM pg_roles WHERE rolname = '$role') \gexec
SQL
  done
  sql <<SQL
SELECT 'ALTER ROLE "$k3s_role" LOGIN' WHERE EXISTS (SELECT FROM pg_roles WHERE rolname = '$k3s_role') \gexec
SQL
  rm -f "$dump"
}

apply() {
  lock_host
  find_cluster
  (umask 077 && mkdir -p "$restore_directory")
  case $phase in
    room) check_room ;;
    lock)
      lock_out_servers
      tell_current
      ;;
    prepare)
      keep_current
      import_beside
      raise_revisions
      ;;
    swap) exchange ;;
    open) open_up ;;
  esac
}

remove() { :; }
