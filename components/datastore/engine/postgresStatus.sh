# shellcheck shell=bash
postgres_questions() {
  cat <<'SQL'
SELECT 'address', CASE WHEN :'HOST' LIKE '%:%' THEN '[' || :'HOST' || ']' ELSE :'HOST' END || ':' || :'PORT' WHERE :'HOST' NOT LIKE '/%';
SELECT 'version', current_setting('server_version');
SELECT extract(epoch FROM clock_timestamp()) AS before \gset
SELECT 'newest', COALESCE(MAX(id), 0) FROM kine;
SELECT 'microseconds', ((extract(epoch FROM clock_timestamp()) - :before) * 500000)::bigint;
SELECT 'allowed', current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int;
SELECT 'Threads_connected', count(*) FROM pg_stat_activity WHERE backend_type = 'client backend';
SELECT 'rows', COUNT(*) FROM kine;
SELECT 'compacted', COALESCE(MAX(prev_revision), 0) FROM kine WHERE name = 'compact_rev_key';
SELECT 'bytes', pg_total_relation_size('kine');
SELECT 'clients', count(DISTINCT client_addr) FROM pg_stat_activity WHERE datname = current_database();
SELECT 'oldest_transaction', COALESCE(extract(epoch FROM clock_timestamp() - min(xact_start)), 0)::bigint FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid();
SELECT 'dead_rows', n_dead_tup FROM pg_stat_user_tables WHERE relname = 'kine';
SQL
}

# tell_postgres WHICH: reports the PostgreSQL of an endpoint, if this host has a client.
tell_postgres() { ! command -v psql >/dev/null || tell_answers PostgreSQL ask_postgres "$1"; }

# ask_postgres WHICH: the login, with the password, is in the client's environment, which only root can read. Each of several
# hosts may take the seconds to connect.
ask_postgres() (
  local login tls=(PGSSLMODE=verify-full PGSSLROOTCERT="$datastore_ca_path")
  [[ ! -s $datastore_key_path ]] || tls+=(PGSSLCERT="$datastore_certificate_path" PGSSLKEY="$datastore_key_path")
  mapfile -t login <<<"${endpoint_logins[$1]}"
  export "${login[@]}" "${tls[@]}" PGCONNECT_TIMEOUT=3
  [[ $PGHOST != *,* ]] || PGCONNECT_TIMEOUT=2
  psql --no-psqlrc --no-password --tuples-only --no-align --field-separator=$'\t' --quiet --set=ON_ERROR_STOP=1 < <(postgres_questions)
)
