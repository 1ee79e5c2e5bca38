# shellcheck shell=bash
# sql_questions: queries of a MySQL or MariaDB, as a user with read access to the schema; a line "name<TAB>value" for each answer.
# The microseconds are those of a query of the newest row, including the network.
sql_questions() {
  cat <<'SQL'
SELECT 'version', VERSION();
SET @before = SYSDATE(6);
SELECT 'newest', COALESCE(MAX(id), 0) FROM kine;
SELECT 'microseconds', TIMESTAMPDIFF(MICROSECOND, @before, SYSDATE(6)) DIV 2;
SELECT 'allowed', @@GLOBAL.max_connections;
SHOW GLOBAL STATUS LIKE 'Threads_connected';
SELECT 'rows', COUNT(*) FROM kine;
SELECT 'compacted', COALESCE(MAX(prev_revision), 0) FROM kine WHERE name = 'compact_rev_key';
SELECT 'bytes', COALESCE(SUM(data_length + index_length), 0) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE();
SELECT 'clients', COUNT(DISTINCT SUBSTRING_INDEX(HOST, ':', 1)) FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND HOST <> 'localhost';
SHOW GLOBAL VARIABLES LIKE 'innodb_snapshot_isolation';
SQL
}

# tell_mysql WHICH: reports the MySQL or MariaDB of an endpoint, if this host has a client.
tell_mysql() { ! command -v mariadb >/dev/null || tell_answers MySQL ask_mysql "$1"; }

# ask_mysql WHICH: the client reads the login, with the password, from a descriptor.
ask_mysql() {
  local tls=(--ssl-ca="$datastore_ca_path" --ssl-verify-server-cert)
  [[ ! -s $datastore_key_path ]] || tls+=(--ssl-cert="$datastore_certificate_path" --ssl-key="$datastore_key_path")
  mariadb --defaults-file=/dev/fd/8 "${tls[@]}" --connect-timeout=3 --batch --skip-column-names \
    8< <(printf '%s' "${endpoint_logins[$1]}") < <(sql_questions)
}
