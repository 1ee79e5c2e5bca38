# shellcheck shell=bash
sqlite_questions() {
  cat <<'SQL'
SELECT 'version', sqlite_version();
SELECT 'newest', COALESCE(MAX(id), 0) FROM kine;
SELECT 'rows', COUNT(*) FROM kine;
SELECT 'compacted', COALESCE(MAX(prev_revision), 0) FROM kine WHERE name = 'compact_rev_key';
SELECT 'bytes', page_count * page_size FROM pragma_page_count(), pragma_page_size();
SQL
}

# ask_sqlite: the size of the log beside the database is that of its file, since SQLite uses it again from its beginning.
ask_sqlite() {
  local database=/var/lib/rancher/k3s/server/db/state.db before answer
  before=${EPOCHREALTIME/./}
  answer=$(sqlite3 -batch -bail -readonly -separator $'\t' -cmd '.timeout 3000' "$database" < <(sqlite_questions)) || return
  printf '%s\n' "$answer"
  printf 'microseconds\t%s\n' "$((${EPOCHREALTIME/./} - before))"
  printf 'log_bytes\t%s\n' "$(stat --format %s "$database-wal" 2>/dev/null || printf 0)"
}

# tell_sqlite: reports the database of K3s on this host.
tell_sqlite() { tell_answers SQLite ask_sqlite; }
